/*
 * RP2350: what its boot ROM looks for in the first 4 KB of the flash: a block that says that this is a program for its Arm
 * cores in secure state. Where the program starts is in its vector table, at the image's start.
 * Source: RP2350 datasheet, 5.9.5 (minimum viable image metadata), 5.9.3 (items).
 */
  .section .image_def, "a", %progbits
  .balign 4
  .word 0xFFFFDED3     /* start of a block */
  .byte 0x42, 1        /* item of one word: type of the image */
  .hword 0x1021        /* executable, for security state "secure", Arm, RP2350 */
  .byte 0xFF           /* last item */
  .hword 1             /* words of the items before it */
  .byte 0
  .word 0              /* to the next block: this is the only one */
  .word 0xAB123579     /* end of the block */
