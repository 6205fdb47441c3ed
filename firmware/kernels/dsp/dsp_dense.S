/*
 * The loop of dense.c for cores with the DSP extension (Cortex-M4, M7, M33 and later). For other machines, the file is
 * empty.
 */
#if defined(__ARM_FEATURE_DSP)
  .syntax unified
  .thumb

  .macro filter sum
  sxtb16 r10, r11
  sxtb16 r11, r11, ror #8
  smlad \sum, r10, r8, \sum
  smlad \sum, r11, r9, \sum
  .endm

/* Multiplies four inputs by four weights of each of four filters. */
  .macro group
  ldrd r8, r9, [r0], #8
  ldr r11, [r1, r2]
  filter r5
  ldr r11, [r1, r3]
  filter r6
  ldr r11, [r1, lr]
  filter r7
  ldr r11, [r1], #4
  filter r4
  .endm

  .macro requantize sum, constants
  ldrd r8, r9, [r12, #\constants]
  smmlar \sum, \sum, r8, \sum
  add \sum, \sum, \sum, asr #31
  smmlsr \sum, \sum, r9, r10
  ssat \sum, #8, \sum
  .endm

/* void phinets_dsp_dense_filters(call *)
   Four filters at a time. call (dense.c): inputs, their end, channels, output, groups of four filters, zero point,
   table, weights, bytes from a filter to the second, third and fourth. */
  .section .text.phinets_dsp_dense_filters, "ax", %progbits
  .balign 8
  .global phinets_dsp_dense_filters
  .hidden phinets_dsp_dense_filters
  .thumb_func
  .type phinets_dsp_dense_filters, %function
phinets_dsp_dense_filters:
  push {r0, r4-r11, lr}
  mov r12, r0
  add r0, r0, #28
  ldm r0, {r1, r2, r3, lr}
1: /* four filters: r1 weights of the first; r2, r3, lr offsets of the others; r4-r7 sums */
  ldm r12, {r0, r8, r9}
  ldr r4, [r9]
  ldr r5, [r9, #12]
  ldr r6, [r9, #24]
  ldr r7, [r9, #36]
  mov r12, r8
  sub r8, r8, r0
  lsls r8, r8, #28
  bmi 3f /* odd number of groups: start with a single one */
2:
  group
3:
  group
  cmp r0, r12
  bne 2b
  add r1, r1, lr
  ldr r11, [sp]
  ldrd r12, r0, [r11, #8]
  ldr r10, [r11, #20]
  requantize r4, 4
  requantize r5, 16
  requantize r6, 28
  requantize r7, 40
  ldr r8, [r11, #24]
  cmp r8, #0
  beq 4f
  ldrsb r4, [r8, r4]
  ldrsb r5, [r8, r5]
  ldrsb r6, [r8, r6]
  ldrsb r7, [r8, r7]
4:
  strb r4, [r0], #1
  strb r5, [r0], #1
  strb r6, [r0], #1
  strb r7, [r0], #1
  add r12, r12, #48
  strd r12, r0, [r11, #8]
  mov r12, r11
  ldr r8, [r12, #16]
  subs r8, r8, #1
  str r8, [r12, #16]
  bne 1b
  pop {r0, r4-r11, pc}
  .size phinets_dsp_dense_filters, . - phinets_dsp_dense_filters
#endif
