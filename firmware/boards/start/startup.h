/* What a Cortex-M needs before main: FPU and all memory on, .data copied, .bss cleared, the stack painted. */
#ifndef STARTUP_H
#define STARTUP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Defined by the linker scripts. */
extern uint32_t stack_bottom[], stack_top[];

void Reset_Handler(void);

/* Most bytes of stack used since reset. */
uint32_t stack_used_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
