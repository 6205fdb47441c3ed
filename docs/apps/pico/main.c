/*
 * Raspberry Pi Pico (RP2040) and Pico 2 (RP2350), with the pico-sdk. Camera on the SDK's default SPI pins: SCK GP18,
 * MISO GP16, MOSI GP19, CS GP17. Text, or packets of docs/wire-format.md, on USB.
 */
#include "hardware/gpio.h"
#include "hardware/spi.h"
#include "loop.h"
#include "pico/stdlib.h"
#include "port.h"

void port_start(void) {
  spi_init(spi_default, 8 * 1000 * 1000);
  gpio_set_function(PICO_DEFAULT_SPI_SCK_PIN, GPIO_FUNC_SPI);
  gpio_set_function(PICO_DEFAULT_SPI_TX_PIN, GPIO_FUNC_SPI);
  gpio_set_function(PICO_DEFAULT_SPI_RX_PIN, GPIO_FUNC_SPI);
  gpio_init(PICO_DEFAULT_SPI_CSN_PIN);
  gpio_put(PICO_DEFAULT_SPI_CSN_PIN, 1);
  gpio_set_dir(PICO_DEFAULT_SPI_CSN_PIN, GPIO_OUT);
}

uint8_t port_spi(uint8_t out) {
  uint8_t in;
  spi_write_read_blocking(spi_default, &out, &in, 1);
  return in;
}

void port_select(int on) { gpio_put(PICO_DEFAULT_SPI_CSN_PIN, !on); }

void port_wait_ms(uint32_t milliseconds) { sleep_ms(milliseconds); }

void port_write(uint8_t byte) { putchar_raw(byte); }

int main(void) {
  stdio_init_all();
  loop_start();
  for (;;) loop_once();
}
