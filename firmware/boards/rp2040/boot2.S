/*
 * Second boot stage of the RP2040, with which every image begins. The boot ROM copies the first 256 bytes of the flash
 * to RAM, checks the CRC-32 of the first 252 against the last four, and jumps to the first. The code then sets up
 * execution in place from the flash, with the read command (03h) that every serial flash supports, and starts the image
 * after it.
 * Source: RP2040 datasheet, chapters Bootrom (flash second stage, checksum), SSI (list of registers), Cortex-M0+ (VTOR).
 */
/* A test overrides both addresses with those of memory in an emulator. */
#ifndef BOOT2_SSI
#define BOOT2_SSI 0x18000000   /* flash controller */
#define BOOT2_IMAGE 0x10000100 /* vector table of the image */
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
  str r1, [r0, #SSIENR] /* off, because it can be set up only while it is off */
  str r1, [r0, #CTRLR1] /* one word per read */
  movs r1, #1
  str r1, [r0, #SER] /* select line of the flash */
  movs r1, #4
  str r1, [r0, #BAUDR] /* system clock / 4: 33 MHz at 133 MHz, which every such flash supports */
  ldr r1, =31 << 16 | 3 << 8 /* 32-bit words on one line; command and address, then data */
  str r1, [r0, #CTRLR0]
  ldr r1, =0x03 << 24 | 2 << 8 | 6 << 2 /* 8-bit command 03h, 24-bit address (in units of 4), both on one line */
  movs r2, #SPI_CTRLR0
  str r1, [r0, r2]
  movs r1, #1
  str r1, [r0, #SSIENR]

  ldr r0, =VTOR
  ldr r1, =BOOT2_IMAGE
  str r1, [r0]
  ldmia r1!, {r2, r3} /* initial stack pointer and reset handler of the image */
  msr msp, r2
  bx r3
  .ltorg

  .org 252
  .word 0x2DC88BEA /* CRC-32 of the 252 bytes above: polynomial 04C11DB7, initial value FFFFFFFF, not reflected */
