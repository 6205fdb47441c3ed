/*
 * Depthwise 5x5 for cores with the DSP extension: one row, channel by channel, four outputs at a time. depthwise5.c
 * calls these loops; phinets_dsp.h describes the layouts and the requantisation.
 *
 * There are not enough registers for five row pointers and the sums. The taps of a channel are copied to the stack,
 * those of each row beside its pointer, so that one LDM loads both: r1 iterates over these rows, and a store writes the
 * advanced pointer back.
 *
 * void NAME(const phinets_dsp_depthwise5_call *call), in depthwise5.c.
 */
#if defined(__ARM_FEATURE_DSP)
  .syntax unified
  .thumb

/* Stack frame. A single LDM loads the first six words. */
#define CONSTANTS 0 /* multiplier, power, end of the last row, zero point, table, step */
#define WEIGHTS 24  /* end of the weights, their address, five moves */
#define BIAS 52     /* then five rows of three or four words of taps and a pointer, then output, constants, deltas,
                       bytes of a row, address at which a channel enters the loop */
#define FRAME 180

/* Registers of the loop: r0 output, r1 rows on the stack, r2-r5 sums, r6-r9 taps, r12 row pointer. In the first row,
   the bias precedes the taps and is loaded into r5. */

/* Words of two pixels, (-2 -1) (0 1) (2 3) (4 5); taps (a b) (c d) (b c) (d e). Quads come in pairs; the second one
   advances the pointer for both. */
.macro row_s1 half, first
.if \first
  ldmia r1!, {r5, r6, r7, r8, r9, r12}
.else
  ldmia r1!, {r6, r7, r8, r9, r12}
.endif
.if \half == 0
  ldmia r12, {r10, r11, r12, lr}
  sums_s1 \first
  smlabt r2, r12, r9, r2
  smlad r3, r12, r9, r3
  smlad r4, r12, r7, r4
  smlad r5, r12, r8, r5
  smlabt r4, lr, r9, r4
  smlad r5, lr, r9, r5
.else
  ldrd r10, r11, [r12, #8]
  sums_s1 \first
  ldrd r10, r11, [r12, #16]!
  str r12, [r1, #-4]
  smlabt r2, r10, r9, r2
  smlad r3, r10, r9, r3
  smlad r4, r10, r7, r4
  smlad r5, r10, r8, r5
  smlabt r4, r11, r9, r4
  smlad r5, r11, r9, r5
.endif
.endm

.macro sums_s1 first
.if \first
  smlad r2, r10, r6, r5
  smlatb r3, r10, r6, r5
  smlad r4, r11, r6, r5
  smlatb r5, r11, r6, r5
.else
  smlad r2, r10, r6, r2
  smlatb r3, r10, r6, r3
  smlad r4, r11, r6, r4
  smlatb r5, r11, r6, r5
.endif
  smlad r2, r11, r7, r2
  smlad r3, r11, r8, r3
.endm

.macro save_s1 first
.if \first
  stmia r1!, {r5, r6, r7, r8, r9, r12}
.else
  stmia r1!, {r6, r7, r8, r9, r12}
.endif
.endm

/* Stride 2: six words; three words of taps. */
.macro load_s2 first
.if \first
  ldmia r1!, {r5, r6, r7, r9, r12}
.else
  ldmia r1!, {r6, r7, r9, r12}
.endif
.endm

/* The window starts in the low half of a word: taps (a b) (c d) (d e). */
.macro row_s2 half, first
  load_s2 \first
  ldmia r12!, {r8, r10, r11, lr}
  str r12, [r1, #-4]
.if \first
  smlad r2, r8, r6, r5
  smlad r3, r10, r6, r5
  smlad r4, r11, r6, r5
  smlad r5, lr, r6, r5
.else
  smlad r2, r8, r6, r2
  smlad r3, r10, r6, r3
  smlad r4, r11, r6, r4
  smlad r5, lr, r6, r5
.endif
  smlad r2, r10, r7, r2
  ldrd r8, r10, [r12]
  smlad r3, r11, r7, r3
  smlad r4, lr, r7, r4
  smlabt r2, r11, r9, r2
  smlad r5, r8, r7, r5
  smlabt r3, lr, r9, r3
  smlabt r4, r8, r9, r4
  smlabt r5, r10, r9, r5
.endm
.macro save_s2 first
.if \first
  stmia r1!, {r5, r6, r7, r9, r12}
.else
  stmia r1!, {r6, r7, r9, r12}
.endif
.endm

/* The window starts in the high half of a word (one pixel of padding): taps (a b) (b c) (d e). */
.macro row_s2_odd half, first
  load_s2 \first
  ldmia r12!, {r8, r10, r11, lr}
  str r12, [r1, #-4]
.if \first
  smlatb r2, r8, r6, r5
  smlatb r3, r10, r6, r5
  smlatb r4, r11, r6, r5
  smlatb r5, lr, r6, r5
.else
  smlatb r2, r8, r6, r2
  smlatb r3, r10, r6, r3
  smlatb r4, r11, r6, r4
  smlatb r5, lr, r6, r5
.endif
  smlad r2, r10, r7, r2
  ldrd r8, r10, [r12]
  smlad r3, r11, r7, r3
  smlad r4, lr, r7, r4
  smlad r2, r11, r9, r2
  smlad r5, r8, r7, r5
  smlad r3, lr, r9, r3
  smlad r4, r8, r9, r4
  smlad r5, r10, r9, r5
.endm
.macro save_s2_odd first
.if \first
  stmia r1!, {r5, r6, r8, r9, r12}
.else
  stmia r1!, {r6, r8, r9, r12}
.endif
.endm

/* Bytes, any padding: taps (a c) (b d) (c e). A word of pixels -2..1 becomes (-2 0) and (-1 1), the next one (2 4) and
   (3 5); combining them gives (2 0) and (3 1), whose halves SMLADX multiplies crosswise. */
.macro row_bytes_s1 half, first
  load_s2 \first
  ldr r8, [r12], #4
  ldr r11, [r12]
  str r12, [r1, #-4]
  sxtb16 r10, r8, ror #8
  sxtb16 r8, r8
  sxtb16 lr, r11, ror #8
  sxtb16 r11, r11
.if \first
  smlad r2, r6, r8, r5
  smlad r3, r6, r10, r5
  pkhbt r8, r11, r8
  smlad r2, r7, r10, r2
  pkhbt r10, lr, r10
  smladx r4, r6, r8, r5
  smladx r5, r6, r10, r5
.else
  smlad r2, r6, r8, r2
  smlad r3, r6, r10, r3
  pkhbt r8, r11, r8
  smlad r2, r7, r10, r2
  pkhbt r10, lr, r10
  smladx r4, r6, r8, r4
  smladx r5, r6, r10, r5
.endif
  smladx r3, r7, r8, r3
  smladx r4, r7, r10, r4
  smlad r5, r7, r11, r5
  smlatb r2, r9, r11, r2
  smlatb r3, r9, lr, r3
  smlatt r4, r9, r11, r4
  smlatt r5, r9, lr, r5
.endm

/* Stride 2: words of pixels -2..1, 2..5 and 5..8. */
.macro row_bytes_s2 half, first
  load_s2 \first
  ldr r8, [r12], #8
  ldr r11, [r12, #-4]
  ldr lr, [r12, #-1]
  sxtb16 r10, r8, ror #8
  sxtb16 r8, r8
  str r12, [r1, #-4]
.if \first
  smlad r2, r6, r8, r5
  smlabt r3, r6, r8, r5
  sxtb16 r8, r11
  sxtb16 r11, r11, ror #8
  smlad r4, r6, r8, r5
  smlabt r5, r6, r8, r5
.else
  smlad r2, r6, r8, r2
  smlabt r3, r6, r8, r3
  sxtb16 r8, r11
  sxtb16 r11, r11, ror #8
  smlad r4, r6, r8, r4
  smlabt r5, r6, r8, r5
.endif
  smlad r2, r7, r10, r2
  smlabt r3, r7, r10, r3
  smlad r4, r7, r11, r4
  sxtb16 r10, lr
  sxtb16 lr, lr, ror #8
  smlatb r2, r9, r8, r2
  smlad r3, r9, r8, r3
  smlad r5, r7, r10, r5
  smlatb r4, r9, lr, r4
  smlad r5, r9, lr, r5
  smlatb r3, r7, r11, r3
.endm
.macro save_bytes first
  pkhtb r8, r7, r6, asr #16
  pkhbt r6, r6, r7, lsl #16
  pkhbt r9, r7, r9
.if \first
  stmia r1!, {r5, r6, r8, r9, r12}
.else
  stmia r1!, {r6, r8, r9, r12}
.endif
.endm

/* Requantises four sums and stores them. */
.macro outputs table, map8
  ldmia sp, {r6, r7, r8, r9, r10, r11}
  smmlar r2, r2, r6, r2
  smmlar r3, r3, r6, r3
  smmlar r4, r4, r6, r4
  smmlar r5, r5, r6, r5
  add r2, r2, r2, asr #31
  add r3, r3, r3, asr #31
  add r4, r4, r4, asr #31
  add r5, r5, r5, asr #31
  smmlsr r2, r2, r7, r9
  smmlsr r3, r3, r7, r9
  smmlsr r4, r4, r7, r9
  smmlsr r5, r5, r7, r9
  ssat r2, #8, r2
  ssat r3, #8, r3
  ssat r4, #8, r4
  ssat r5, #8, r5
.if \table
  ldrsb r2, [r10, r2]
  ldrsb r3, [r10, r3]
  ldrsb r4, [r10, r4]
  ldrsb r5, [r10, r5]
.endif
.if \map8
  strb r3, [r0, #1]
  strb r4, [r0, #2]
  strb r5, [r0, #3]
  strb r2, [r0], #4
.else
  strh r2, [r0]
  strh r3, [r0, #4]
  strh r4, [r0, #8]
  strh r5, [r0, #12]
  add r0, r0, r11
.endif
.endm

.macro quad row, half, table, map8
  add r1, sp, #BIAS
  \row \half, 1
  \row \half, 0
  \row \half, 0
  \row \half, 0
  \row \half, 0
  outputs \table, \map8
.endm

/* Advances the pointer of a row to the channel and copies its taps to the stack. */
.macro channel_row move, save, at, first
  ldr r12, [r1, #\at]
  ldmia r2!, {r6, r7, r8, r9}
  add r12, r12, \move
  \save \first
.endm

/* taps: words of taps stored per row; pairs: the loop computes two quads. */
.macro depthwise5 name, row, save, taps, pairs, table, map8
  .section .text.phinets_dsp_depthwise5_\name, "ax", %progbits
  .global phinets_dsp_depthwise5_\name
  .thumb_func
  .type phinets_dsp_depthwise5_\name, %function
  .balign 4
phinets_dsp_depthwise5_\name:
  push {r4-r11, lr}
  sub sp, sp, #FRAME
  add r1, sp, #CONSTANTS + 12
  ldmia r0!, {r2-r11} /* zero point, table, step, end of the weights, weights, moves */
  stmia r1, {r2-r11}
  ldmia r0!, {r2-r11} /* row pointers, output, constants, deltas, bytes of a row, odd */
  add r1, sp, #BIAS
  str r2, [r1, #4 * \taps + 4]
  str r3, [r1, #8 * \taps + 8]
  str r4, [r1, #12 * \taps + 12]
  str r5, [r1, #16 * \taps + 16]
  str r6, [r1, #20 * \taps + 20]
.if \pairs
  adr.w r2, 4f
  adr.w r3, 5f
  cmp r11, #0
  it ne
  movne r2, r3
  orr r11, r2, #1
.endif
  add r1, r1, #20 * \taps + 24
  stmia r1, {r7-r11}
  mov r0, r7
  b 3f

1: /* a channel */
  add r1, sp, #WEIGHTS + 4
  ldmia r1!, {r2, r3, r4, r10, r11, lr}
  channel_row r3, \save, (4 * \taps + 4), 1
  channel_row r4, \save, (4 * \taps), 0
  channel_row r10, \save, (4 * \taps), 0
  channel_row r11, \save, (4 * \taps), 0
  channel_row lr, \save, (4 * \taps), 0
  str r2, [sp, #WEIGHTS + 4]
  ldmia r1, {r2, r3, r4, r10}
  add r8, r12, r10
  ldmia r3!, {r5, r6, r7}
  stmia sp, {r6, r7, r8}
  str r5, [sp, #BIAS]
.if \map8
  str r3, [r1, #4]
.else
  sxtab r0, r2, r4
  ror r4, r4, #8
  stmia r1, {r0, r3, r4}
.endif
.if \pairs
  ldr pc, [r1, #16]
.endif

4: /* four or eight outputs */
  quad \row, 0, \table, \map8
.if \pairs
5:
  quad \row, 1, \table, \map8
.endif
  cmp r12, r8
  bne 4b

3:
  ldrd r2, r3, [sp, #WEIGHTS]
  cmp r2, r3
  bne 1b
  add sp, sp, #FRAME
  pop {r4-r11, pc}
  .size phinets_dsp_depthwise5_\name, . - phinets_dsp_depthwise5_\name
.endm

  depthwise5 s1_quads, row_s1, save_s1, 4, 1, 0, 0
  depthwise5 s1_quads_table, row_s1, save_s1, 4, 1, 1, 0
  depthwise5 s1_map8, row_s1, save_s1, 4, 1, 0, 1
  depthwise5 s1_map8_table, row_s1, save_s1, 4, 1, 1, 1
  depthwise5 s2_quads, row_s2, save_s2, 3, 0, 0, 0
  depthwise5 s2_quads_table, row_s2, save_s2, 3, 0, 1, 0
  depthwise5 s2_map8, row_s2, save_s2, 3, 0, 0, 1
  depthwise5 s2_map8_table, row_s2, save_s2, 3, 0, 1, 1
  depthwise5 s2_odd_quads, row_s2_odd, save_s2_odd, 3, 0, 0, 0
  depthwise5 s2_odd_quads_table, row_s2_odd, save_s2_odd, 3, 0, 1, 0
  depthwise5 s2_odd_map8, row_s2_odd, save_s2_odd, 3, 0, 0, 1
  depthwise5 s2_odd_map8_table, row_s2_odd, save_s2_odd, 3, 0, 1, 1
  depthwise5 bytes_s1_quads, row_bytes_s1, save_bytes, 3, 0, 0, 0
  depthwise5 bytes_s1_quads_table, row_bytes_s1, save_bytes, 3, 0, 1, 0
  depthwise5 bytes_s1_map8, row_bytes_s1, save_bytes, 3, 0, 0, 1
  depthwise5 bytes_s1_map8_table, row_bytes_s1, save_bytes, 3, 0, 1, 1
  depthwise5 bytes_s2_quads, row_bytes_s2, save_bytes, 3, 0, 0, 0
  depthwise5 bytes_s2_quads_table, row_bytes_s2, save_bytes, 3, 0, 1, 0
  depthwise5 bytes_s2_map8, row_bytes_s2, save_bytes, 3, 0, 0, 1
  depthwise5 bytes_s2_map8_table, row_bytes_s2, save_bytes, 3, 0, 1, 1
#endif

#if defined(__linux__) && defined(__ELF__) /* without this section the linker makes the stack executable */
  .section .note.GNU-stack, "", %progbits
#endif
