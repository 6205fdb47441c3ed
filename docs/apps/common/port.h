/* The functions of a board that the application needs: SPI, a pin, a clock and a serial line. */
#ifndef PORT_H
#define PORT_H

#include <stdint.h>

void port_start(void);
uint8_t
port_spi(uint8_t out);    /* sends a byte, MSB first, mode 0, at most 8 MHz; returns the received byte */
void port_select(int on); /* 1: the camera's select line is low */
void port_wait_ms(uint32_t milliseconds);
void port_write(uint8_t byte); /* sends a byte over the serial line unchanged, without adding CR before LF; may block */

#endif
