/* Delays with the SysTick timer, which every Cortex-M used here has (Armv7-M B3.3). */
#ifndef SYSTICK_H
#define SYSTICK_H

#include <stdint.h>

static void systick_wait_ms(uint32_t core_hz, uint32_t milliseconds) {
  volatile uint32_t *const control = (volatile uint32_t *)0xE000E010, *const reload = control + 1,
                           *const value = control + 2;
  *reload = core_hz / 1000 - 1;
  *value = 0;
  *control = 5; /* core clock, on, no interrupt */
  while (milliseconds != 0)
    if (*control & 1u << 16) milliseconds--; /* the timer has reached 0 since the last read */
  *control = 0;
}

#endif
