/*
 * NUCLEO-H743ZI2. Camera on the Arduino header: SCK D13 (PA5), MISO D12 (PA6), MOSI D11 (PB5), CS D10 (PD14).
 * Text on the ST-LINK's serial port (USART3, PD8), 115200 baud. Clock: HSI at 64 MHz, as after reset.
 * Registers: ST RM0433; pins: ST UM2407.
 */
#include "port.h"
#include "systick.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define BYTE(address) (*(volatile uint8_t *)(address))

enum { CORE_HZ = 64000000, BAUD = 115200 };

enum {
  RCC = 0x58024400,
  RCC_D2CCIP1R = RCC + 0x50,
  RCC_AHB4ENR = RCC + 0xE0,
  RCC_APB1LENR = RCC + 0xE8,
  RCC_APB2ENR = RCC + 0xF0
};
enum { GPIOA = 0x58020000, GPIOB = GPIOA + 0x400, GPIOD = GPIOA + 0xC00 };
enum { MODER = 0x00, OSPEEDR = 0x08, BSRR = 0x18, AFR = 0x20 };
enum {
  SPI1 = 0x40013000,
  SPI_CR1 = SPI1,
  SPI_CFG1 = SPI1 + 0x08,
  SPI_CFG2 = SPI1 + 0x0C,
  SPI_SR = SPI1 + 0x14,
  SPI_TXDR = SPI1 + 0x20,
  SPI_RXDR = SPI1 + 0x30
};
enum {
  USART3 = 0x40004800,
  USART_CR1 = USART3,
  USART_BRR = USART3 + 0x0C,
  USART_ISR = USART3 + 0x1C,
  USART_TDR = USART3 + 0x28
};

static void field(uint32_t address, uint32_t position, uint32_t bits, uint32_t value) {
  const uint32_t mask = ((1u << bits) - 1) << position;
  REGISTER(address) = (REGISTER(address) & ~mask) | value << position;
}

/* Sets the alternate function of a pin, with high speed. */
static void function(uint32_t port, uint32_t pin, uint32_t number) {
  field(port + AFR + pin / 8 * 4, pin % 8 * 4, 4, number);
  field(port + OSPEEDR, 2 * pin, 2, 2);
  field(port + MODER, 2 * pin, 2, 2);
}

void port_start(void) {
  REGISTER(RCC_AHB4ENR) |= 1 << 0 | 1 << 1 | 1 << 3; /* GPIOA, B, D */
  REGISTER(RCC_APB2ENR) |= 1 << 12;                  /* SPI1 */
  REGISTER(RCC_APB1LENR) |= 1 << 18;                 /* USART3 */
  field(RCC_D2CCIP1R, 12, 3, 4); /* SPI1 from per_ck (HSI), because PLL1, its default clock, is off */
  (void)REGISTER(RCC_APB1LENR);  /* the clock is on after this read */

  port_select(0);
  field(GPIOD + MODER, 2 * 14, 2, 1);
  function(GPIOA, 5, 5);
  function(GPIOA, 6, 5);
  function(GPIOB, 5, 5);
  function(GPIOD, 8, 7);

  REGISTER(SPI_CR1) = 1 << 12;                       /* SSI: this is the only master */
  REGISTER(SPI_CFG1) = 2u << 28 | 7;                 /* clock 64 / 8 MHz, 8 bits */
  REGISTER(SPI_CFG2) = 1u << 31 | 1 << 26 | 1 << 22; /* keep pins driven, select by software, master, mode 0 */
  REGISTER(SPI_CR1) |= 1;
  REGISTER(SPI_CR1) |= 1 << 9; /* CSTART: transfer without end */

  REGISTER(USART_BRR) = (CORE_HZ + BAUD / 2) / BAUD;
  REGISTER(USART_CR1) = 1 << 3 | 1;
}

uint8_t port_spi(uint8_t out) {
  while (!(REGISTER(SPI_SR) & 1 << 1)) {
  }
  BYTE(SPI_TXDR) = out;
  while (!(REGISTER(SPI_SR) & 1)) {
  }
  return BYTE(SPI_RXDR);
}

void port_select(int on) { REGISTER(GPIOD + BSRR) = 1u << (on ? 14 + 16 : 14); }

void port_wait_ms(uint32_t milliseconds) { systick_wait_ms(CORE_HZ, milliseconds); }

void port_write(uint8_t byte) {
  while (!(REGISTER(USART_ISR) & 1 << 7)) {
  }
  REGISTER(USART_TDR) = byte;
}
