/*
 * Application for boards/cortex-m on an emulated board: a camera whose frames the emulator has loaded into memory, and
 * the serial line of the emulated machine, in the format of docs/wire-format.md. The build defines the addresses:
 *   PHINETS_INPUTS  uint32 count, uint32 number of repetitions (0: endless), 8 unused bytes, then `count` inputs
 *   PHINETS_UART    address of the UART: Arm's CMSDK APB UART, or that of the nRF51 with PHINETS_UART_NRF51
 * After the last frame, the program exits by semihosting.
 */
#include "phinets_follow.h"
#include "phinets_model.h"
#include "semihosting.h"

void phinets_write(uint8_t byte);
#ifdef PHINETS_INPUT_BY_ROWS
int phinets_frame_row(int32_t y, int8_t *row);
#else
int phinets_frame(int8_t *input);
#endif

#define REGISTER(offset) (*(volatile uint32_t *)(PHINETS_UART + (offset)))

#ifdef PHINETS_UART_NRF51
/* nRF51 Series Reference Manual, chapter 29. */
enum { STARTTX = 0x008, TXDRDY = 0x11C, ENABLE = 0x500, TXD = 0x51C, ON = 4 };

static void start_line(void) {
  REGISTER(ENABLE) = ON;
  REGISTER(STARTTX) = 1;
}

static void drain_line(void) {}

void phinets_write(uint8_t byte) {
  REGISTER(TXDRDY) = 0;
  REGISTER(TXD) = byte;
  while (!REGISTER(TXDRDY)) {
  }
}
#else
/* Arm DDI 0479C, 4.5. */
enum { DATA = 0x00, STATE = 0x04, CONTROL = 0x08, DIVIDER = 0x10, FULL = 1, TRANSMIT = 1, LEAST_DIVIDER = 16 };

static void start_line(void) {
  REGISTER(DIVIDER) = LEAST_DIVIDER;
  REGISTER(CONTROL) = TRANSMIT;
}

static void drain_line(void) {
  while (REGISTER(STATE) & FULL) {
  }
}

void phinets_write(uint8_t byte) {
  drain_line();
  REGISTER(DATA) = byte;
}
#endif

/* Returns the next frame. Ends the program after the last one. */
static const int8_t *next_frame(void) {
  static uint32_t frame, shown;
  const uint32_t *header = (const uint32_t *)PHINETS_INPUTS;
  if (frame == 0 && shown == 0) start_line();
  if (frame == header[0]) {
    frame = 0;
    shown++;
    if (shown == header[1]) {
      drain_line();
      semihosting_exit(0);
    }
  }
  return (const int8_t *)PHINETS_INPUTS + 16 + frame++ * PHINETS_INPUT_BYTES;
}

#ifdef PHINETS_INPUT_BY_ROWS
int phinets_frame_row(int32_t y, int8_t *row) {
  enum { ROW = PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS };
  static const int8_t *input;
  if (y == 0) input = next_frame();
  for (int32_t i = 0; i < ROW; i++) row[i] = input[y * ROW + i];
  return 1;
}
#else
int phinets_frame(int8_t *input) {
  const int8_t *from = next_frame();
  for (int32_t i = 0; i < PHINETS_INPUT_BYTES; i++) input[i] = from[i];
  return 1;
}
#endif
