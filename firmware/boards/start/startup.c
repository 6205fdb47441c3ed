#include "startup.h"

extern uint32_t data_load[], data_start[], data_end[];
extern uint32_t bss_start[], bss_end[], arena_start[], arena_end[];

int main(void);

#define CPACR (*(volatile uint32_t *)0xE000ED88) /* coprocessor access control, Armv7-M B3.2.20 */
static const uint32_t paint = 0x5AFE57AC;

void Reset_Handler(void) {
#if defined(__ARM_FP)
  CPACR |= 0xFu << 20; /* full access to CP10 and CP11: the FPU */
#endif
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  for (uint32_t *to = data_start, *from = data_load; to < data_end;) *to++ = *from++;
  for (uint32_t *p = bss_start; p < bss_end;) *p++ = 0;
  for (uint32_t *p = arena_start; p < arena_end;) *p++ = 0;
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
