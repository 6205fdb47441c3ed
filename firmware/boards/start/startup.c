#include "startup.h"

extern uint32_t data_load[], data_start[], data_end[];
/* Tables of the linker script, both of pairs: a register's address and the bits to set in it; start and end of memory
   to clear. */
extern const uint32_t enable_start[], enable_end[], clear_start[], clear_end[];

int main(void);

#define CPACR (*(volatile uint32_t *)0xE000ED88) /* coprocessor access control, Armv7-M B3.2.20 */
static const uint32_t paint = 0x5AFE57AC;

void Reset_Handler(void) {
#if defined(__ARM_FP)
  CPACR |= 0xFu << 20; /* full access to CP10 and CP11: the FPU */
#endif
  for (const uint32_t *pair = enable_start; pair < enable_end; pair += 2) {
    volatile uint32_t *clocks = (volatile uint32_t *)pair[0];
    *clocks |= pair[1];
    (void)*clocks; /* the clock is on after this read */
  }
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  for (uint32_t *to = data_start, *from = data_load; to < data_end;) *to++ = *from++;
  for (const uint32_t *pair = clear_start; pair < clear_end; pair += 2)
    for (uint32_t *p = (uint32_t *)pair[0]; p < (uint32_t *)pair[1];) *p++ = 0;
  uint32_t *sp;
  __asm__ volatile("mov %0, sp" : "=r"(sp));
  for (uint32_t *p = stack_bottom; p < sp - 16;) *p++ = paint;
  main();
  for (;;) {
  }
}

uint32_t stack_used_bytes(void) {
  const uint32_t *p = stack_bottom;
  while (p < stack_top && *p == paint) p++;
  return (uint32_t)((const char *)stack_top - (const char *)p);
}
