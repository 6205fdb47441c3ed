/*
 * What a board sees, as bytes for a serial line: docs/wire-format.md says what each means, packages/core/src/wire reads
 * them. A packet is COBS (Cheshire, Baker, "Consistent overhead byte stuffing", 1999) with a zero at its end, so that a
 * listener that comes late, or lost bytes, goes on with the next one. No heap; nothing waits but your `write`.
 */
#ifndef PHINETS_WIRE_H
#define PHINETS_WIRE_H

#include <stdint.h>

#include "phinets_follow.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  PHINETS_WIRE_VERSION = 1,
  PHINETS_WIRE_MAX_PACKET = 4096, /* bytes before COBS, checksum included */
  PHINETS_WIRE_MAX_TEXT = 63,     /* bytes of a name; what is longer is cut */
  PHINETS_WIRE_MAX_CLASSES = 255
};

typedef enum { PHINETS_WIRE_GREY = 0, PHINETS_WIRE_RGB888 = 1, PHINETS_WIRE_RGB565 = 2 } phinets_wire_pixels;

/* What the boxes are of. */
typedef struct {
  const char *name;           /* of the network, UTF-8 */
  const char *const *classes; /* UTF-8; NULL where class_count is 0 */
  int32_t class_count;
  int32_t width, height; /* of the picture that boxes are told in, 1..2047 pixels */
  uint32_t interval_us;  /* between frames; 0: not known */
} phinets_wire_info;

/* One a serial line, static. */
typedef struct {
  void (*write)(uint8_t byte);
  uint32_t frame; /* the one that is sent, from 0 on */
  uint16_t crc;
  uint8_t length, block[254]; /* bytes since the last zero */
} phinets_wire;

/* Once, before the others. `write` sends a byte and may wait; it must not send another in its place (no CR for LF). */
void phinets_wire_start(phinets_wire *wire, void (*write)(uint8_t byte));

/* At the start, and now and then for those who begin to listen later. Classes that a packet has no room for have no name. */
void phinets_wire_hello(phinets_wire *wire, const phinets_wire_info *info);

/* Boxes and tracks of a frame, in that order, from what phinets_follow has left. `info` has the picture's size. Of more
   than 256 boxes the best, of more than 128 tracks the youngest are sent. */
void phinets_wire_found(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame,
                        const phinets_follower *follower);

/* All that is said of frame `wire->frame`, which it then counts up: a hello with the first and every 32nd, boxes, tracks. Rows
   of the frame's picture, where they are sent, come before. */
void phinets_wire_frame(phinets_wire *wire, const phinets_wire_info *info, const phinets_follower *follower);

/* Row y of the frame's own picture, from 0 on: `info->width` pixels of 1, 3 or 2 bytes. RGB565 has the high byte first, as
   cameras send it. Rows are at most 1360 pixels long. */
void phinets_wire_row(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame, int32_t y,
                      phinets_wire_pixels format, const uint8_t *pixels);

/* The same from a row of the network's input, whose bytes are the pixel's value less 128, of 1 or 3 channels. */
void phinets_wire_input_row(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame, int32_t y,
                            int32_t channels, const int8_t *row);

#ifdef __cplusplus
}
#endif

#endif
