/*
 * Depthwise layers for cores with Helium: channel by channel, eight outputs at a time. One gather load of four words
 * (two loads for 5x5) gets the taps of a window, and VMLADAV sums their products; the constants of a channel are
 * scalars. helium_depthwise.c prepares the words and has the same in C.
 *
 * void phinets_helium_depthwise{3,5}_stride{1,2}(call *c)
 * void phinets_helium_words(int8_t *to, int32_t count, const int8_t *const *rows, const int32_t *steps)
 * void phinets_helium_line_words(int8_t *to, int32_t count, const int8_t *line)
 */
#if defined(__ARM_FEATURE_MVE)
  .syntax unified
  .thumb
  .arch armv8.1-m.main
  .arch_extension mve

/* Offsets in `call`. */
  .equ WORDS, 0 /* addresses of four words minus one step, which the loads add first */
  .equ MORE_WORDS, 16
  .equ OFFSETS, 32 /* of eight outputs, in their order in the vector */
  .equ WEIGHTS, 48
  .equ CONSTANTS, 52
  .equ OUTPUT, 56
  .equ CHANNELS, 60
  .equ EIGHTS, 64
  .equ EIGHT_BYTES, 68
  .equ EIGHT_LANES, 72
  .equ REST, 76       /* 0, 4 or 8 outputs after the eights */
  .equ REST_LANES, 80
  .equ REST_BYTES, 84 /* overlap of the rest with the previous outputs, in bytes of the output and of the words */
  .equ REST_WORDS, 88
  .equ ZERO_POINT, 92

.macro sum size, step, to
  vldrw.u32 q0, [q7, #\step]!
.if \size == 5
  vldrw.u32 q1, [q5, #\step]!
.endif
  vmladav.s8 \to, q6, q0
.if \size == 5
  vmladava.s8 \to, q4, q1
.endif
.endm

/* Rescales four sums to `to`, without the zero point. r1, r3, r5: bias, multiplier, shift. */
.macro rescale a, b, c, d, q, to
  vmov \q[2], \q[0], \a, \c
  vmov \q[3], \q[1], \b, \d
  vadd.i32 \q, \q, r1
  vshr.s32 \to, \q, #31
  vqrdmlah.s32 \to, \q, r3
  vrshl.s32 \to, r5
.endm

/* Eight outputs, narrowed together: the first four in even halfwords, the others in odd ones. r7: zero point; r9:
   output. */
.macro eight size, step
  sum \size, \step, r0
  sum \size, \step, r2
  sum \size, \step, r4
  sum \size, \step, r6
  sum \size, \step, r8
  sum \size, \step, r10
  sum \size, \step, r12
  sum \size, \step, lr
  rescale r0, r2, r4, r6, q0, q2
  rescale r8, r10, r12, lr, q0, q3
  ldr r0, [sp]
  vqmovnb.s32 q2, q2
  vqmovnt.s32 q2, q3
  vldrw.u32 q3, [r0, #OFFSETS]
  vqadd.s16 q2, q2, r7
  vqmovnb.s16 q2, q2
  vpst
  vstrbt.16 q2, [r9, q3]
.endm

.macro depthwise size, stride, step
  .section .text.phinets_helium_depthwise\size\()_stride\stride, "ax", %progbits
  .global phinets_helium_depthwise\size\()_stride\stride
  .thumb_func
  .type phinets_helium_depthwise\size\()_stride\stride, %function
  .balign 4
phinets_helium_depthwise\size\()_stride\stride:
  push {r4-r11, lr}
  vpush {d8-d15}
  sub sp, sp, #12
  str r0, [sp]
  movs r2, #0
  str r2, [sp, #4] /* bytes of the previous channels */
1: /* a channel */
  ldrd r4, r6, [r0, #WEIGHTS] /* and constants */
  ldrd r9, r8, [r0, #OUTPUT]  /* and channels */
  vldrb.u8 q6, [r4], #16
.if \size == 5
  vldrb.u8 q4, [r4], #16
.endif
  vldrw.u32 q7, [r0, #WORDS]
  ldmia r6!, {r1, r3, r5}
  vadd.i32 q7, q7, r2
.if \size == 5
  vldrw.u32 q5, [r0, #MORE_WORDS]
  vadd.i32 q5, q5, r2
.endif
  adds r2, r2, #4
  str r2, [sp, #4]
  strd r4, r6, [r0, #WEIGHTS]
  add r10, r9, #1
  subs r8, r8, #1
  strd r10, r8, [r0, #OUTPUT]
  ldr r7, [r0, #ZERO_POINT]
  ldrd r11, r12, [r0, #EIGHTS] /* and bytes of eight outputs */
  str r12, [sp, #8]
  cmp r11, #0
  beq 3f
  ldr r2, [r0, #EIGHT_LANES]
  vmsr p0, r2
2:
  eight \size, \step
  ldr r2, [sp, #8]
  add r9, r9, r2
  subs r11, r11, #1
  bne 2b
3:
  ldr r2, [r0, #REST]
  cmp r2, #0
  beq 5f
  ldr r4, [r0, #REST_LANES]
  ldrd r6, r8, [r0, #REST_BYTES] /* and words */
  vmsr p0, r4
  subs r9, r9, r6
  vsub.i32 q7, q7, r8
.if \size == 5
  vsub.i32 q5, q5, r8
.endif
  cmp r2, #4
  beq 4f
  eight \size, \step
  b 5f
4:
  sum \size, \step, r0
  sum \size, \step, r2
  sum \size, \step, r4
  sum \size, \step, r6
  rescale r0, r2, r4, r6, q0, q2
  ldr r0, [sp]
  vqmovnb.s32 q2, q2
  vldrw.u32 q3, [r0, #OFFSETS]
  vqadd.s16 q2, q2, r7
  vqmovnb.s16 q2, q2
  vpst
  vstrbt.16 q2, [r9, q3]
5:
  ldr r8, [r0, #CHANNELS]
  ldr r2, [sp, #4]
  cmp r8, #0
  bne 1b
  add sp, sp, #12
  vpop {d8-d15}
  pop {r4-r11, pc}
  .size phinets_helium_depthwise\size\()_stride\stride, . - phinets_helium_depthwise\size\()_stride\stride
.endm

  depthwise 3, 1, 64
  depthwise 3, 2, 128
  depthwise 5, 1, 64
  depthwise 5, 2, 128

/* Interleaves sixteen channels of `count` pixels of four rows: four bytes of each channel side by side. Pixels of row i
   are steps[i] bytes apart. */
  .section .text.phinets_helium_words, "ax", %progbits
  .global phinets_helium_words
  .thumb_func
  .type phinets_helium_words, %function
  .balign 4
phinets_helium_words:
  push {r4-r11, lr}
  ldmia r2, {r4-r7}
  ldmia r3, {r8-r11}
  dls lr, r1
1:
  vldrb.u8 q0, [r4]
  vldrb.u8 q1, [r5]
  vldrb.u8 q2, [r6]
  vldrb.u8 q3, [r7]
  add r4, r4, r8
  add r5, r5, r9
  add r6, r6, r10
  add r7, r7, r11
  vst40.8 {q0, q1, q2, q3}, [r0]
  vst41.8 {q0, q1, q2, q3}, [r0]
  vst42.8 {q0, q1, q2, q3}, [r0]
  vst43.8 {q0, q1, q2, q3}, [r0]!
  le lr, 1b
  pop {r4-r11, pc}
  .size phinets_helium_words, . - phinets_helium_words

/* The same with four neighbouring pixels of one row, starting at each of `count` pixels. */
  .section .text.phinets_helium_line_words, "ax", %progbits
  .global phinets_helium_line_words
  .thumb_func
  .type phinets_helium_line_words, %function
  .balign 4
phinets_helium_line_words:
  push {r4, lr}
  dls lr, r1
1:
  vldrb.u8 q0, [r2], #16
  vldrb.u8 q1, [r2]
  vldrb.u8 q2, [r2, #16]
  vldrb.u8 q3, [r2, #32]
  vst40.8 {q0, q1, q2, q3}, [r0]
  vst41.8 {q0, q1, q2, q3}, [r0]
  vst42.8 {q0, q1, q2, q3}, [r0]
  vst43.8 {q0, q1, q2, q3}, [r0]!
  le lr, 1b
  pop {r4, pc}
  .size phinets_helium_line_words, . - phinets_helium_line_words
#endif

#if defined(__linux__) && defined(__ELF__) /* without this section the linker makes the stack executable */
  .section .note.GNU-stack, "", %progbits
#endif
