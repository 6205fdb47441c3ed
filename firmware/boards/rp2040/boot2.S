/*
 * RP2040: the second stage of its boot, which every image begins with. The boot ROM copies 256 bytes from the start of the
 * flash into RAM, compares the CRC-32 of the first 252 with the last four, and jumps to the first. From there this makes
 * the flash readable in place, by the plain read command (03h) that every serial flash has, and starts the image behind it.
 * Source: RP2040 datasheet, chapters Bootrom (flash second stage, checksum), SSI (list of registers), Cortex-M0+ (VTOR).
 */
/* A test moves both to where an emulator has memory. */
#ifndef BOOT2_SSI
#define BOOT2_SSI 0x18000000   /* the controller of the flash */
#define BOOT2_IMAGE 0x10000100 /* its vector table */
#endif

#define CTRLR0 0x00
#define CTRLR1 0x04
#define SSIENR 0x08
#define SER 0x10
#define BAUDR 0x14
#define SPI_CTRLR0 0xF4
#define VTOR 0xE000ED08

  .syntax unified
  .cpu cortex-m0plus
  .thumb
  .section .boot2, "ax", %progbits
  .balign 4
  .type boot2, %function
boot2:
  ldr r0, =BOOT2_SSI
  movs r1, #0
  str r1, [r0, #SSIENR] /* off: it is set up only so */
  str r1, [r0, #CTRLR1] /* one word a read */
  movs r1, #1
  str r1, [r0, #SER] /* the flash's select line */
  movs r1, #4
  str r1, [r0, #BAUDR] /* the system's clock / 4: 33 MHz at 133 MHz, which every such flash takes */
  ldr r1, =31 << 16 | 3 << 8 /* words of 32 bits, on one line; a command and an address, then what is read */
  str r1, [r0, #CTRLR0]
  ldr r1, =0x03 << 24 | 2 << 8 | 6 << 2 /* command 03h of 8 bits, address of 24 (in fours), both on one line */
  movs r2, #SPI_CTRLR0
  str r1, [r0, r2]
  movs r1, #1
  str r1, [r0, #SSIENR]

  ldr r0, =VTOR
  ldr r1, =BOOT2_IMAGE
  str r1, [r0]
  ldmia r1!, {r2, r3} /* the image's stack and its reset handler */
  msr msp, r2
  bx r3
  .ltorg

  .org 252
  .word 0x2DC88BEA /* CRC-32 of the 252 bytes above: polynomial 04C11DB7, start FFFFFFFF, bits not reflected */
