/*
 * Runs the application on a PC with a simulated Arducam Mega, which always returns the same picture, with the bytes of
 * the real camera's SPI. `people PICTURE FRAMES`: a file of CAMERA_WIDTH x CAMERA_HEIGHT pixels of RGB565, high byte
 * first, and the number of frames.
 */
#include <stdio.h>
#include <stdlib.h>

#include "camera.h"
#include "loop.h"
#include "port.h"

enum { PICTURE_BYTES = 2 * CAMERA_WIDTH * CAMERA_HEIGHT };

static uint8_t picture[PICTURE_BYTES];
/* State of the camera: registers, read position in the picture, and number of the next byte of a command. */
static uint8_t registers[128], command;
static int selected, place, captured, fresh, position;

void port_start(void) {}

void port_select(int on) {
  selected = on;
  place = 0;
}

static uint8_t status(uint8_t address) {
  if (address == 0x44) return (uint8_t)(2 | (captured ? 4 : 0)); /* idle; picture complete */
  if (address >= 0x45 && address <= 0x47) return (uint8_t)(PICTURE_BYTES >> 8 * (address - 0x45));
  return registers[address];
}

static void set(uint8_t address, uint8_t value) {
  registers[address] = value;
  if (address != 4) return;
  if (value == 1) captured = 0;
  if (value == 2) captured = fresh = 1, position = 0;
}

uint8_t port_spi(uint8_t out) {
  if (!selected) return 0xFF;
  const int byte = place++;
  if (byte == 0) {
    command = out;
    return 0;
  }
  if (command == 0x3C) { /* a burst; the first byte after a capture is not part of the picture */
    if (fresh) {
      fresh = 0;
      return 0xAA;
    }
    return position < PICTURE_BYTES && registers[0x20] == 2 ? picture[position++] : 0;
  }
  if (command & 0x80) {
    if (byte == 1) set(command & 0x7F, out);
    return 0;
  }
  return byte == 2 ? status(command) : 0xAA;
}

void port_wait_ms(uint32_t milliseconds) { (void)milliseconds; }

void port_write(uint8_t byte) { fputc(byte, stdout); }

int main(int argc, char **argv) {
  FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL || fread(picture, 1, sizeof picture, file) != sizeof picture) {
    fprintf(stderr, "usage: %s PICTURE FRAMES; the picture is %d bytes\n", argv[0], PICTURE_BYTES);
    return 2;
  }
  fclose(file);
  loop_start();
  for (int frame = atoi(argv[2]); frame > 0; frame--) loop_once();
  return 0;
}
