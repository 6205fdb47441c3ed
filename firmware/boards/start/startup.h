/* Start-up code of a Cortex-M: switches on the FPU and all memory, copies .data, clears .bss, paints the stack and
   calls main. */
#ifndef STARTUP_H
#define STARTUP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Defined by the linker scripts. */
extern uint32_t stack_bottom[], stack_top[];

void Reset_Handler(void);

/* Maximum stack use since reset, in bytes. */
uint32_t stack_used_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
