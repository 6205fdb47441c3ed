/*
 * Requantisation to int8 on Armv6-M; see armv6m.c for the arithmetic. The loops in the other files call these functions
 * with the table of the run (armv6m.h) in r7. No register is preserved.
 */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#include "armv6m_offsets.h"

  .syntax unified
  .thumb

/* Loads the constants of the next channel and computes the initial value of its accumulators. */
  .section .text.phinets_armv6m_channel, "ax", %progbits
  .global phinets_armv6m_channel
  .hidden phinets_armv6m_channel
  .type phinets_armv6m_channel, %function
  .thumb_func
  .balign 4
phinets_armv6m_channel:
  ldr r0, [r7, #MULTIPLIER]
  ldm r0!, {r1}
  str r0, [r7, #MULTIPLIER]
  str r1, [r7, #CURRENT_MULTIPLIER]
  ldr r0, [r7, #SHIFT]
  movs r2, #0
  ldrsb r2, [r0, r2]
  adds r0, #1
  str r0, [r7, #SHIFT]
  rsbs r2, r2, #0
  str r2, [r7, #RIGHT_SHIFT]
  ldr r0, [r7, #BIAS]
  ldm r0!, {r3}
  str r0, [r7, #BIAS]
  /* The fast method applies to multipliers from 2^30 on and right shifts of 1 to 21. */
  movs r4, #0
  lsrs r1, r1, #30
  beq 1f
  subs r1, r2, #1
  cmp r1, #20
  bhi 1f
  adds r2, #9
  movs r4, #1
  lsls r4, r2
1:
  str r4, [r7, #ADDED]
  adds r3, r3, r4
  str r3, [r7, #START]
  bx lr
  .size phinets_armv6m_channel, . - phinets_armv6m_channel

/* Rescales the run's sums of the current channel. */
  .section .text.phinets_armv6m_quantize, "ax", %progbits
  .global phinets_armv6m_quantize
  .hidden phinets_armv6m_quantize
  .type phinets_armv6m_quantize, %function
  .thumb_func
  .balign 4

/* One output. r0 sums, r1 output, r2 multiplier, r3 and r4 temporary, r5 shift, r6 error, r7 activation table,
   r8 offset, r9 limit, r10 step, r12 table of the run. */
.macro one table, n
  ldm r0!, {r3}
  lsrs r3, r5
  cmp r3, r9
  bhs .Lsaturated\n
  muls r3, r2
  add r3, r8
  lsls r4, r3, #10
  cmn r4, r6
  bcs .Lnear\n
  lsrs r3, r3, #22
  cmp r3, #255
  bhi .Lsaturated\n
.Lstore\n:
.if \table
  ldrb r3, [r7, r3]
.else
  subs r3, #128
.endif
  strb r3, [r1]
  add r1, r10
.endm
.macro rarely n
.Lsaturated\n:
  bl saturated
  b .Lstore\n
.Lnear\n:
  bl near
  b .Lstore\n
.endm

phinets_armv6m_quantize:
  push {lr}
  ldr r4, [r7, #ADDED]
  ldr r1, [r7, #CURRENT_MULTIPLIER]
  ldr r2, [r7, #RIGHT_SHIFT]
  cmp r4, #0
  bne short_way
  push {r7}
  mov r0, r7
  bl phinets_armv6m_quantize_exactly
  pop {r7, pc}
short_way:
  movs r0, #6
  cmp r2, #6
  bhs 1f
  movs r0, r2
1: /* r0 = min(shift, 6) */
  movs r4, #1
  lsls r4, r4, #9
  lsls r4, r0 /* half of the limit */
  subs r5, r2, r0
  adds r0, #8
  lsrs r1, r0
  adds r1, #1
  lsrs r1, r1, #1 /* multiplier */
  movs r3, #1
  lsls r3, r3, #21
  lsrs r3, r2 /* distance by which the two roundings move a boundary */
  ldr r0, [r7, #BASE]
  subs r0, r0, r3
  lsrs r6, r4, #1
  subs r0, r0, r6
  movs r6, r4
  muls r6, r1
  subs r0, r0, r6
  mov r8, r0
  lsls r6, r3, #1
  adds r6, r6, r4
  adds r6, #4
  cmp r5, #0
  beq 1f
  adds r6, r6, r1
1:
  lsls r6, r6, #10
  lsls r4, r4, #1
  mov r9, r4
  mov r2, r1
  ldr r0, [r7, #STEP]
  mov r10, r0
  ldr r0, [r7, #SUMS_END]
  mov r11, r0
  ldr r1, [r7, #OUTPUT]
  adds r3, r1, #1
  str r3, [r7, #OUTPUT]
  ldr r0, [r7, #SUMS]
  mov r12, r7
  ldr r7, [r7, #TABLE]
  /* If the number of outputs is odd, enter at the second half. */
  mov r3, r11
  subs r3, r3, r0
  lsls r3, r3, #29
  cmp r7, #0
  beq 3f
  cmp r3, #0
  bmi 2f
1:
  one 1, 1
2:
  one 1, 2
  cmp r0, r11
  bne 1b
  mov r7, r12
  pop {pc}
  rarely 1
  rarely 2
3:
  cmp r3, #0
  bmi 2f
1:
  one 0, 3
2:
  one 0, 4
  cmp r0, r11
  bne 1b
  mov r7, r12
  pop {pc}
  rarely 3
  rarely 4

/* The last sum saturates: 255 or 0, depending on its sign. */
saturated:
  subs r0, #4
  ldm r0!, {r3}
  mov r4, r12
  ldr r4, [r4, #ADDED]
  subs r3, r3, r4
  mvns r3, r3
  asrs r3, r3, #31
  uxtb r3, r3
  bx lr

/* The last sum by the exact formula: phinets_rescale, zero point, saturation; + 128. */
near:
  push {r0, r1, r2, r5, r6, r7}
  mov r7, r12
  subs r0, #4
  ldr r3, [r0]
  ldr r4, [r7, #ADDED]
  subs r3, r3, r4
  ldr r4, [r7, #CURRENT_MULTIPLIER]
  uxth r5, r3
  asrs r3, r3, #16
  uxth r6, r4
  lsrs r4, r4, #16
  movs r0, r5
  muls r0, r6 /* low x low */
  muls r6, r3 /* high x low */
  muls r5, r4 /* low x high */
  muls r3, r4 /* high x high */
  lsls r1, r6, #16
  asrs r6, r6, #16
  adds r0, r0, r1
  adcs r3, r6
  lsls r1, r5, #16
  lsrs r5, r5, #16
  adds r0, r0, r1
  adcs r3, r5
  movs r2, #0
  movs r1, #1
  lsls r1, r1, #30
  adds r0, r0, r1
  adcs r3, r2
  lsls r3, r3, #1
  lsrs r0, r0, #31
  adds r3, r3, r0
  asrs r1, r3, #31
  adds r3, r3, r1
  ldr r1, [r7, #RIGHT_SHIFT]
  subs r1, #1
  asrs r3, r1
  adds r3, #1
  asrs r3, r3, #1
  ldr r1, [r7, #ZERO_POINT]
  adds r3, r3, r1
  cmp r3, #255
  bls 1f
  mvns r3, r3
  asrs r3, r3, #31
  uxtb r3, r3
1:
  pop {r0, r1, r2, r5, r6, r7}
  bx lr
  .size phinets_armv6m_quantize, . - phinets_armv6m_quantize
#endif
