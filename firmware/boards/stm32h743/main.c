/*
 * The network on an STM32H743: frames in, outputs out. Clock and pins are as after reset (HSI, 64 MHz); caches are on.
 * Define these two functions in your own file; the weak ones below let the image link without a camera.
 *   int phinets_frame(int8_t *input)           fill PHINETS_INPUT_BYTES with pixel - 128; return 1 when done, 0 if none
 *   void phinets_result(const int8_t *output)  use PHINETS_OUTPUT_BYTES
 */
#include "phinets_model.h"
#include "startup.h"

int phinets_frame(int8_t *input);
void phinets_result(const int8_t *output);

__attribute__((weak)) int phinets_frame(int8_t *input) {
  (void)input;
  return 0;
}

__attribute__((weak)) void phinets_result(const int8_t *output) { (void)output; }

static int8_t output[PHINETS_OUTPUT_BYTES];

/* A debugger finds the program here after a fault or an interrupt that nothing handles. */
static void stop(void) {
  for (;;) {
  }
}

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
  for (;;) {
    int8_t *input = phinets_input();
    if (!phinets_frame(input)) continue;
    phinets_run(input, output);
    phinets_result(output);
  }
}
