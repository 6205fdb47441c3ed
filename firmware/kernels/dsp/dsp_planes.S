/*
 * Converts four nhwc pixels at a time to planes of int16, for cores with the DSP extension; called by planes.c. Pixels
 * may be at any address, because the rows of a picture may start anywhere.
 */
#if defined(__ARM_FEATURE_DSP)
  .syntax unified
  .thumb

/*
 * Three channels: three words become six pairs of int16, chosen so that each pair of neighbouring pixels takes one
 * packing instruction.
 *
 * void phinets_dsp_planes16_of_3(const int8_t *row, int32_t quads, int16_t *output, int32_t plane_bytes)
 */
  .section .text.phinets_dsp_planes16_of_3, "ax", %progbits
  .global phinets_dsp_planes16_of_3
  .thumb_func
  .type phinets_dsp_planes16_of_3, %function
  .balign 4
phinets_dsp_planes16_of_3:
  push {r4-r11, lr}
  add r3, r2, r3
  sub r12, r3, r2
  add r12, r12, r3
1: /* a0 b0 c0 a1, b1 c1 a2 b2, c2 a3 b3 c3 */
  ldr r5, [r0, #4]
  ldr r6, [r0, #8]
  ldr r4, [r0], #12
  sxtb16 r9, r5, ror #16  /* a2 b1 */
  sxtb16 r10, r5, ror #24 /* b2 c1 */
  sxtb16 r11, r6          /* c2 b3 */
  sxtb16 lr, r6, ror #8   /* a3 c3 */
  sxtb16 r7, r4           /* a0 c0 */
  sxtb16 r8, r4, ror #8   /* b0 a1 */
  pkhbt r5, r9, lr, lsl #16
  pkhbt r4, r7, r8
  strd r4, r5, [r2], #8
  pkhbt r4, r8, r9
  pkhbt r5, r10, r11
  strd r4, r5, [r3], #8
  pkhtb r4, r10, r7, asr #16
  pkhbt r5, r11, lr
  strd r4, r5, [r12], #8
  subs r1, r1, #1
  bne 1b
  pop {r4-r11, pc}
  .size phinets_dsp_planes16_of_3, . - phinets_dsp_planes16_of_3

/*
 * Four channels of pixels with any number of channels: one word of each pixel.
 *
 * void phinets_dsp_planes16_of_4(const int8_t *row, int32_t quads, int16_t *output, int32_t plane_bytes,
 *                                int32_t channels)
 */
  .section .text.phinets_dsp_planes16_of_4, "ax", %progbits
  .global phinets_dsp_planes16_of_4
  .thumb_func
  .type phinets_dsp_planes16_of_4, %function
  .balign 4
phinets_dsp_planes16_of_4:
  push {r4-r11, lr}
  ldr r12, [sp, #36]
1: /* even channels to r8-r11, odd ones to r4-r7 */
  add lr, r12, r12, lsl #1
  ldr r7, [r0, lr]
  ldr r5, [r0, r12]
  ldr r6, [r0, r12, lsl #1]
  ldr r4, [r0]
  add r0, r0, r12, lsl #2
  sxtb16 r11, r7
  sxtb16 r7, r7, ror #8
  sxtb16 r9, r5
  sxtb16 r5, r5, ror #8
  sxtb16 r10, r6
  sxtb16 r6, r6, ror #8
  sxtb16 r8, r4
  sxtb16 r4, r4, ror #8
  pkhbt lr, r8, r9, lsl #16
  pkhtb r9, r9, r8, asr #16
  pkhbt r8, r10, r11, lsl #16
  pkhtb r11, r11, r10, asr #16
  strd lr, r8, [r2], #8
  add r10, r2, r3, lsl #1
  strd r9, r11, [r10, #-8]
  pkhbt r8, r4, r5, lsl #16
  pkhbt r9, r6, r7, lsl #16
  add r10, r2, r3
  strd r8, r9, [r10, #-8]
  pkhtb r5, r5, r4, asr #16
  pkhtb r7, r7, r6, asr #16
  add r10, r10, r3, lsl #1
  strd r5, r7, [r10, #-8]
  subs r1, r1, #1
  bne 1b
  pop {r4-r11, pc}
  .size phinets_dsp_planes16_of_4, . - phinets_dsp_planes16_of_4
#endif

#if defined(__linux__) && defined(__ELF__) /* without this section the linker makes the stack executable */
  .section .note.GNU-stack, "", %progbits
#endif
