/*
 * Main program for any Cortex-M: runs network, detection and tracking in a loop. A generated linker script places it in
 * the board's memory regions. Clocks and pins stay as after reset; the caches of a Cortex-M7 are switched on. Define
 * the weak functions of serve.h in your own file:
 *   int phinets_frame(int8_t *input)           fill PHINETS_INPUT_BYTES bytes ([height][width][channels]) with
 *                                              pixel - 128; return 1 when done, 0 if there is no new frame
 *   int phinets_frame_row(int32_t y, int8_t *row)  instead of it, if rows are pushed (PHINETS_INPUT_BY_ROWS): fill
 *                                              row y, from 0 on; return 1 when done, 0 if there is no new frame
 *   void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count)
 *                                              use the `count` tracks of a frame; boxes[tracks[i].detection] has class
 *                                              and score
 *   void phinets_result(const int8_t *output)  if the network is not a detector: use PHINETS_OUTPUT_BYTES bytes
 */
#include "serve.h"

typedef void (*handler)(void);
/* System exceptions only. To use interrupts of the chip, write a table of your own and put its address into VTOR. */
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    [0] = (handler)stack_top,
    [1] = Reset_Handler,
    [2 ... 15] = stop,
};

#if defined(__ARM_ARCH_7EM__)
/* Cache maintenance registers, Armv7-M B2.2. */
#define CPUID (*(volatile uint32_t *)0xE000ED00)
#define CCR (*(volatile uint32_t *)0xE000ED14)
#define CLIDR (*(volatile uint32_t *)0xE000ED78)
#define CCSIDR (*(volatile uint32_t *)0xE000ED80)
#define CSSELR (*(volatile uint32_t *)0xE000ED84)
#define ICIALLU (*(volatile uint32_t *)0xE000EF50)
#define DCISW (*(volatile uint32_t *)0xE000EF60)
enum { CORTEX_M7 = 0xC27, INSTRUCTION_CACHE = 1, DATA_CACHE = 2 };

static void barrier(void) { __asm__ volatile("dsb\n\tisb" ::: "memory"); }

static void enable_caches(void) {
  if ((CPUID >> 4 & 0xFFF) != CORTEX_M7) return; /* a Cortex-M4 can run this program, too, but has no caches */
  if (CLIDR & INSTRUCTION_CACHE) {
    ICIALLU = 0;
    barrier();
    CCR |= 1u << 17;
    barrier();
  }
  if (CLIDR & DATA_CACHE) {
    CSSELR = 0; /* level 1, data */
    barrier();
    const uint32_t size = CCSIDR;
    const uint32_t sets = size >> 13 & 0x7FFF, ways = size >> 3 & 0x3FF;
    for (uint32_t set = 0; set <= sets; set++)
      for (uint32_t way = 0; way <= ways; way++) DCISW = set << 5 | way << 30;
    barrier();
    CCR |= 1u << 16;
    barrier();
  }
}
#else
static void enable_caches(void) {}
#endif

/* The main loop. Weak, so that another application can replace it, as the benchmark does. */
void phinets_application(void);

__attribute__((weak)) void phinets_application(void) {
  start();
  for (;;) serve_frame();
}

int main(void) {
  enable_caches();
  phinets_application();
  stop();
  return 0;
}
