/*
 * The loops of product.c (matrix products) for cores with the DSP extension (Cortex-M4, M7, M33 and later). For other
 * machines, the file is empty.
 *
 * The loop over quads is inside the loop over filters. The innermost loop is unrolled to a chain of 16 groups of four
 * products. All functions share the chains: one each for weights as words or bytes, and for four pixels or two. A quad
 * enters the chain where as many groups remain as it has, and leaves it for the function's own end, which requantises,
 * stores and starts the next quad. With more than 16 groups, the chain is repeated. The addresses of entry and end are
 * on the stack, because four sums, four weights, four words of pixels and two pointers take all registers.
 *
 * Registers of the chain: r0 quads, r1 weights, r2-r5 sums of four pixels, r6-r9 weights, r10-r12 and lr pixels.
 * Stack, in bytes from sp (first the values that an end loads together, last those from which a quad starts):
 */
#if defined(__ARM_FEATURE_DSP)
  .syntax unified
  .thumb

  .equ MULTIPLIER, 0
  .equ ZERO_POINT, 8 /* then the table */
  .equ FILTER, 16    /* address of FILTER_START, then the end of the quads */
  .equ OUTPUT, 24
  .equ STEP, 28      /* NHWC: from the first pixel of a quad to its second, third, fourth */
  .equ ENTRY, 40     /* address at which a quad enters the chain */
  .equ MIDDLE, 44    /* the same, after the weights of an odd group are loaded */
  .equ END, 48       /* address of the function's end */
  .equ EXIT, 52      /* address after the chain: the end, or the check whether groups are left */
  .equ CALL, 56      /* 7 words of the call */
  .equ FILTER_START, 84 /* weights, four times the bias, end of the weights */
  .equ FRAME, 108

  .macro pixels weights, lanes
  .if \lanes == 4
  ldmia.w r0!, {r10, r11, r12, lr}
  .else
  ldrd r10, r11, [r0], #16
  .endif
  smlad r2, \weights, r10, r2
  smlad r3, \weights, r11, r3
  .if \lanes == 4
  smlad r4, \weights, r12, r4
  smlad r5, \weights, lr, r5
  .endif
  .endm

  .macro chain name, packing, lanes
  .balign 4
.L\name:
  .rept 8
  .ifc \packing, words
  ldmia.w r1!, {r6, r7, r8, r9}
  .else
  ldmia.w r1!, {r7, r9}
  sxtb16.w r6, r7
  sxtb16.w r7, r7, ror #8
  sxtb16.w r8, r9
  sxtb16.w r9, r9, ror #8
  .endif
  pixels r6, \lanes
  pixels r7, \lanes
  pixels r8, \lanes
  pixels r9, \lanes
  .endr
  ldr.w pc, [sp, #EXIT]
.L\name\()_check:
  ldr r6, [sp, #FILTER_START + 20]
  cmp r1, r6
  bne.w .L\name
  ldr.w pc, [sp, #END]
.L\name\()_odd: /* the first group if their number is odd */
  .ifc \packing, words
  ldrd r8, r9, [r1], #8
  .else
  ldr r9, [r1], #4
  sxtb16 r8, r9
  sxtb16 r9, r9, ror #8
  .endif
  ldr.w pc, [sp, #MIDDLE]
  .endm

/* Sets up the stack. r0: call (product.c); r1: address of the function's end of a quad; r2: address of its start of a
   filter, both with the Thumb bit. r4-r11 and lr are on the stack. */
  .section .text.phinets_dsp_product_start, "ax", %progbits
  .balign 8
  .global phinets_dsp_product_start
  .hidden phinets_dsp_product_start
  .thumb_func
  .type phinets_dsp_product_start, %function
phinets_dsp_product_start:
  sub sp, sp, #FRAME
  str r1, [sp, #END]
  str r1, [sp, #EXIT]
  mov lr, r2
  add r10, sp, #CALL
  ldmia r0!, {r1-r7}
  stmia r10!, {r1-r7}
  ldmia r0!, {r1, r3, r4, r5, r12} /* weights, zero point, table, end of the quads, output */
  strd r3, r4, [sp, #ZERO_POINT]
  strd r10, r5, [sp, #FILTER]
  ldmia r0, {r2, r3, r4, r5, r6} /* three steps, groups, chain */
  strd r2, r3, [sp, #STEP]
  str r4, [sp, #STEP + 8]
  adr r0, .Lchains
  add r9, r0, r6, lsl #4
  ldmia r9, {r2, r3, r4, r8}
  add r2, r2, r0
  add r3, r3, r0
  add r4, r4, r0
  uxth r7, r8 /* code size of two groups, bytes */
  lsrs r8, r8, #16 /* from there to the load of the second group's first pixels */
  adds r6, r5, #1
  lsrs r6, r6, #1 /* pairs of groups */
  cmp r6, #8
  itt hi
  addhi r4, r4, #1
  strhi r4, [sp, #EXIT]
  subs r6, r6, #1
  and r6, r6, #7
  rsb r6, r6, #7
  mla r2, r6, r7, r2
  adds r2, r2, #1
  lsls r5, r5, #31
  itt ne
  addne r8, r8, r2
  addne r2, r3, #1
  strd r2, r8, [sp, #ENTRY]
  bx lr

  .macro entry name, pair, middle
  .word .L\name - .Lchains, .L\name\()_odd - .Lchains, .L\name\()_check - .Lchains, \pair | \middle << 16
  .endm
  .balign 4
.Lchains: /* in the order of the chains in product.c */
  entry words, 84, 44
  entry bytes, 100, 60
  entry words2, 52, 28
  entry bytes2, 68, 44
  chain words, words, 4
  chain bytes, bytes, 4
  chain words2, words, 2
  chain bytes2, bytes, 2
  .size phinets_dsp_product_start, . - phinets_dsp_product_start

/* Requantises four sums to int8, in r2-r5. */
  .macro requantize table
  smmlar r2, r2, r6, r2
  smmlar r3, r3, r6, r3
  smmlar r4, r4, r6, r4
  smmlar r5, r5, r6, r5
  add r2, r2, r2, asr #31
  add r3, r3, r3, asr #31
  add r4, r4, r4, asr #31
  add r5, r5, r5, asr #31
  smmlsr r2, r2, r7, r8
  smmlsr r3, r3, r7, r8
  smmlsr r4, r4, r7, r8
  smmlsr r5, r5, r7, r8
  ssat r2, #8, r2
  ssat r3, #8, r3
  ssat r4, #8, r4
  ssat r5, #8, r5
  .if \table
  ldrsb r2, [r9, r2]
  ldrsb r3, [r9, r3]
  ldrsb r4, [r9, r4]
  ldrsb r5, [r9, r5]
  .endif
  .endm

/* void phinets_dsp_product_KIND(const call *). parts: a call computes only some quads of each plane. */
  .macro product kind, table, name, parts=0
  .section .text.phinets_dsp_product_\name, "ax", %progbits
  .balign 8
  .global phinets_dsp_product_\name
  .hidden phinets_dsp_product_\name
  .thumb_func
  .type phinets_dsp_product_\name, %function
phinets_dsp_product_\name:
  push {r4-r11, lr}
  adr r1, 1f
  adr r2, 2f
  adds r1, r1, #1
  adds r2, r2, #1
  b.w phinets_dsp_product_start

  .balign 4
1: /* the end of a quad */
  ldmia.w sp, {r6-r12, lr} /* multiplier, power, zero point, table, filter, end, output, first step */
  requantize \table
  .ifc \kind, nhwc
  ldrd r6, r7, [sp, #STEP + 4]
  strb r5, [r12, r7] /* the first pixel last: pixels beyond the width have its address */
  strb r4, [r12, r6]
  strb r3, [r12, lr]
  strb r2, [r12]
  add r12, r12, lr, lsl #2
  .endif
  .ifc \kind, planes16
  pkhbt r2, r2, r3, lsl #16
  pkhbt r4, r4, r5, lsl #16
  strd r2, r4, [r12], #8
  .endif
  .ifc \kind, planes8
  strb r3, [r12, #1]
  strb r4, [r12, #2]
  strb r5, [r12, #3]
  strb r2, [r12], #4
  .endif
  str r12, [sp, #OUTPUT]
  cmp r0, r11
  beq 2f
  ldmia r10, {r1-r5}
  ldr.w pc, [sp, #ENTRY]

  .balign 4
2: /* a filter: r1 weights, r10 FILTER_START, r12 current end of the output */
  ldmdb r10, {r0, r3, r4, r6, r7, r8, r11} /* the call's first words: r6 bytes of a filter, r7 and r8 channels */
  cmp r8, r7
  beq 3f
  ldmia r8!, {r2, r7, r9} /* bias, multiplier, power */
  str r8, [r10, #-8]
  strd r7, r9, [sp, #MULTIPLIER]
  .ifc \kind, nhwc
  str r11, [sp, #OUTPUT]
  add r11, r11, #1
  str r11, [r10, #-4]
  .endif
  .if \parts
  add r12, r12, r3 /* skip the quads of other calls */
  .endif
  .ifc \kind, planes16
  str r11, [r12], #4 /* padding */
  str r12, [sp, #OUTPUT]
  .endif
  .ifc \kind, planes8
  add r12, r12, r3 /* back over the pixels beyond the width */
  strb r11, [r12]
  strb r11, [r12, #1] /* padding, or overwritten by the first pixel */
  add r12, r12, r4
  str r12, [sp, #OUTPUT]
  .endif
  mov r3, r2
  mov r4, r2
  mov r5, r2
  add r6, r6, r1
  stmia r10, {r1-r6}
  ldr.w pc, [sp, #ENTRY]
3:
  add sp, sp, #FRAME
  pop {r4-r11, pc}
  .size phinets_dsp_product_\name, . - phinets_dsp_product_\name
  .endm

  product nhwc, 0, nhwc_plain
  product nhwc, 1, nhwc_table
  product planes16, 0, planes16_plain
  product planes16, 1, planes16_table
  product planes16, 0, planes16_parts_plain, 1
  product planes16, 1, planes16_parts_table, 1
  product planes8, 0, planes8_plain
  product planes8, 1, planes8_table
#endif
