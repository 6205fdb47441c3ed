/*
 * Image definition for the RP2350. Its boot ROM looks in the first 4 KB of the flash for this block, which declares a
 * program for the Arm cores in secure state. The program's entry is in the vector table at the start of the image.
 * Source: RP2350 datasheet, 5.9.5 (minimum viable image metadata), 5.9.3 (items).
 */
  .section .image_def, "a", %progbits
  .balign 4
  .word 0xFFFFDED3     /* start of a block */
  .byte 0x42, 1        /* item of one word: image type */
  .hword 0x1021        /* executable, for security state "secure", Arm, RP2350 */
  .byte 0xFF           /* last item */
  .hword 1             /* number of words of the items before */
  .byte 0
  .word 0              /* offset of the next block: this is the only one */
  .word 0xAB123579     /* end of the block */
