/*
 * Depthwise 3x3 for cores with the DSP extension: one row, channel by channel, four outputs at a time. depthwise3.c
 * calls these loops and has the same in C; phinets_dsp.h describes the layouts and the requantisation.
 *
 * Four sums, three row pointers, the output pointer, two words of taps and four of pixels take all 14 registers. The
 * constants and taps of a channel are therefore copied to the stack once per channel, from where LDRD and LDM load
 * them.
 *
 * void NAME(const phinets_dsp_depthwise3_call *call), in depthwise3.c.
 */
#if defined(__ARM_FEATURE_DSP)
  .syntax unified
  .thumb

/* Stack frame. A single LDM loads the first six words. */
#define CONSTANTS 0 /* multiplier, power, end of the first row, zero point, table, step */
#define BIAS 24
#define TAPS 28    /* six words */
#define CHANNEL 52 /* nine words of the call, from `constants` on */
#define ENTRY 88   /* address at which a channel enters the loop */
#define FRAME 92

/* The row_* macros add three taps, in r6 and r7, to four outputs. `first`: the sums start from r5. */

/* Words of two pixels, (-2 -1) (0 1) (2 3) (4 5); r6 = (a b), r7 = (b c). Quads come in pairs; the second one reads
   from before the pointer, so that both take three loads instead of four. */
.macro row_s1 row, half, first
.if \half == 0
  ldmia \row!, {r8, r9, r10, r11}
.else
  ldrd r8, r9, [\row, #-8]
  ldrd r10, r11, [\row]
.endif
.if \first
  smlatb r2, r8, r6, r5
  smlad r3, r9, r6, r5
  smlatb r4, r9, r6, r5
  smlad r5, r10, r6, r5
.else
  smlatb r2, r8, r6, r2
  smlad r3, r9, r6, r3
  smlatb r4, r9, r6, r4
  smlad r5, r10, r6, r5
.endif
  smlad r2, r9, r7, r2
  smlabt r3, r10, r7, r3
  smlad r4, r10, r7, r4
  smlabt r5, r11, r7, r5
.endm

/* Stride 2, odd padding: the window starts in the high half of a word. */
.macro row_s2 row, half, first
  ldmia \row!, {r8, r9, r10, r11}
.if \first
  smlatb r2, r8, r6, r5
  smlatb r3, r9, r6, r5
  smlatb r4, r10, r6, r5
  smlatb r5, r11, r6, r5
.else
  smlatb r2, r8, r6, r2
  smlatb r3, r9, r6, r3
  smlatb r4, r10, r6, r4
  smlatb r5, r11, r6, r5
.endif
  ldr r8, [\row]
  smlad r2, r9, r7, r2
  smlad r3, r10, r7, r3
  smlad r4, r11, r7, r4
  smlad r5, r8, r7, r5
.endm

/* Stride 2, even padding: the window starts in the low half of a word. */
.macro row_s2_even row, half, first
  ldmia \row!, {r8, r9, r10, r11}
.if \first
  smlad r2, r8, r6, r5
  smlad r3, r9, r6, r5
  smlad r4, r10, r6, r5
  smlad r5, r11, r6, r5
.else
  smlad r2, r8, r6, r2
  smlad r3, r9, r6, r3
  smlad r4, r10, r6, r4
  smlad r5, r11, r6, r5
.endif
  ldr r8, [\row]
  smlabt r2, r9, r7, r2
  smlabt r3, r10, r7, r3
  smlabt r4, r11, r7, r4
  smlabt r5, r8, r7, r5
.endm

/* Bytes, any padding. r6 = (a c), r7 = (b c), of which only b is used. A word of pixels -1..2 becomes (-1 1) and
   (0 2). */
.macro row_bytes_s1 row, half, first
  ldr r9, [\row, #2]
  ldr r8, [\row], #4
  sxtb16 r10, r8
  sxtb16 r11, r8, ror #8
  sxtb16 r8, r9
  sxtb16 r9, r9, ror #8
.if \first
  smlad r2, r6, r10, r5
  smlad r3, r6, r11, r5
  smlad r4, r6, r8, r5
  smlad r5, r6, r9, r5
.else
  smlad r2, r6, r10, r2
  smlad r3, r6, r11, r3
  smlad r4, r6, r8, r4
  smlad r5, r6, r9, r5
.endif
  smlabb r2, r7, r11, r2
  smlabt r3, r7, r10, r3
  smlabb r4, r7, r9, r4
  smlabt r5, r7, r8, r5
.endm

/* Stride 2: words of pixels -1..2 and 3..6, and the byte of pixel 7. */
.macro row_bytes_s2 row, half, first
  ldr r10, [\row, #4]
  ldr r8, [\row], #8
  sxtb16 r9, r8, ror #8
  sxtb16 r8, r8
  sxtb16 r11, r10, ror #8
  sxtb16 r10, r10
.if \first
  smlad r2, r6, r8, r5
  smlabt r3, r6, r8, r5
  smlad r4, r6, r10, r5
  smlabt r5, r6, r10, r5
.else
  smlad r2, r6, r8, r2
  smlabt r3, r6, r8, r3
  smlad r4, r6, r10, r4
  smlabt r5, r6, r10, r5
.endif
  ldrsb r8, [\row]
  smlabb r2, r7, r9, r2
  smlabt r3, r7, r9, r3
  smlabb r4, r7, r11, r4
  smlabt r5, r7, r11, r5
  smlatb r3, r6, r10, r3
  smlatb r5, r6, r8, r5
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
  strb r3, [lr, #1]
  strb r4, [lr, #2]
  strb r5, [lr, #3]
  strb r2, [lr], #4
.else
  strh r2, [lr]
  strh r3, [lr, #4]
  strh r4, [lr, #8]
  strh r5, [lr, #12]
  add lr, lr, r11
.endif
.endm

.macro quad row, half, table, map8
  \row r0, \half, 1
  ldrd r6, r7, [sp, #TAPS + 8]
  \row r1, \half, 0
  ldrd r6, r7, [sp, #TAPS + 16]
  \row r12, \half, 0
  outputs \table, \map8
.endm

/* pairs: the loop computes two quads; bytes: the taps of a row become (a c) and (b c). */
.macro depthwise3 name, row, pairs, bytes, table, map8
  .section .text.phinets_dsp_depthwise3_\name, "ax", %progbits
  .global phinets_dsp_depthwise3_\name
  .thumb_func
  .type phinets_dsp_depthwise3_\name, %function
  .balign 4
phinets_dsp_depthwise3_\name:
  push {r4-r11, lr}
  sub sp, sp, #FRAME
  ldmia r0!, {r1-r6}
  add r7, sp, #CONSTANTS + 12
  stmia r7, {r4-r6}
  ldmia r0!, {r4-r11, r12}
  add lr, sp, #CHANNEL
  stmia lr, {r4-r11, r12}
.if \map8
  mov lr, r6
.endif
.if \pairs
  ldr r4, [r0]
  adr.w r5, 5f
  adr.w r6, 7f
  cmp r4, #0
  it ne
  movne r5, r6
  orr r5, r5, #1
  str r5, [sp, #ENTRY]
.endif
  mov r0, r1
  mov r1, r2
  mov r12, r3
  b 3f

1: /* a channel. r3 constants, r4 deltas, r5 output, r6-r8 moves, r9 bytes of a row, r11 weights, loaded from r2 */
  add r0, r0, r6
  add r1, r1, r7
  add r12, r12, r8
  add r9, r9, r0
  add r11, r11, r3, lsl #1
.if \map8 == 0
  sxtab lr, r5, r4
  ror r4, r4, #8
.endif
  ldmia r3!, {r5, r7, r8}
  stmia sp, {r7, r8, r9}
.if \map8
  str r3, [r2]
.else
  stmia r2, {r3, r4, lr}
.endif
  ldmia r11, {r6-r11}
.if \bytes
  pkhbt r6, r6, r7
  pkhbt r8, r8, r9
  pkhbt r10, r10, r11
.endif
  stmdb r2, {r5-r11}
.if \pairs
  ldr pc, [sp, #ENTRY]
.else
  b 5f
.endif

4: /* four or eight outputs */
  ldr r5, [sp, #BIAS]
  ldrd r6, r7, [sp, #TAPS]
5:
  quad \row, 0, \table, \map8
.if \pairs
  ldr r5, [sp, #BIAS]
  ldrd r6, r7, [sp, #TAPS]
7:
  quad \row, 1, \table, \map8
.endif
  cmp r0, r8
  bne 4b

3:
  add r2, sp, #CHANNEL
  ldmia r2, {r3-r11}
  cmp r3, r10
  bne 1b
  add sp, sp, #FRAME
  pop {r4-r11, pc}
  .size phinets_dsp_depthwise3_\name, . - phinets_dsp_depthwise3_\name
.endm

  depthwise3 s1_quads, row_s1, 1, 0, 0, 0
  depthwise3 s1_quads_table, row_s1, 1, 0, 1, 0
  depthwise3 s1_map8, row_s1, 1, 0, 0, 1
  depthwise3 s1_map8_table, row_s1, 1, 0, 1, 1
  depthwise3 s2_quads, row_s2, 0, 0, 0, 0
  depthwise3 s2_quads_table, row_s2, 0, 0, 1, 0
  depthwise3 s2_map8, row_s2, 0, 0, 0, 1
  depthwise3 s2_map8_table, row_s2, 0, 0, 1, 1
  depthwise3 s2_even_quads, row_s2_even, 0, 0, 0, 0
  depthwise3 s2_even_quads_table, row_s2_even, 0, 0, 1, 0
  depthwise3 s2_even_map8, row_s2_even, 0, 0, 0, 1
  depthwise3 s2_even_map8_table, row_s2_even, 0, 0, 1, 1
  depthwise3 bytes_s1_quads, row_bytes_s1, 0, 1, 0, 0
  depthwise3 bytes_s1_quads_table, row_bytes_s1, 0, 1, 1, 0
  depthwise3 bytes_s1_map8, row_bytes_s1, 0, 1, 0, 1
  depthwise3 bytes_s1_map8_table, row_bytes_s1, 0, 1, 1, 1
  depthwise3 bytes_s2_quads, row_bytes_s2, 0, 1, 0, 0
  depthwise3 bytes_s2_quads_table, row_bytes_s2, 0, 1, 1, 0
  depthwise3 bytes_s2_map8, row_bytes_s2, 0, 1, 0, 1
  depthwise3 bytes_s2_map8_table, row_bytes_s2, 0, 1, 1, 1
#endif

#if defined(__linux__) && defined(__ELF__) /* without this section the linker makes the stack executable */
  .section .note.GNU-stack, "", %progbits
#endif
