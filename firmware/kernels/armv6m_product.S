/*
 * Sums of products on Armv6-M, two products per multiplication. See armv6m.c.
 */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#include "armv6m_offsets.h"

  .syntax unified
  .thumb

/* void phinets_armv6m_pack(const int8_t *first, const int8_t *second, int32_t taps, uint32_t *words) */
  .section .text.phinets_armv6m_pack, "ax", %progbits
  .global phinets_armv6m_pack
  .type phinets_armv6m_pack, %function
  .thumb_func
  .balign 4
phinets_armv6m_pack:
  push {r4, r5, r6, r7, lr}
  movs r4, #0
  movs r5, #1
  mov lr, r2
  lsrs r2, r2, #1
  lsls r2, r2, #1
  beq 2f
  adds r2, r0, r2
  mov r12, r2
1:
  ldrsb r6, [r0, r4]
  ldrsb r2, [r0, r5]
  lsls r2, r2, #16
  subs r6, r6, r2
  ldrsb r7, [r1, r4]
  ldrsb r2, [r1, r5]
  lsls r2, r2, #16
  subs r7, r7, r2
  stm r3!, {r6, r7}
  adds r0, #2
  adds r1, #2
  cmp r0, r12
  bne 1b
2:
  mov r2, lr
  lsrs r2, r2, #1
  bcc 3f
  ldrsb r6, [r0, r4]
  ldrsb r7, [r1, r4]
  stm r3!, {r6, r7}
3:
  pop {r4, r5, r6, r7, pc}
  .size phinets_armv6m_pack, . - phinets_armv6m_pack

/* void phinets_armv6m_multiply_all(phinets_armv6m_product *) */
  .section .text.phinets_armv6m_multiply_all, "ax", %progbits
  .global phinets_armv6m_multiply_all
  .type phinets_armv6m_multiply_all, %function
  .thumb_func
  .balign 4

/* Applies a pair of taps with packed weights \w to two pixels. */
.macro pair w
  ldm r0!, {r6, r7}
  muls r6, \w
  asrs r6, r6, #16
  adcs r4, r6
  muls r7, \w
  asrs r7, r7, #16
  adcs r5, r7
.endm

phinets_armv6m_multiply_all:
  push {r4, r5, r6, r7, lr}
  mov r4, r8
  mov r5, r9
  mov r6, r10
  mov r7, r11
  push {r4, r5, r6, r7}
  sub sp, #4
  mov r7, r0
  str r7, [sp]
next_filter:
  bl phinets_armv6m_channel

  /* The filter's weights, packed. */
  ldr r0, [r7, #WEIGHTS]
  ldr r1, [r7, #TAPS]
  ldr r2, [r7, #FILTER]
  lsrs r3, r1, #1
  lsls r3, r3, #1
  adds r3, r3, r0
  mov r12, r3
  movs r4, #1
  movs r5, #0
  ldr r3, [r7, #TAPS_ZERO]
  cmp r3, #0
  beq without_zero_point
  b with_zero_point
without_zero_point:
  adds r1, r1, r0
  str r1, [r7, #WEIGHTS]
  mov lr, r1
  movs r3, #2
  movs r1, #3
  cmp r0, r12
  beq 3f
  /* Two pairs per iteration; if their number is odd, enter at the second. */
  mov r6, r12
  subs r6, r6, r0
  lsls r6, r6, #30
  bpl 1f
  subs r0, #2
  b 2f
1:
  ldrsb r6, [r0, r5]
  ldrsb r7, [r0, r4]
  lsls r6, r6, #16
  subs r6, r6, r7
  stm r2!, {r6}
2:
  ldrsb r6, [r0, r3]
  ldrsb r7, [r0, r1]
  lsls r6, r6, #16
  subs r6, r6, r7
  stm r2!, {r6}
  adds r0, #4
  cmp r0, r12
  bne 1b
3:
  cmp r0, lr
  beq packed
  ldrsb r6, [r0, r5]
  lsls r6, r6, #16
  stm r2!, {r6}
packed:
  ldr r7, [sp]

  ldr r0, [r7, #PIXELS]
  ldr r1, [r7, #FILTER]
  mov r10, r1
  ldr r2, [r7, #PAIRS]
  lsls r3, r2, #2
  adds r3, r3, r1
  mov r11, r3
  ldr r3, [r7, #DOTS]
  mov r8, r3
  ldr r3, [r7, #DOTS_END]
  mov r9, r3
  ldr r3, [r7, #START]
  mov lr, r3
  movs r3, #3
  ands r3, r2
  lsls r3, r3, #2
  adr r2, entries
  ldr r3, [r2, r3]
  adr r2, two_pixels
  adds r2, r2, r3
  mov r12, r2
  b two_pixels
  .balign 4
entries:
  .word four_pairs - two_pixels
  .word one_pair - two_pixels
  .word two_pairs - two_pixels
  .word three_pairs - two_pixels
  .balign 4
two_pixels:
  mov r1, r10
  mov r4, lr
  mov r5, lr
  mov pc, r12
one_pair:
  ldm r1!, {r2}
  pair r2
  cmp r1, r11
  bne four_pairs
  b summed
three_pairs:
  ldm r1!, {r2}
  pair r2
  b two_pairs
four_pairs:
  ldm r1!, {r2, r3}
  pair r2
  pair r3
two_pairs:
  ldm r1!, {r2, r3}
  pair r2
  pair r3
  cmp r1, r11
  bne four_pairs
summed:
  mov r6, r8
  stm r6!, {r4, r5}
  mov r8, r6
  cmp r6, r9
  bne two_pixels

  ldr r7, [sp]
  bl phinets_armv6m_quantize
  ldr r0, [r7, #FILTERS]
  subs r0, #1
  str r0, [r7, #FILTERS]
  beq filtered
  b next_filter
filtered:
  add sp, #4
  pop {r4, r5, r6, r7}
  mov r8, r4
  mov r9, r5
  mov r10, r6
  mov r11, r7
  pop {r4, r5, r6, r7, pc}

/* Subtracts zero point * (sum of the weights) from the bias, too. r1 taps, r3 zero point. */
with_zero_point:
  mov r8, r3
  adds r1, r1, r0
  str r1, [r7, #WEIGHTS]
  mov lr, r1
  movs r3, #0
1:
  cmp r0, r12
  beq 2f
  ldrsb r6, [r0, r5]
  ldrsb r1, [r0, r4]
  adds r3, r3, r6
  adds r3, r3, r1
  lsls r6, r6, #16
  subs r6, r6, r1
  stm r2!, {r6}
  adds r0, #2
  b 1b
2:
  cmp r0, lr
  beq 3f
  ldrsb r6, [r0, r5]
  adds r3, r3, r6
  lsls r6, r6, #16
  stm r2!, {r6}
3:
  mov r4, r8
  muls r3, r4
  ldr r4, [r7, #START]
  subs r4, r4, r3
  str r4, [r7, #START]
  b packed
  .size phinets_armv6m_multiply_all, . - phinets_armv6m_multiply_all
#endif
