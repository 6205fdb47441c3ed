/*
 * The loop of depthwise_nhwc.c (depthwise layers with any window on nhwc rows) for cores with the DSP extension
 * (Cortex-M4, M7, M33 and later). For other machines, the file is empty.
 *
 * Four channels of a pixel at a time, two taps per iteration: a word of each tap's pixel is expanded to halfwords, and
 * each is multiplied by its own weight. Four sums, the words and the pointers take all registers.
 */
#if defined(__ARM_FEATURE_DSP)
  .syntax unified
  .thumb

/* Offsets in `call` (depthwise_nhwc.c). */
#define TAPS 0
#define WEIGHTS 4
#define CONSTANTS 8
#define ZERO_POINT 12 /* then the table */
#define LAST 20       /* first channel of the last four, then the output */
#define ODD 28        /* 1 if the number of taps is odd */

/* Adds a tap of four channels: a word of the pixel, weights (w[0] w[2]) and (w[1] w[3]). */
  .macro tap pixel, even, odd
  sxtb16 lr, \pixel
  sxtb16 \pixel, \pixel, ror #8
  smlabb r2, lr, \even, r2
  smlatt r4, lr, \even, r4
  smlabb r3, \pixel, \odd, r3
  smlatt r5, \pixel, \odd, r5
  .endm

  .macro requantize sum, constants
  ldrd r8, r9, [r0, #\constants]
  smmlar \sum, \sum, r8, \sum
  add \sum, \sum, \sum, asr #31
  smmlsr \sum, \sum, r9, r6
  ssat \sum, #8, \sum
  .endm

/* void phinets_dsp_depthwise_pixel(const call *) */
  .section .text.phinets_dsp_depthwise_pixel, "ax", %progbits
  .balign 8
  .global phinets_dsp_depthwise_pixel
  .hidden phinets_dsp_depthwise_pixel
  .thumb_func
  .type phinets_dsp_depthwise_pixel, %function
phinets_dsp_depthwise_pixel:
  push {r0, r4-r11, lr}
  ldr r1, [r0, #WEIGHTS]
  movs r12, #0
  mov r11, r0
1: /* four channels: r12 number of the first, r1 weights, r11 call */
  ldr r10, [r11, #CONSTANTS]
  ldr r0, [r11, #TAPS]
  add r10, r10, r12, lsl #3
  add r10, r10, r12, lsl #2
  ldr r2, [r10]
  ldr r3, [r10, #12]
  ldr r4, [r10, #24]
  ldr r5, [r10, #36]
  ldr r6, [r11, #ODD]
  cbz r6, 5f
  ldr r6, [r0], #4
  ldrd r8, r9, [r1], #8
  ldr r6, [r6, r12]
  tap r6, r8, r9
5:
  ldrd r6, r7, [r0], #8
  cbz r6, 6f
2: /* two taps: r6 and r7 addresses of their pixels */
  ldr r6, [r6, r12]
  ldr r7, [r7, r12]
  ldmia r1!, {r8, r9, r10, r11}
  tap r6, r8, r9
  tap r7, r10, r11
  ldrd r6, r7, [r0], #8
  cmp r6, #0
  bne 2b
6:
  ldr r11, [sp]
  ldr r0, [r11, #CONSTANTS]
  ldrd r6, r7, [r11, #ZERO_POINT]
  add r0, r0, r12, lsl #3
  add r0, r0, r12, lsl #2
  requantize r2, 4
  requantize r3, 16
  requantize r4, 28
  requantize r5, 40
  cbz r7, 3f
  ldrsb r2, [r7, r2]
  ldrsb r3, [r7, r3]
  ldrsb r4, [r7, r4]
  ldrsb r5, [r7, r5]
3:
  ldrd r8, r9, [r11, #LAST]
  add r9, r9, r12
  strb r2, [r9]
  strb r3, [r9, #1]
  strb r4, [r9, #2]
  strb r5, [r9, #3]
  cmp r12, r8
  beq 4f
  adds r12, r12, #4
  cmp r12, r8
  it hi
  movhi r12, r8
  b 1b
4:
  pop {r0, r4-r11, pc}
  .size phinets_dsp_depthwise_pixel, . - phinets_dsp_depthwise_pixel
#endif

#if defined(__linux__) && defined(__ELF__) /* without this section the linker makes the stack executable */
  .section .note.GNU-stack, "", %progbits
#endif
