/*
 * Addition for cores with the DSP extension. All constants stay in registers; the last rounding instruction of the
 * rescaled operand also adds the exact operand. sums.c has the same in C.
 *
 * void phinets_dsp_add_exact(const int8_t *rescaled, const int8_t *exact, int8_t *output, const int8_t *output_end,
 *                            const phinets_dsp_add_constants *constants)
 */
#if defined(__ARM_FEATURE_DSP)
  .syntax unified
  .thumb

.macro add_element
  ldrsb r12, [r0], #1
  ldrsb lr, [r1], #1
  rsb r12, r4, r12, lsl #20
  rsb lr, r7, lr, lsl #19
  smmlar r12, r12, r5, r12
  add r12, r12, r12, asr #31
  smmlsr r12, r12, r6, lr
  smmlar r12, r12, r8, r12
  add r12, r12, r12, asr #31
  smmlsr r12, r12, r9, r10
  ssat r12, #8, r12
  strb r12, [r2], #1
.endm

/* Two elements, interleaved so that no instruction waits for the previous one. */
.macro add_two
  ldrsb r11, [r0], #1
  ldrsb r12, [r0], #1
  ldrsb lr, [r1], #1
  rsb r11, r4, r11, lsl #20
  rsb r12, r4, r12, lsl #20
  smmlar r11, r11, r5, r11
  smmlar r12, r12, r5, r12
  rsb lr, r7, lr, lsl #19
  add r11, r11, r11, asr #31
  add r12, r12, r12, asr #31
  smmlsr r11, r11, r6, lr
  ldrsb lr, [r1], #1
  smmlar r11, r11, r8, r11
  rsb lr, r7, lr, lsl #19
  smmlsr r12, r12, r6, lr
  add r11, r11, r11, asr #31
  smmlar r12, r12, r8, r12
  smmlsr r11, r11, r9, r10
  add r12, r12, r12, asr #31
  ssat r11, #8, r11
  smmlsr r12, r12, r9, r10
  strb r11, [r2], #1
  ssat r12, #8, r12
  strb r12, [r2], #1
.endm

  .section .text.phinets_dsp_add_exact, "ax", %progbits
  .global phinets_dsp_add_exact
  .thumb_func
  .type phinets_dsp_add_exact, %function
  .balign 4
phinets_dsp_add_exact:
  push {r4-r11, lr}
  ldr r11, [sp, #36]
  ldmia r11, {r4-r10}
  sub r11, r3, r2
  ands r11, r11, #3
  beq 2f
1: /* first the elements that do not fill a group of four */
  add_element
  subs r11, r11, #1
  bne 1b
  cmp r2, r3
  beq 3f
2:
  add_two
  add_two
  cmp r2, r3
  bne 2b
3:
  pop {r4-r11, pc}
  .size phinets_dsp_add_exact, . - phinets_dsp_add_exact
#endif

#if defined(__linux__) && defined(__ELF__) /* without this section the linker makes the stack executable */
  .section .note.GNU-stack, "", %progbits
#endif
