/*
 * Sums and products of rows on Armv6-M: see armv6m.c for the arithmetic.
 */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#include "armv6m_offsets.h"

  .syntax unified
  .thumb

/* Rounds the result in r5, in units of 2^-21 steps, to int8 + 128. r6: temporary, r8: offset, r9: threshold of the
   fractional bits from which the result is too near the next step. */
.macro round near, outside
  add r5, r8
  lsls r6, r5, #11
  cmp r6, r9
  bhs \near
  asrs r5, r5, #21
  cmp r5, #255
  bhi \outside
.endm
.macro saturate
  mvns r5, r5
  asrs r5, r5, #31
  uxtb r5, r5
.endm

/* void phinets_armv6m_add_short(const phinets_armv6m_addition *, const int8_t *a, const int8_t *b, int8_t *output) */
  .section .text.phinets_armv6m_add_short, "ax", %progbits
  .global phinets_armv6m_add_short
  .type phinets_armv6m_add_short, %function
  .thumb_func
  .balign 4
phinets_armv6m_add_short:
  push {r4, r5, r6, r7, lr}
  mov r4, r8
  mov r5, r9
  push {r0, r4, r5}
  ldr r7, [r0, #ADD_SIZE]
  adds r1, r1, r7
  adds r2, r2, r7
  adds r3, r3, r7
  rsbs r7, r7, #0
  ldr r4, [r0, #ADD_BASE]
  mov r8, r4
  ldr r4, [r0, #ADD_NEAR]
  mov r9, r4
  ldr r4, [r0, #ADD_B]
  ldr r0, [r0, #ADD_A]
1:
  ldrsb r5, [r1, r7]
  ldrsb r6, [r2, r7]
  muls r5, r0
  muls r6, r4
  adds r5, r5, r6
  round 2f, 3f
4:
  subs r5, #128
5:
  strb r5, [r3, r7]
  adds r7, #1
  bne 1b
  pop {r0, r4, r5}
  mov r8, r4
  mov r9, r5
  pop {r4, r5, r6, r7, pc}
2:
  push {r0, r1, r2, r3}
  ldrsb r1, [r1, r7]
  ldrsb r2, [r2, r7]
  ldr r0, [sp, #16]
  bl phinets_armv6m_add_exactly
  movs r5, r0
  pop {r0, r1, r2, r3}
  b 5b
3:
  saturate
  b 4b
  .size phinets_armv6m_add_short, . - phinets_armv6m_add_short

/* void phinets_armv6m_multiply_short(const phinets_armv6m_factors *, const int8_t *a, const int8_t *b,
   int8_t *output) */
  .section .text.phinets_armv6m_multiply_short, "ax", %progbits
  .global phinets_armv6m_multiply_short
  .type phinets_armv6m_multiply_short, %function
  .thumb_func
  .balign 4
phinets_armv6m_multiply_short:
  push {r4, r5, r6, r7, lr}
  mov r4, r8
  mov r5, r9
  mov r6, r10
  mov r7, r11
  push {r0, r4, r5, r6, r7}
  sub sp, #8
  str r2, [sp]
  ldr r4, [r0, #FACTOR_NEAR]
  mov r9, r4
  ldr r4, [r0, #FACTOR_CHANNELS]
  mov r10, r4
  ldr r5, [r0, #FACTOR_PIXELS]
  muls r5, r4
  mov r11, r5
  movs r7, #0
  mov r12, r7
1: /* a channel: its factor, and the offset for the zero point of a */
  mov r7, r12
  ldr r2, [sp]
  ldrsb r4, [r2, r7]
  str r4, [sp, #4]
  ldr r5, [r0, #FACTOR_B_ZERO]
  subs r4, r4, r5
  ldr r5, [r0, #FACTOR_SCALE]
  muls r4, r5
  adds r4, #128
  asrs r4, r4, #8
  ldr r5, [r0, #FACTOR_A_ZERO]
  muls r5, r4
  ldr r6, [r0, #FACTOR_BASE]
  subs r6, r6, r5
  mov r8, r6
  mov r2, r11
  adds r2, r2, r7
2:
  ldrsb r5, [r1, r7]
  muls r5, r4
  round 4f, 5f
3:
  subs r5, #128
6:
  strb r5, [r3, r7]
  add r7, r10
  cmp r7, r2
  bne 2b
  movs r7, #1
  add r12, r7
  cmp r12, r10
  bne 1b
  add sp, #8
  pop {r0, r4, r5, r6, r7}
  mov r8, r4
  mov r9, r5
  mov r10, r6
  mov r11, r7
  pop {r4, r5, r6, r7, pc}
4:
  mov r6, r12
  push {r0, r1, r2, r3, r4, r6}
  ldrsb r1, [r1, r7]
  ldr r2, [sp, #28]
  bl phinets_armv6m_multiply_exactly
  movs r5, r0
  pop {r0, r1, r2, r3, r4, r6}
  mov r12, r6
  b 6b
5: /* use the sign of the product without the base: the sum may have wrapped around */
  lsls r5, r5, #21
  ldr r6, [r0, #FACTOR_BASE]
  subs r5, r5, r6
  saturate
  b 3b
  .size phinets_armv6m_multiply_short, . - phinets_armv6m_multiply_short
#endif
