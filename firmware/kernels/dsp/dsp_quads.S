/*
 * The loops of quads.c (conversion of rows to quads) for cores with the DSP extension (Cortex-M4, M7, M33 and later).
 * For other machines, the file is empty.
 */
#if defined(__ARM_FEATURE_DSP)
  .syntax unified
  .thumb

  .macro function name
  .section .text.\name, "ax", %progbits
  .balign 8
  .global \name
  .hidden \name
  .thumb_func
  .type \name, %function
\name:
  .endm

/* Converts words of four pixels in r4-r7 to a group at r1. */
  .macro group
  sxtb16 r8, r4
  sxtb16 r9, r5
  sxtb16 r10, r6
  sxtb16 r11, r7
  stmia r1!, {r8, r9, r10, r11}
  sxtb16 r8, r4, ror #8
  sxtb16 r9, r5, ror #8
  sxtb16 r10, r6, ror #8
  sxtb16 r11, r7, ror #8
  stmia r1!, {r8, r9, r10, r11}
  .endm

/* void phinets_dsp_quads_row(const int8_t *row, int32_t *quads, const steps *, int32_t count)
   Converts an NHWC row to `count` quads, at least one. steps, in bytes: from the first pixel of a quad to its second,
   third and fourth; size of a pixel in whole groups; from there to the next quad. */
  function phinets_dsp_quads_row
  push {r4-r11, lr}
  sub sp, sp, #12
  mov r8, r3
  ldm r2, {r3, r4, r5, r6, r7}
  mov lr, r3
  mov r12, r4
  mov r3, r5
  strd r6, r7, [sp, #0]
1: /* r0 first pixel; lr, r12, r3 offsets of the others; r2 end of the first */
  str r8, [sp, #8]
  ldr r2, [sp, #0]
  add r2, r2, r0
2:
  ldr r5, [r0, lr]
  ldr r6, [r0, r12]
  ldr r7, [r0, r3]
  ldr r4, [r0], #4
  group
  cmp r0, r2
  bne 2b
  ldrd r4, r8, [sp, #4]
  add r0, r0, r4
  subs r8, r8, #1
  bne 1b
  add sp, sp, #12
  pop {r4-r11, pc}
  .size phinets_dsp_quads_row, . - phinets_dsp_quads_row

/* void phinets_dsp_quads_planes(const int8_t *const *planes, int32_t *quads, int32_t next, int32_t count)
   Converts a group of channels, given as four planes, for all quads. next: bytes from the end of a group to that group
   of the next quad. */
  function phinets_dsp_quads_planes
  push {r4-r11, lr}
  ldm r0, {r0, r10, r11, r12}
  add lr, r0, r3, lsl #2
1:
  ldr r4, [r0], #4
  ldr r5, [r11], #4
  sxtb16 r6, r4           /* x0 x2 of the first channel */
  sxtb16 r7, r4, ror #8   /* x1 x3 */
  sxtb16 r8, r5           /* the same of the third */
  sxtb16 r9, r5, ror #8
  pkhbt r4, r6, r8, lsl #16
  pkhbt r5, r7, r9, lsl #16
  pkhtb r6, r8, r6, asr #16
  pkhtb r7, r9, r7, asr #16
  stmia r1!, {r4, r5, r6, r7}
  ldr r4, [r10], #4
  ldr r5, [r12], #4
  sxtb16 r6, r4
  sxtb16 r7, r4, ror #8
  sxtb16 r8, r5
  sxtb16 r9, r5, ror #8
  pkhbt r4, r6, r8, lsl #16
  pkhbt r5, r7, r9, lsl #16
  pkhtb r6, r8, r6, asr #16
  pkhtb r7, r9, r7, asr #16
  stmia r1!, {r4, r5, r6, r7}
  add r1, r1, r2
  cmp r0, lr
  bne 1b
  pop {r4-r11, pc}
  .size phinets_dsp_quads_planes, . - phinets_dsp_quads_planes

/* Requantises four products and packs them as two words of two values. */
  .macro requantize first, second, third, fourth
  smmlar \first, \first, r10, \first
  smmlar \second, \second, r10, \second
  smmlar \third, \third, r10, \third
  smmlar \fourth, \fourth, r10, \fourth
  add \first, \first, \first, asr #31
  add \second, \second, \second, asr #31
  add \third, \third, \third, asr #31
  add \fourth, \fourth, \fourth, asr #31
  smmlsr \first, \first, r11, lr
  smmlsr \second, \second, r11, lr
  smmlsr \third, \third, r11, lr
  smmlsr \fourth, \fourth, r11, lr
  pkhbt \first, \first, \second, lsl #16 /* no overflow: at most 255 * 255 / 2 + 128 */
  pkhbt \third, \third, \fourth, lsl #16
  ssat16 \first, #8, \first
  ssat16 \third, #8, \third
  .endm

/* void phinets_dsp_quads_products(const int8_t *first, const int8_t *second, int32_t *quads, const products *)
   Multiplies channels k and k + 2 of a map8 row by their factors, then k + 1 and k + 3, then the next four. products:
   minus a's zero point in both halves, multiplier, power, zero point; bytes from the end of a quad's words to those of
   the next; b's zero point; factors; pairs of channels; bytes of a plane. */
  function phinets_dsp_quads_products
  push {r4-r11, lr}
  sub sp, sp, #28
  /* 0 to the next quad, 4 end of the plane, 8 quads, 12 factors, 16 pairs, 20 bytes of a plane, 24 b's zero point */
  str r2, [sp, #8]
  mov r12, r1
  mov r1, r0
  ldmia r3!, {r0, r10, r11, lr}
  ldm r3, {r4, r5, r6, r7, r8}
  str r4, [sp, #0]
  str r5, [sp, #24]
  str r6, [sp, #12]
  strd r7, r8, [sp, #16]
1: /* two channels: r1 and r12 planes */
  ldrd r2, r4, [sp, #8]
  ldrd r5, r6, [sp, #16]
  ldr r7, [sp, #24]
  ldrsb r8, [r4, #2]
  ldrsb r3, [r4], #1
  add r6, r6, r1
  str r6, [sp, #4]
  sub r8, r8, r7
  sub r3, r3, r7
  pkhbt r3, r3, r8, lsl #16
  lsls r5, r5, #31
  it ne
  addne r4, r4, #2
  add r5, r2, #16
  strd r5, r4, [sp, #8]
2:
  ldr r5, [r1], #4
  ldr r8, [r12], #4
  sxtab16 r4, r0, r5           /* x0 x2 of the first */
  sxtab16 r5, r0, r5, ror #8   /* x1 x3 */
  sxtab16 r6, r0, r8           /* the same of the second */
  sxtab16 r7, r0, r8, ror #8
  smulbt r8, r6, r3
  smultt r9, r6, r3
  smultb r6, r4, r3
  smulbb r4, r4, r3
  requantize r4, r8, r6, r9
  smulbt r8, r7, r3
  smultt r9, r7, r3
  smultb r7, r5, r3
  smulbb r5, r5, r3
  requantize r5, r8, r7, r9
  stmia r2!, {r4, r5, r6, r7}
  ldrd r4, r5, [sp, #0]
  add r2, r2, r4
  cmp r1, r5
  bne 2b
  ldrd r5, r6, [sp, #16]
  subs r5, r5, #1
  str r5, [sp, #16]
  beq 3f
  lsls r5, r5, #31
  bne 1b
  add r1, r1, r6, lsl #1
  add r12, r12, r6, lsl #1
  b 1b
3:
  add sp, sp, #28
  pop {r4-r11, pc}
  .size phinets_dsp_quads_products, . - phinets_dsp_quads_products

/* void phinets_dsp_quads_windows(const int8_t *const *rows, const int8_t *const *end, int32_t *quads, const windows *)
   Quads of windows that lie inside the map. rows: as in phinets_dsp_quads_window, up to `end`. windows, in bytes:
   offset of the first window in a row, step from one to the next, length of a window's row; then the number of quads.
   The words of a window continue from one row to the next: an incomplete word stays in r4-r7, and SEL replaces its
   surplus bytes by those of the next row. */
  function phinets_dsp_quads_windows
  push {r4-r11, lr}
  sub sp, sp, #20
  /* 0 rows' end, 4 offset, 8 bytes of a row, 12 quads left, 16 rows */
  ldm r3, {r4, r5, r6, r7}
  strd r1, r4, [sp, #0]
  strd r6, r7, [sp, #8]
  str r0, [sp, #16]
  mov r1, r2
  mov lr, r5
  add r3, r5, r5, lsl #1
1: /* a quad: r1 output words; lr and r3 offsets from the first window to the second and fourth */
  ldr r12, [sp, #16]
  movs r2, #0 /* bytes in the incomplete word */
2: /* a row of the windows */
  ldrd r8, r11, [sp, #4]
  ldr r0, [r12], #4
  add r0, r0, r8
  cbnz r2, 3f
  ldr r5, [r0, lr]
  ldr r6, [r0, lr, lsl #1]
  ldr r7, [r0, r3]
  ldr r4, [r0], #4
  subs r2, r11, #4
  bge 4f
  b 5f
3:
  sub r0, r0, r2
  lsls r8, r2, #3
  mvn r9, #0
  lsl r8, r9, r8 /* mask of the bytes to take from the row */
  uadd8 r8, r8, r9
  add r2, r2, r11
  ldr r8, [r0, lr]
  ldr r9, [r0, lr, lsl #1]
  ldr r10, [r0, r3]
  ldr r11, [r0], #4
  sel r5, r8, r5
  sel r6, r9, r6
  sel r7, r10, r7
  sel r4, r11, r4
  subs r2, r2, #4
  blt 5f
4: /* a complete word */
  group
  ldr r5, [r0, lr]
  ldr r6, [r0, lr, lsl #1]
  ldr r7, [r0, r3]
  ldr r4, [r0], #4
  subs r2, r2, #4
  bge 4b
5:
  adds r2, r2, #4
  ldr r8, [sp, #0]
  cmp r12, r8
  bne 2b
  cbz r2, 6f
  group
6:
  ldr r8, [sp, #4]
  add r8, r8, lr, lsl #2
  str r8, [sp, #4]
  ldr r9, [sp, #12]
  subs r9, r9, #1
  str r9, [sp, #12]
  bne 1b
  add sp, sp, #20
  pop {r4-r11, pc}
  .size phinets_dsp_quads_windows, . - phinets_dsp_quads_windows
#endif
