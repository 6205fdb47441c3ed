/*
 * A camera's frames in; tracks out (a detector), or the raw output (any other network). Clock and pins are as after
 * reset (HSI, 64 MHz); caches are on. Define these functions in your own file; the weak ones below let the image link
 * without a camera.
 *   int phinets_frame(int8_t *input)           fill PHINETS_INPUT_BYTES with pixel - 128; return 1 when done, 0 if none
 *   void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count)
 *                                              use `count` tracks; boxes[tracks[i].detection] has class and score
 *   void phinets_result(const int8_t *output)  use PHINETS_OUTPUT_BYTES
 * Memory: the arena fills AXI SRAM; output, detection, tracking and stack are in DTCM.
 */
#include "serve.h"

typedef void (*handler)(void);
/* 16 system exceptions and 150 interrupts (RM0433 section 19.1.2). */
__attribute__((section(".vectors"), used)) static const handler vectors[16 + 150] = {
    [0] = (handler)stack_top,
    [1] = Reset_Handler,
    [2 ... 16 + 149] = stop,
};

/* Cache maintenance registers, Armv7-M B2.2. */
#define CCR (*(volatile uint32_t *)0xE000ED14)
#define CCSIDR (*(volatile uint32_t *)0xE000ED80)
#define CSSELR (*(volatile uint32_t *)0xE000ED84)
#define ICIALLU (*(volatile uint32_t *)0xE000EF50)
#define DCISW (*(volatile uint32_t *)0xE000EF60)

static void barrier(void) { __asm__ volatile("dsb\n\tisb" ::: "memory"); }

static void enable_caches(void) {
  ICIALLU = 0;
  barrier();
  CSSELR = 0; /* level 1, data */
  barrier();
  const uint32_t size = CCSIDR;
  const uint32_t sets = size >> 13 & 0x7FFF, ways = size >> 3 & 0x3FF;
  for (uint32_t set = 0; set <= sets; set++)
    for (uint32_t way = 0; way <= ways; way++) DCISW = set << 5 | way << 30;
  barrier();
  CCR |= 1u << 17 | 1u << 16; /* instruction and data cache */
  barrier();
}

int main(void) {
  enable_caches();
  start();
  for (;;) serve_frame();
}
