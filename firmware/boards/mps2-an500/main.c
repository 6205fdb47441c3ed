/*
 * Runs the network on inputs that the emulator has put into PSRAM, and writes outputs.bin through semihosting.
 * PSRAM: uint32 count, 12 bytes of nothing, then `count` inputs. Prints `inference I ticks T` for each, then
 * `stack B`. Under QEMU's `-icount shift=0` a SysTick tick is 40 instructions (1 ns each, the timer at 25 MHz).
 */
#include "phinets_model.h"
#include "semihosting.h"
#include "startup.h"

#define PSRAM 0x60000000u
/* System timer, Armv7-M B3.3. */
#define SYST_CSR (*(volatile uint32_t *)0xE000E010)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018)
#define CFSR (*(volatile uint32_t *)0xE000ED28) /* configurable fault status, Armv7-M B3.2.15 */
enum { ENABLE = 1, TICKINT = 2, CLKSOURCE = 4, PERIOD = 1 << 24 };

static int8_t output[PHINETS_OUTPUT_BYTES];
static volatile uint32_t wraps;

static void on_tick_wrap(void) { wraps++; }

static void on_fault(void) {
  semihosting_print("fault, CFSR ");
  semihosting_print_number(CFSR);
  semihosting_print("\n");
  semihosting_exit(99);
}

typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)stack_top, Reset_Handler, on_fault, on_fault, on_fault, on_fault, on_fault, [15] = on_tick_wrap,
};

/* Ticks since the timer was started. It counts down and interrupts when it reaches 0, which is the start of a period;
   that may happen between the reads. */
static uint32_t ticks(void) {
  uint32_t before, value;
  do {
    before = wraps;
    value = SYST_CVR;
  } while (before != wraps);
  return before * PERIOD + ((PERIOD - value) & (PERIOD - 1));
}

int main(void) {
  const uint32_t count = *(const uint32_t *)PSRAM;
  const int8_t *input = (const int8_t *)(PSRAM + 16);
  const int file = semihosting_create("outputs.bin");
  if (file < 0) {
    semihosting_print("cannot create outputs.bin\n");
    semihosting_exit(1);
  }
  SYST_RVR = PERIOD - 1;
  SYST_CVR = 0;
  SYST_CSR = ENABLE | TICKINT | CLKSOURCE;
  for (uint32_t i = 0; i < count; i++, input += PHINETS_INPUT_BYTES) {
    const uint32_t start = ticks();
    phinets_run(input, output);
    const uint32_t elapsed = ticks() - start;
    if (semihosting_write(file, output, sizeof output) != 0) {
      semihosting_print("cannot write outputs.bin\n");
      semihosting_exit(1);
    }
    semihosting_print("inference ");
    semihosting_print_number(i);
    semihosting_print(" ticks ");
    semihosting_print_number(elapsed);
    semihosting_print("\n");
  }
  semihosting_close(file);
  semihosting_print("stack ");
  semihosting_print_number(stack_used_bytes());
  semihosting_print("\n");
  semihosting_exit(0);
}
