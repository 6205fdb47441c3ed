/*
 * Driver of the Arducam Mega (3 or 5 megapixels) on SPI. The camera scales its picture to 128 x 128 or 320 x 240 and
 * keeps it in its own memory, so it can be read at any speed. Registers: as in Arducam's driver, ArduCAM/Arducam_Mega.
 */
#include "camera.h"
#include "port.h"

enum {
  FIFO_CONTROL = 0x04,
  FIFO_CLEAR = 1,
  FIFO_START = 2,
  RESET = 0x07,
  RESET_ALL = 0x40,
  FORMAT = 0x20,
  FORMAT_RGB565 = 2,
  RESOLUTION = 0x21,
  RESOLUTION_QVGA = 0x01,
  RESOLUTION_128 = 0x0B,
  STATE = 0x44,
  STATE_MASK = 3,
  STATE_IDLE = 2,
  STATE_TAKEN = 4,
  SIZE_LOW = 0x45,
  SIZE_MIDDLE = 0x46,
  SIZE_HIGH = 0x47,
  READ_BURST = 0x3C,
  WRITE = 0x80 /* bit of the address for writing a register */
};

/* 1 after a capture: the first byte of the next burst is not part of the picture. */
static int first;

static void write_register(uint8_t address, uint8_t value) {
  port_select(1);
  port_spi(address | WRITE);
  port_spi(value);
  port_select(0);
  port_wait_ms(1);
}

static uint8_t read_register(uint8_t address) {
  port_select(1);
  port_spi(address);
  port_spi(0);
  const uint8_t value = port_spi(0);
  port_select(0);
  return value;
}

/* Waits for bits of the state register and returns 1; 0 after two seconds: no camera, or a loose wire. */
static int wait_for(uint8_t mask, uint8_t bits) {
  for (int tries = 0; tries < 1000; tries++) {
    if ((read_register(STATE) & mask) == bits) return 1;
    port_wait_ms(2);
  }
  return 0;
}

static int set(uint8_t address, uint8_t value) {
  write_register(address, value);
  return wait_for(STATE_MASK, STATE_IDLE);
}

int camera_start(void) {
  return set(RESET, RESET_ALL) && set(FORMAT, FORMAT_RGB565) &&
         set(RESOLUTION, CAMERA_WIDTH == 128 ? RESOLUTION_128 : RESOLUTION_QVGA);
}

int camera_take(void) {
  write_register(FIFO_CONTROL, FIFO_CLEAR);
  write_register(FIFO_CONTROL, FIFO_START);
  if (!wait_for(STATE_TAKEN, STATE_TAKEN)) return 0;
  const uint32_t bytes =
      read_register(SIZE_LOW) | (uint32_t)read_register(SIZE_MIDDLE) << 8 | (uint32_t)read_register(SIZE_HIGH) << 16;
  first = 1;
  return bytes >= 2u * CAMERA_WIDTH * CAMERA_HEIGHT;
}

void camera_line(uint8_t *line) {
  port_select(1);
  port_spi(READ_BURST);
  if (first) port_spi(0);
  first = 0;
  for (int i = 0; i < 2 * CAMERA_WIDTH; i++) line[i] = port_spi(0);
  port_select(0);
}
