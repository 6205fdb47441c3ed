/*
 * nRF52840 DK. Camera on the Arduino header: SCK D13 (P1.15), MISO D12 (P1.14), MOSI D11 (P1.13), CS D10 (P1.12).
 * Text on the debugger's serial port (P0.06), 115200 baud. Clock: 64 MHz, as after reset.
 * Registers: Nordic nRF52840 PS, chapters GPIO, SPI and UART; pins: the board's silk screen.
 */
#include "port.h"
#include "systick.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

enum { P1 = 0x50000300, OUTSET = P1 + 0x508, OUTCLR = P1 + 0x50C, DIRSET = P1 + 0x518 };
enum { PORT1 = 32, SCK = PORT1 + 15, MISO = PORT1 + 14, MOSI = PORT1 + 13, SELECT = 12 };
enum {
  SPI0 = 0x40003000,
  SPI_READY = SPI0 + 0x108,
  SPI_ENABLE = SPI0 + 0x500,
  SPI_SCK = SPI0 + 0x508,
  SPI_MOSI = SPI0 + 0x50C,
  SPI_MISO = SPI0 + 0x510,
  SPI_RXD = SPI0 + 0x518,
  SPI_TXD = SPI0 + 0x51C,
  SPI_FREQUENCY = SPI0 + 0x524,
  SPI_CONFIG = SPI0 + 0x554
};
enum {
  UART0 = 0x40002000,
  UART_STARTTX = UART0 + 0x008,
  UART_TXDRDY = UART0 + 0x11C,
  UART_ENABLE = UART0 + 0x500,
  UART_PSEL_TXD = UART0 + 0x50C,
  UART_TXD = UART0 + 0x51C,
  UART_BAUDRATE = UART0 + 0x524
};

void port_start(void) {
  port_select(0);
  REGISTER(DIRSET) = 1 << SELECT | 1 << (SCK - PORT1) | 1 << (MOSI - PORT1);

  REGISTER(SPI_SCK) = SCK;
  REGISTER(SPI_MOSI) = MOSI;
  REGISTER(SPI_MISO) = MISO;
  REGISTER(SPI_FREQUENCY) = 0x80000000; /* 8 MHz */
  REGISTER(SPI_CONFIG) = 0;             /* most significant bit first, mode 0 */
  REGISTER(SPI_ENABLE) = 1;

  REGISTER(UART_PSEL_TXD) = 6;
  REGISTER(UART_BAUDRATE) = 0x01D7E000; /* 115200 */
  REGISTER(UART_ENABLE) = 4;
  REGISTER(UART_STARTTX) = 1;
}

uint8_t port_spi(uint8_t out) {
  REGISTER(SPI_READY) = 0;
  REGISTER(SPI_TXD) = out;
  while (!REGISTER(SPI_READY)) {
  }
  return (uint8_t)REGISTER(SPI_RXD);
}

void port_select(int on) { REGISTER(on ? OUTCLR : OUTSET) = 1 << SELECT; }

void port_wait_ms(uint32_t milliseconds) { systick_wait_ms(64000000, milliseconds); }

void port_write(uint8_t byte) {
  REGISTER(UART_TXDRDY) = 0;
  REGISTER(UART_TXD) = byte;
  while (!REGISTER(UART_TXDRDY)) {
  }
}
