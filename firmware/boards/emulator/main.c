/*
 * Runs the network on inputs that the emulator has loaded into memory, and writes outputs.bin by semihosting. At
 * PHINETS_INPUTS, an address that the build defines: uint32 count, uint32 1 if frames are to be tracked (detectors
 * only; frames in order), 8 unused bytes, then `count` inputs. Prints `inference I ticks T` for each input, then `stack
 * B`. With QEMU's `-icount shift=0` an instruction takes 1 ns, so a SysTick tick is as many instructions as the timer's
 * period has nanoseconds. If frames are tracked, also prints `follow I ticks T` and appends to tracks.bin, for each
 * frame: int32 number of boxes, int32 number of tracks, the boxes, the tracks, as these structs are in memory.
 */
#include "phinets_model.h"
#include "semihosting.h"
#include "startup.h"
#ifdef PHINETS_DETECTOR
#include "phinets_follow.h"
#endif

/* System timer, Armv7-M B3.3. */
#define SYST_CSR (*(volatile uint32_t *)0xE000E010)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018)
#define CFSR (*(volatile uint32_t *)0xE000ED28) /* configurable fault status, Armv7-M B3.2.15; 0 on Armv6-M */
enum { ENABLE = 1, TICKINT = 2, CLKSOURCE = 4, PERIOD = 1 << 24 };

static int8_t output[PHINETS_OUTPUT_BYTES];

/* If the rows of the input are pushed, pushes 1, 2, 3, ... rows per call: the number per call must not matter. */
static void infer(const int8_t *input) {
#ifdef PHINETS_INPUT_BY_ROWS
  const int32_t row = PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS;
  phinets_begin(output);
  for (int32_t count = 1; !phinets_push_rows(input, count); count++) input += count * row;
#else
  phinets_run(input, output);
#endif
}

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

/* Ticks since the timer was started. It counts down and interrupts at 0, which starts a new period. This may happen
   between the reads. */
static uint32_t ticks(void) {
  uint32_t before, value;
  do {
    before = wraps;
    value = SYST_CVR;
  } while (before != wraps);
  return before * PERIOD + ((PERIOD - value) & (PERIOD - 1));
}

static void print_ticks(const char *what, uint32_t index, uint32_t elapsed) {
  semihosting_print(what);
  semihosting_print_number(index);
  semihosting_print(" ticks ");
  semihosting_print_number(elapsed);
  semihosting_print("\n");
}

static int create(const char *path) {
  const int file = semihosting_create(path);
  if (file >= 0) return file;
  semihosting_print("cannot create ");
  semihosting_print(path);
  semihosting_print("\n");
  semihosting_exit(1);
}

static void write(int file, const void *bytes, uint32_t length) {
  if (length == 0 || semihosting_write(file, bytes, length) == 0) return;
  semihosting_print("cannot write results\n");
  semihosting_exit(1);
}

#ifdef PHINETS_DETECTOR
static phinets_follower follower;

static void follow(int file, uint32_t index) {
  const uint32_t start = ticks();
  phinets_follow(&follower, &phinets_head, output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
  print_ticks("follow ", index, ticks() - start);
  const int32_t counts[2] = {follower.box_count, follower.track_count};
  write(file, counts, sizeof counts);
  write(file, follower.boxes, (uint32_t)follower.box_count * sizeof follower.boxes[0]);
  write(file, follower.tracks, (uint32_t)follower.track_count * sizeof follower.tracks[0]);
}
#endif

int main(void) {
  const uint32_t count = *(const uint32_t *)PHINETS_INPUTS;
  const int8_t *input = (const int8_t *)(PHINETS_INPUTS + 16);
  const int file = create("outputs.bin");
#ifdef PHINETS_DETECTOR
  const int tracks = *(const uint32_t *)(PHINETS_INPUTS + 4) == 1 ? create("tracks.bin") : -1;
  phinets_follow_start(&follower);
#endif
  SYST_RVR = PERIOD - 1;
  SYST_CVR = 0;
  SYST_CSR = ENABLE | TICKINT | CLKSOURCE;
  for (uint32_t i = 0; i < count; i++, input += PHINETS_INPUT_BYTES) {
    const uint32_t start = ticks();
    infer(input);
    print_ticks("inference ", i, ticks() - start);
    write(file, output, sizeof output);
#ifdef PHINETS_DETECTOR
    if (tracks >= 0) follow(tracks, i);
#endif
  }
  semihosting_close(file);
#ifdef PHINETS_DETECTOR
  if (tracks >= 0) semihosting_close(tracks);
#endif
  semihosting_print("stack ");
  semihosting_print_number(stack_used_bytes());
  semihosting_print("\n");
  semihosting_exit(0);
}
