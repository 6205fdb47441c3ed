/*
 * Products for cores with Helium: four filters by two pixels, sixteen inputs at a time, so that ten loads serve 128 MACs.
 * The eight sums are in the even registers, which VMLADAVA asks for; pointers and counts in the odd ones.
 * helium_product.c has the same in C.
 *
 * void phinets_helium_product_pairs(call *c)    two pixels at a time; an odd last one is made with the one before it
 * void phinets_helium_product_single(call *c)   one pixel
 */
#if defined(__ARM_FEATURE_MVE)
  .syntax unified
  .thumb
  .arch armv8.1-m.main
  .arch_extension mve

/* Of `call`. */
  .equ INPUT, 0
  .equ WEIGHTS, 4
  .equ CHANNELS, 8
  .equ OUTPUT, 12
  .equ FOURS, 16
  .equ LAST, 20
  .equ BLOCKS, 24
  .equ PAIRS, 28
  .equ ZERO_POINT, 32
  .equ FILTERS, 36
  .equ BACK, 40
  .equ INPUTS, 44
  .equ ODD_INPUTS, 48
  .equ ODD_FILTERS, 52
  .equ FILL, 56

/* The stack, while it runs: the call, the row's output of these four filters, and pairs that are left. */
  .equ STACK_CALL, 0
  .equ STACK_OUTPUT, 4
  .equ STACK_PAIRS, 8

.macro start
  push {r4-r11, lr}
  sub sp, sp, #20 /* with nine registers a multiple of 8 */
  vpush {d8-d15}
  /* Lanes of a pixel's first block: its inputs are right-aligned, nothing before them is read. */
  ldr r1, [r0, #FILL]
  vctp.8 r1
  vpnot
.endm

.macro end
  vpop {d8-d15}
  add sp, sp, #20
  pop {r4-r11, pc}
.endm

/* q4 to q6: bias, multipliers, shifts of the four. */
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

/* To the next four filters: the last ones overlap those before. */
.macro next_four loop
  ldr r2, [r0, #FOURS]
  ldr r9, [r0, #OUTPUT]
  subs r2, r2, #1
  beq 9f
  str r2, [r0, #FOURS]
  adds r9, r9, #4
  cmp r2, #1
  it eq
  ldreq r9, [r0, #LAST]
  str r9, [r0, #OUTPUT]
  b \loop
9:
.endm

  .section .text.phinets_helium_product_pairs, "ax", %progbits
  .global phinets_helium_product_pairs
  .thumb_func
  .type phinets_helium_product_pairs, %function
  .balign 4
phinets_helium_product_pairs:
  start
  str r0, [sp, #64 + STACK_CALL]
1: /* four filters */
  load_channels
  ldr r1, [r0, #PAIRS]
  str r1, [sp, #64 + STACK_PAIRS]
  ldr r1, [r0, #INPUT]
  ldr r2, [r0, #INPUTS]
  ldr r9, [r0, #OUTPUT]
  add r3, r1, r2
  ldr r11, [r0, #WEIGHTS]
2: /* two pixels */
  ldr r0, [sp, #64 + STACK_CALL]
  mov r5, r11
  ldr r7, [r0, #BLOCKS]
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
  cbz r7, 4f
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
4:
  vmov q0[2], q0[0], r0, r8
  vmov q0[3], q0[1], r4, r12
  vmov q1[2], q1[0], r2, r10
  vmov q1[3], q1[1], r6, lr
  ldr r0, [sp, #64 + STACK_CALL]
  rescale q0, q2
  rescale q1, q3
  ldrd r2, r4, [r0, #ZERO_POINT] /* and filters */
  ldrd r6, r8, [r0, #BACK] /* and inputs */
  /* Narrowed together: the first pixel in even halfwords, the second in odd ones. */
  vqmovnb.s32 q0, q0
  vqmovnt.s32 q0, q1
  vqadd.s16 q0, q0, r2
  vqmovnb.s16 q0, q0
  mov r7, r9 /* addresses of narrowing stores are low registers */
  vshr.u32 q1, q0, #16
  vstrb.32 q0, [r7]
  add r7, r7, r4
  vstrb.32 q1, [r7]
  ldr r12, [sp, #64 + STACK_PAIRS]
  add r1, r3, r6
  add r9, r7, r4
  add r3, r1, r8
  subs r12, r12, #1
  beq 5f
  str r12, [sp, #64 + STACK_PAIRS]
  cmp r12, #1
  bne 2b
  ldrd r2, r4, [r0, #ODD_INPUTS] /* 0 where there is no odd pixel */
  subs r1, r1, r2
  subs r3, r3, r2
  sub r9, r9, r4
  b 2b
5:
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
