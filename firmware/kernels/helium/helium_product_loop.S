/*
 * Products for cores with Helium: four filters by two pixels, sixteen inputs at a time, so that six loads serve 128
 * MACs. The eight sums are in even registers, as VMLADAVA requires; pointers and counts are in odd ones.
 * helium_product.c has the same in C.
 *
 * void phinets_helium_product_pairs(call *c)    two pixels at a time; an odd last one together with the one before it
 * void phinets_helium_product_single(call *c)   one pixel
 */
#if defined(__ARM_FEATURE_MVE)
  .syntax unified
  .thumb
  .arch armv8.1-m.main
  .arch_extension mve

/* Offsets in `call`. */
  .equ INPUT, 0
  .equ WEIGHTS, 4
  .equ CHANNELS, 8
  .equ OUTPUT, 12
  .equ FOURS, 16
  .equ LAST, 20
  .equ BLOCKS, 24
  .equ PAIR_BYTES, 28
  .equ ZERO_POINT, 32
  .equ FILTERS, 36
  .equ BACK, 40
  .equ INPUTS, 44
  .equ ROW_BYTES, 48
  .equ FILL, 52

/* Stack frame: the address of the call, and copies of the members that every pair of pixels needs. */
  .equ STACK_CALL, 64
  .equ STACK_BLOCKS, 68
  .equ STACK_BACK, 72 /* and inputs */
  .equ STACK_ZERO_POINT, 80 /* and filters */
  .equ STACK_END, 88 /* end of the output, without an odd last pixel */

.macro start
  push {r4-r11, lr}
  sub sp, sp, #28 /* together with nine registers, a multiple of 8 */
  vpush {d8-d15}
  /* Lanes of a pixel's first block: its inputs are right-aligned, and nothing before them is read. */
  ldr r1, [r0, #FILL]
  vctp.8 r1
  vpnot
.endm

.macro end
  vpop {d8-d15}
  add sp, sp, #28
  pop {r4-r11, pc}
.endm

/* Loads bias, multipliers and shifts of the four filters into q4, q5, q6. */
.macro load_channels
  ldr r2, [r0, #CHANNELS]
  vldrw.u32 q4, [r2], #16
  vldrw.u32 q5, [r2], #16
  vldrw.u32 q6, [r2], #16
  str r2, [r0, #CHANNELS]
.endm

.macro rescale q, temporary
  vadd.i32 \q, \q, q4
  vqrdmulh.s32 \q, \q, q5
  vshr.s32 \temporary, \q, #31
  vadd.i32 \q, \q, \temporary
  vrshl.s32 \q, \q, q6
.endm

/* Advances to the next four filters; the last four may overlap the previous ones. */
.macro next_four loop
  ldr r2, [r0, #FOURS]
  ldr r9, [r0, #OUTPUT]
  subs r2, r2, #1
  beq 99f
  str r2, [r0, #FOURS]
  adds r9, r9, #4
  cmp r2, #1
  it eq
  ldreq r9, [r0, #LAST]
  str r9, [r0, #OUTPUT]
  b \loop
99:
.endm

/* Requantises eight sums and stores them for two pixels and four filters. r2: zero point; r4: filters; r9: output,
   which is advanced to the next pair. */
.macro store_pair zero_point, filters
  vmov q0[2], q0[0], r0, r8
  vmov q0[3], q0[1], r4, r12
  vmov q1[2], q1[0], r2, r10
  vmov q1[3], q1[1], r6, lr
  rescale q0, q2
  rescale q1, q3
.if \zero_point == 0
  ldrd r2, r4, [sp, #STACK_ZERO_POINT]
.endif
  /* Both pixels are narrowed together: the first in even halfwords, the second in odd ones. */
  vqmovnb.s32 q0, q0
  vqmovnt.s32 q0, q1
  mov r0, r9 /* narrowing stores need a low register as address */
.if \zero_point == 0
  vqadd.s16 q0, q0, r2
.else
  vqadd.s16 q0, q0, r\zero_point
.endif
  vqmovnb.s16 q0, q0
.if \filters == 0
  adds r2, r0, r4
  add r9, r2, r4
.else
  adds r2, r0, r\filters
  add r9, r2, r\filters
.endif
  vstrb.32 q0, [r0]
  vshr.u32 q1, q0, #16
  vstrb.32 q1, [r2]
.endm

  .section .text.phinets_helium_product_pairs, "ax", %progbits
  .global phinets_helium_product_pairs
  .thumb_func
  .type phinets_helium_product_pairs, %function
  .balign 4
phinets_helium_product_pairs:
  start
  str r0, [sp, #STACK_CALL]
  ldr r1, [r0, #BLOCKS]
  ldrd r2, r3, [r0, #BACK]
  ldrd r4, r5, [r0, #ZERO_POINT]
  str r1, [sp, #STACK_BLOCKS]
  strd r2, r3, [sp, #STACK_BACK]
  strd r4, r5, [sp, #STACK_ZERO_POINT]
1: /* four filters */
  load_channels
  ldr r1, [r0, #INPUT]
  ldr r2, [r0, #INPUTS]
  ldr r9, [r0, #OUTPUT]
  ldr r4, [r0, #PAIR_BYTES]
  ldr r11, [r0, #WEIGHTS]
  ldr r7, [r0, #BLOCKS]
  add r3, r1, r2
  add r4, r4, r9
  str r4, [sp, #STACK_END]
  cmp r7, #0
  beq 6f
2: /* two pixels */
  mov r5, r11
  ldr r7, [sp, #STACK_BLOCKS]
  vpstt
  vldrbt.u8 q0, [r1], #16
  vldrbt.u8 q1, [r3], #16
  vldrb.u8 q2, [r5], #16
  vldrb.u8 q3, [r5], #16
  vmladav.s8 r0, q2, q0
  vmladav.s8 r2, q2, q1
  vldrb.u8 q2, [r5], #16
  vmladav.s8 r4, q3, q0
  vmladav.s8 r6, q3, q1
  vldrb.u8 q3, [r5], #16
  vmladav.s8 r8, q2, q0
  vmladav.s8 r10, q2, q1
  vmladav.s8 r12, q3, q0
  vmladav.s8 lr, q3, q1
3: /* sixteen inputs */
  vldrb.u8 q0, [r1], #16
  vldrb.u8 q2, [r5], #16
  vldrb.u8 q1, [r3], #16
  vmladava.s8 r0, q2, q0
  vldrb.u8 q3, [r5], #16
  vmladava.s8 r2, q2, q1
  vldrb.u8 q2, [r5], #16
  vmladava.s8 r4, q3, q0
  vmladava.s8 r6, q3, q1
  vldrb.u8 q3, [r5], #16
  vmladava.s8 r8, q2, q0
  vmladava.s8 r10, q2, q1
  subs r7, r7, #1
  vmladava.s8 r12, q3, q0
  vmladava.s8 lr, q3, q1
  bne 3b
  store_pair 0, 0
  ldrd r6, r8, [sp, #STACK_BACK]
  ldr r10, [sp, #STACK_END]
  add r1, r3, r6
  cmp r9, r10
  add r3, r1, r8
  blo 2b
  ldr r0, [sp, #STACK_CALL]
  ldr r2, [r0, #ROW_BYTES]
  ldr r4, [r0, #OUTPUT]
  add r2, r2, r4
  cmp r9, r2
  beq 5f
  /* An odd last pixel is computed together with the one before it. */
  ldrd r2, r4, [sp, #STACK_ZERO_POINT]
  sub r9, r9, r4
  subs r1, r1, r8
  subs r3, r3, r8
  b 2b
5:
  str r5, [r0, #WEIGHTS]
  next_four 1b
  end
6: /* at most sixteen inputs: no loop, and the constants stay in registers */
  ldr r5, [r0, #ZERO_POINT]
  ldr r7, [r0, #FILTERS]
7: /* two pixels */
  vpstt
  vldrbt.u8 q0, [r1]
  vldrbt.u8 q1, [r3]
  vldrb.u8 q2, [r11]
  vldrb.u8 q3, [r11, #16]
  vmladav.s8 r0, q2, q0
  vmladav.s8 r2, q2, q1
  vldrb.u8 q2, [r11, #32]
  vmladav.s8 r4, q3, q0
  vmladav.s8 r6, q3, q1
  vldrb.u8 q3, [r11, #48]
  vmladav.s8 r8, q2, q0
  vmladav.s8 r10, q2, q1
  vmladav.s8 r12, q3, q0
  vmladav.s8 lr, q3, q1
  store_pair 5, 7
  ldr r8, [sp, #STACK_BACK + 4]
  ldr r10, [sp, #STACK_END]
  add r1, r3, r8
  cmp r9, r10
  add r3, r1, r8
  blo 7b
  ldr r0, [sp, #STACK_CALL]
  ldr r2, [r0, #ROW_BYTES]
  ldr r4, [r0, #OUTPUT]
  add r2, r2, r4
  cmp r9, r2
  beq 8f
  sub r9, r9, r7
  subs r1, r1, r8
  subs r3, r3, r8
  b 7b
8:
  add r5, r11, #64
  str r5, [r0, #WEIGHTS]
  next_four 1b
  end
  .size phinets_helium_product_pairs, . - phinets_helium_product_pairs

  .section .text.phinets_helium_product_single, "ax", %progbits
  .global phinets_helium_product_single
  .thumb_func
  .type phinets_helium_product_single, %function
  .balign 4
phinets_helium_product_single:
  start
  ldr r5, [r0, #WEIGHTS]
  ldr r11, [r0, #ZERO_POINT]
1:
  load_channels
  ldr r1, [r0, #INPUT]
  ldr r7, [r0, #BLOCKS]
  vpst
  vldrbt.u8 q0, [r1], #16
  vldrb.u8 q1, [r5], #16
  vldrb.u8 q2, [r5], #16
  vmladav.s8 r4, q1, q0
  vldrb.u8 q3, [r5], #16
  vmladav.s8 r6, q2, q0
  vldrb.u8 q1, [r5], #16
  vmladav.s8 r8, q3, q0
  vmladav.s8 r10, q1, q0
  cbz r7, 3f
2:
  vldrb.u8 q0, [r1], #16
  vldrb.u8 q1, [r5], #16
  vldrb.u8 q2, [r5], #16
  vmladava.s8 r4, q1, q0
  vldrb.u8 q3, [r5], #16
  vmladava.s8 r6, q2, q0
  vldrb.u8 q1, [r5], #16
  vmladava.s8 r8, q3, q0
  subs r7, r7, #1
  vmladava.s8 r10, q1, q0
  bne 2b
3:
  ldr r7, [r0, #OUTPUT]
  vmov q0[2], q0[0], r4, r8
  vmov q0[3], q0[1], r6, r10
  rescale q0, q2
  vadd.i32 q0, q0, r11
  vqmovnb.s32 q0, q0
  vqmovnb.s16 q0, q0
  vstrb.32 q0, [r7]
  next_four 1b
  end
  .size phinets_helium_product_single, . - phinets_helium_product_single
#endif

#if defined(__linux__) && defined(__ELF__) /* without this section the linker makes the stack executable */
  .section .note.GNU-stack, "", %progbits
#endif
