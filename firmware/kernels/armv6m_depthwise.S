/*
 * 3x3 and 5x5 depthwise convolution on Armv6-M. The loops process one column of three or five rows after the other and
 * load each pixel once for all windows that contain it. See armv6m.c.
 */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#include "armv6m_offsets.h"

  .syntax unified
  .thumb

.macro save locals
  push {r4, r5, r6, r7, lr}
  mov r4, r8
  mov r5, r9
  mov r6, r10
  mov r7, r11
  push {r4, r5, r6, r7}
  sub sp, #\locals
  mov r7, r0
  str r7, [sp]
.endm
.macro restore locals
  add sp, #\locals
  pop {r4, r5, r6, r7}
  mov r8, r4
  mov r9, r5
  mov r10, r6
  mov r11, r7
  pop {r4, r5, r6, r7, pc}
.endm

/* Copies the weights of a channel to the table's rows, with zeros for rows outside the map. Returns the sums of the
   left, middle and right weights in r8, r9, r10. */
  .section .text.phinets_armv6m_weights, "ax", %progbits
  .type phinets_armv6m_weights, %function
  .thumb_func
  .balign 4
.macro weights row
  lsrs r1, r1, #1
  bcc 1f
  movs r6, #0 + 3 * \row
  ldrsb r6, [r0, r6]
  movs r5, #1 + 3 * \row
  ldrsb r5, [r0, r5]
  movs r4, #2 + 3 * \row
  ldrsb r4, [r0, r4]
  b 2f
1:
  movs r4, #0
  movs r5, #0
  movs r6, #0
2:
  adds r2, #4
  stm r2!, {r4, r5, r6}
  add r8, r6
  add r9, r5
  add r10, r4
.endm
  .global phinets_armv6m_weights
  .hidden phinets_armv6m_weights
phinets_armv6m_weights:
  ldr r0, [r7, #CHANNEL_WEIGHTS]
  ldr r1, [r7, #PRESENT]
  movs r2, #0
  mov r8, r2
  mov r9, r2
  mov r10, r2
  movs r2, r7
  adds r2, #ROWS
  weights 0
  weights 1
  weights 2
  adds r0, #9
  str r0, [r7, #CHANNEL_WEIGHTS]
  bx lr
  .size phinets_armv6m_weights, . - phinets_armv6m_weights

/* void phinets_armv6m_slide(phinets_armv6m_depthwise *): stride 1. */
  .section .text.phinets_armv6m_slide, "ax", %progbits
  .global phinets_armv6m_slide
  .type phinets_armv6m_slide, %function
  .thumb_func
  .balign 4

/* A column, which is the last one of the window summed in \a, the middle one of \b's and the first one of \c's.
   r0 weights, r1 offset of the column, r6 sums, r11 bytes per pixel, r12 start, lr end of the sums. */
.macro column a, b, c, done
  ldm r0!, {r2, r3, r4, r5}
  ldrsb r2, [r2, r1]
  muls r3, r2
  add \a, r3
  muls r4, r2
  add \b, r4
  muls r5, r2
  add r5, r12
  mov \c, r5
  ldm r0!, {r2, r3, r4, r5}
  ldrsb r2, [r2, r1]
  muls r3, r2
  add \a, r3
  muls r4, r2
  add \b, r4
  muls r5, r2
  add \c, r5
  ldm r0!, {r2, r3, r4, r5}
  ldrsb r2, [r2, r1]
  muls r3, r2
  add r3, \a
  muls r4, r2
  add \b, r4
  muls r5, r2
  add \c, r5
  stm r6!, {r3}
  subs r0, #48
  add r1, r11
  cmp r6, lr
  beq \done
.endm

phinets_armv6m_slide:
  save 4
slide_channel:
  bl phinets_armv6m_channel
  bl phinets_armv6m_weights
  ldr r3, [r7, #INPUT_ZERO]
  ldr r4, [r7, #START]
  mov r0, r8
  mov r1, r10
  add r9, r0
  add r9, r1
  muls r0, r3 /* contribution of a column left of the map */
  muls r1, r3 /* and of one right of it */
  str r1, [r7, #RIGHT]
  mov r2, r9
  muls r2, r3
  subs r4, r4, r2
  mov r12, r4
  adds r4, r4, r0 /* used if the first window begins left of the map */
  mov r9, r4
  ldr r1, [r7, #NEXT]
  adds r2, r1, #1
  str r2, [r7, #NEXT]
  ldr r2, [r7, #PIXEL]
  mov r11, r2
  ldr r2, [r7, #COMPLETED_END]
  mov lr, r2
  ldr r6, [r7, #COMPLETED]
  adds r7, #ROWS
  movs r0, r7
1:
  column r8, r9, r10, 2f
  column r9, r10, r8, 3f
  column r10, r8, r9, 4f
  b 1b
2:
  mov r3, r9
  b 5f
3:
  mov r3, r10
  b 5f
4:
  mov r3, r8
5: /* The window that lacks its right column: complete if that column is outside the map, else unused. */
  ldr r7, [sp]
  ldr r1, [r7, #RIGHT]
  adds r3, r3, r1
  stm r6!, {r3}
  bl phinets_armv6m_quantize
  ldr r0, [r7, #COUNT]
  subs r0, #1
  str r0, [r7, #COUNT]
  beq 6f
  b slide_channel
6:
  restore 4
  .size phinets_armv6m_slide, . - phinets_armv6m_slide

/* void phinets_armv6m_slide_strided(phinets_armv6m_depthwise *): stride 2. */
  .section .text.phinets_armv6m_slide_strided, "ax", %progbits
  .global phinets_armv6m_slide_strided
  .type phinets_armv6m_slide_strided, %function
  .thumb_func
  .balign 4

/* Two columns: the middle and the last one of the window summed in \a; the last is also the first one of \b's.
   r0 weights, r1 and r2 offsets of the columns, r10 bytes of two pixels, r11 sums, r12 start, lr end of the sums. */
.macro columns a, b, done
  ldm r0!, {r3, r4, r5, r6}
  ldrsb r7, [r3, r1]
  muls r5, r7
  ldrsb r7, [r3, r2]
  muls r4, r7
  muls r6, r7
  adds r4, r4, r5
  add \a, r4
  add r6, r12
  mov \b, r6
  ldm r0!, {r3, r4, r5, r6}
  ldrsb r7, [r3, r1]
  muls r5, r7
  ldrsb r7, [r3, r2]
  muls r4, r7
  muls r6, r7
  adds r4, r4, r5
  add \a, r4
  add \b, r6
  ldm r0!, {r3, r4, r5, r6}
  ldrsb r7, [r3, r1]
  muls r5, r7
  ldrsb r7, [r3, r2]
  muls r4, r7
  muls r6, r7
  adds r4, r4, r5
  add r4, \a
  add \b, r6
  mov r3, r11
  stm r3!, {r4}
  mov r11, r3
  subs r0, #48
  add r1, r10
  add r2, r10
  cmp r3, lr
  beq \done
.endm

phinets_armv6m_slide_strided:
  save 4
slide_strided_channel:
  bl phinets_armv6m_channel
  bl phinets_armv6m_weights
  ldr r3, [r7, #INPUT_ZERO]
  ldr r4, [r7, #START]
  mov r0, r8
  mov r1, r10
  add r9, r0
  add r9, r1
  muls r0, r3
  muls r1, r3
  str r1, [r7, #RIGHT]
  mov r2, r9
  muls r2, r3
  subs r4, r4, r2
  mov r12, r4
  ldr r1, [r7, #NEXT]
  adds r2, r1, #1
  str r2, [r7, #NEXT]
  ldr r3, [r7, #PADDED]
  lsrs r3, r3, #1
  bcs 1f
  /* The first column, of the first window only. */
  movs r5, r7
  adds r5, #ROWS
  ldr r2, [r5]
  ldrsb r2, [r2, r1]
  ldr r3, [r5, #12]
  muls r3, r2
  adds r4, r4, r3
  ldr r2, [r5, #16]
  ldrsb r2, [r2, r1]
  ldr r3, [r5, #28]
  muls r3, r2
  adds r4, r4, r3
  ldr r2, [r5, #32]
  ldrsb r2, [r2, r1]
  ldr r0, [r5, #44]
  muls r0, r2
  ldr r2, [r7, #PIXEL]
  adds r1, r1, r2
1:
  adds r4, r4, r0
  mov r8, r4
  ldr r2, [r7, #PIXEL]
  lsls r3, r2, #1
  mov r10, r3
  adds r2, r2, r1
  ldr r3, [r7, #COMPLETED_END]
  mov lr, r3
  ldr r3, [r7, #COMPLETED]
  mov r11, r3
  movs r0, r7
  adds r0, #ROWS
  cmp r3, lr
  beq 3f
2:
  columns r8, r9, 4f
  columns r9, r8, 3f
  b 2b
4:
  mov r8, r9
3: /* r8: a window that lacks two columns; r1: offset of the middle one */
  ldr r7, [sp]
  ldr r3, [r7, #PADDED]
  lsrs r3, r3, #3
  bcc 5f
  ldr r4, [r7, #RIGHT]
  add r4, r8
  movs r5, r7
  adds r5, #ROWS
  ldr r2, [r5]
  ldrsb r2, [r2, r1]
  ldr r3, [r5, #8]
  muls r3, r2
  adds r4, r4, r3
  ldr r2, [r5, #16]
  ldrsb r2, [r2, r1]
  ldr r3, [r5, #24]
  muls r3, r2
  adds r4, r4, r3
  ldr r2, [r5, #32]
  ldrsb r2, [r2, r1]
  ldr r3, [r5, #40]
  muls r3, r2
  adds r4, r4, r3
  mov r3, r11
  stm r3!, {r4}
5:
  bl phinets_armv6m_quantize
  ldr r0, [r7, #COUNT]
  subs r0, #1
  str r0, [r7, #COUNT]
  beq 6f
  b slide_strided_channel
6:
  restore 4
  .size phinets_armv6m_slide_strided, . - phinets_armv6m_slide_strided

/* The same for 5x5. Rows of the table have six words: row, w3, w1, w4, w2, w0. Returns the sums of the columns of
   weights in r8 to r12, left to right. [sp]: the table. */
  .section .text.phinets_armv6m_weights_5, "ax", %progbits
  .global phinets_armv6m_weights_5
  .hidden phinets_armv6m_weights_5
  .type phinets_armv6m_weights_5, %function
  .thumb_func
  .balign 4
phinets_armv6m_weights_5:
  ldr r0, [r7, #CHANNEL_WEIGHTS]
  ldr r1, [r7, #PRESENT]
  movs r2, #32 /* behind the last row */
  orrs r1, r2
  movs r2, #0
  mov r8, r2
  mov r9, r2
  mov r10, r2
  mov r11, r2
  mov r12, r2
  movs r2, r7
  adds r2, #ROWS
1:
  adds r2, #4
  lsrs r1, r1, #1
  bcc 2f
  ldrb r3, [r0, #3]
  ldrb r4, [r0, #1]
  ldrb r5, [r0, #4]
  ldrb r6, [r0, #2]
  ldrb r7, [r0]
  sxtb r3, r3
  sxtb r4, r4
  sxtb r5, r5
  sxtb r6, r6
  sxtb r7, r7
  add r11, r3
  add r9, r4
  add r12, r5
  add r10, r6
  add r8, r7
  b 3f
2:
  movs r3, #0
  movs r4, #0
  movs r5, #0
  movs r6, #0
  movs r7, #0
3:
  stm r2!, {r3, r4, r5, r6, r7}
  adds r0, #5
  cmp r1, #1
  bne 1b
  ldr r7, [sp]
  str r0, [r7, #CHANNEL_WEIGHTS]
  bx lr
  .size phinets_armv6m_weights_5, . - phinets_armv6m_weights_5

#define START_5 4
#define RIGHT_5 8
#define END_5 12
#define PIXEL_5 16

/* Start of a channel for both strides. Sets r4 to start, and r0 and r1 to the contributions of one and two columns left
   of the map. Pushes start and the contribution of two columns right of the map; stores that of one in RIGHT. */
.macro begin_5
  ldr r3, [r7, #INPUT_ZERO]
  ldr r4, [r7, #START]
  mov r0, r8
  mov r1, r9
  adds r1, r1, r0
  mov r2, r12
  mov r5, r11
  adds r5, r5, r2
  mov r6, r10
  adds r6, r6, r1
  adds r6, r6, r5
  muls r6, r3
  subs r4, r4, r6
  muls r0, r3
  muls r1, r3
  muls r2, r3
  muls r5, r3
  str r4, [sp, #START_5]
  str r2, [r7, #RIGHT]
  str r5, [sp, #RIGHT_5]
.endm

/* void phinets_armv6m_slide_5(phinets_armv6m_depthwise *): stride 1. */
  .section .text.phinets_armv6m_slide_5, "ax", %progbits
  .global phinets_armv6m_slide_5
  .type phinets_armv6m_slide_5, %function
  .thumb_func
  .balign 4

/* One row of a column, which is the last one of the window summed in r8, ..., the first one of that in r12.
   r0 weights, r1 offset of the column. */
.macro row_5
  ldm r0!, {r2, r3, r4, r5, r6, r7}
  ldrsb r2, [r2, r1]
  muls r3, r2
  muls r4, r2
  muls r5, r2
  muls r6, r2
  muls r7, r2
  add r9, r3
  add r10, r6
  add r11, r4
.endm

phinets_armv6m_slide_5:
  save 20
slide_channel_5:
  bl phinets_armv6m_channel
  bl phinets_armv6m_weights_5
  begin_5
  adds r0, r0, r4
  mov r11, r0
  adds r1, r1, r4
  mov r10, r1
  ldr r1, [r7, #NEXT]
  adds r2, r1, #1
  str r2, [r7, #NEXT]
  ldr r2, [r7, #PIXEL]
  str r2, [sp, #PIXEL_5]
  ldr r2, [r7, #COMPLETED_END]
  str r2, [sp, #END_5]
  ldr r2, [r7, #COMPLETED]
  mov lr, r2
  movs r0, r7
  adds r0, #ROWS
1:
  row_5
  add r8, r5
  ldr r3, [sp, #START_5]
  adds r7, r7, r3
  mov r12, r7
  row_5
  add r8, r5
  add r12, r7
  row_5
  add r8, r5
  add r12, r7
  row_5
  add r8, r5
  add r12, r7
  row_5
  add r5, r8
  add r12, r7
  mov r2, lr
  stm r2!, {r5}
  mov lr, r2
  mov r8, r9
  mov r9, r10
  mov r10, r11
  mov r11, r12
  subs r0, #120
  ldr r3, [sp, #PIXEL_5]
  adds r1, r1, r3
  ldr r3, [sp, #END_5]
  cmp r2, r3
  bne 1b
  /* The windows that lack one or two columns on the right. */
  ldr r7, [sp]
  ldr r3, [r7, #RIGHT]
  add r3, r8
  ldr r4, [sp, #RIGHT_5]
  add r4, r9
  stm r2!, {r3, r4}
  bl phinets_armv6m_quantize
  ldr r0, [r7, #COUNT]
  subs r0, #1
  str r0, [r7, #COUNT]
  beq 2f
  b slide_channel_5
2:
  restore 20
  .size phinets_armv6m_slide_5, . - phinets_armv6m_slide_5

/* void phinets_armv6m_slide_strided_5(phinets_armv6m_depthwise *): stride 2. */
  .section .text.phinets_armv6m_slide_strided_5, "ax", %progbits
  .global phinets_armv6m_slide_strided_5
  .type phinets_armv6m_slide_strided_5, %function
  .thumb_func
  .balign 4

/* One row of two columns, at offsets r1 and r7: the fourth and fifth of the window summed in r8, the second and third
   of r9's; the second column is also the first of r10's. */
.macro row_strided_5
  ldm r0!, {r2, r3, r4}
  ldrsb r5, [r2, r1]
  muls r3, r5
  add r8, r3
  muls r4, r5
  add r9, r4
  ldm r0!, {r3, r4, r5}
  ldrsb r6, [r2, r7]
  muls r3, r6
  muls r4, r6
  add r9, r4
  muls r5, r6
.endm

phinets_armv6m_slide_strided_5:
  save 20
slide_strided_channel_5:
  bl phinets_armv6m_channel
  bl phinets_armv6m_weights_5
  begin_5
  mov r12, r4
  ldr r2, [r7, #NEXT]
  adds r3, r2, #1
  str r3, [r7, #NEXT]
  ldr r3, [r7, #PADDED]
  lsrs r3, r3, #1
  bcc 1f
  /* One column left of the map: the first window's first. */
  adds r4, r4, r0
  movs r1, r2
  b 3f
1: /* The first column inside the map is the first of a window and the third of the previous window. */
  adds r1, r1, r4
  mov r8, r1
  movs r5, r7
  adds r5, #ROWS
  movs r6, #5
2:
  ldr r0, [r5]
  ldrsb r0, [r0, r2]
  ldr r3, [r5, #16]
  muls r3, r0
  add r8, r3
  ldr r3, [r5, #20]
  muls r3, r0
  adds r4, r4, r3
  adds r5, #24
  subs r6, #1
  bne 2b
  ldr r1, [r7, #PIXEL]
  adds r1, r1, r2
3:
  mov r9, r4
  ldr r3, [r7, #PIXEL]
  lsls r2, r3, #1
  mov r11, r2
  ldr r4, [r7, #COMPLETED_END]
  str r4, [sp, #END_5]
  ldr r2, [r7, #COMPLETED]
  mov lr, r2
  movs r0, r7
  adds r0, #ROWS
  adds r7, r1, r3
  cmp r2, r4
  beq 5f
4:
  row_strided_5
  add r8, r3
  add r5, r12
  mov r10, r5
  row_strided_5
  add r8, r3
  add r10, r5
  row_strided_5
  add r8, r3
  add r10, r5
  row_strided_5
  add r8, r3
  add r10, r5
  row_strided_5
  add r3, r8
  add r10, r5
  mov r2, lr
  stm r2!, {r3}
  mov lr, r2
  mov r8, r9
  mov r9, r10
  add r1, r11
  add r7, r11
  subs r0, #120
  ldr r3, [sp, #END_5]
  cmp r2, r3
  bne 4b
5:
  ldr r7, [sp]
  ldr r3, [r7, #PADDED]
  lsrs r3, r3, #2
  beq 8f
  ldr r4, [sp, #RIGHT_5]
  lsrs r3, r3, #1
  bcc 7f
  /* One column right of the map: its fourth is inside. */
  ldr r4, [r7, #RIGHT]
  movs r5, r7
  adds r5, #ROWS
  movs r6, #5
6:
  ldr r0, [r5]
  ldrsb r0, [r0, r1]
  ldr r3, [r5, #4]
  muls r3, r0
  adds r4, r4, r3
  adds r5, #24
  subs r6, #1
  bne 6b
7:
  add r4, r8
  stm r2!, {r4}
8:
  bl phinets_armv6m_quantize
  ldr r0, [r7, #COUNT]
  subs r0, #1
  str r0, [r7, #COUNT]
  beq 9f
  b slide_strided_channel_5
9:
  restore 20
  .size phinets_armv6m_slide_strided_5, . - phinets_armv6m_slide_strided_5
#endif
