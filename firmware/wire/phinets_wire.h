/*
 * Sends boxes, tracks and pictures over a serial line. docs/wire-format.md defines the format; packages/core/src/wire
 * reads it. Packets are encoded with COBS (Cheshire, Baker, "Consistent overhead byte stuffing", 1999) and end with a
 * zero byte, so a receiver that starts late or loses bytes resumes with the next packet. No heap; only your `write`
 * may block.
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
  PHINETS_WIRE_MAX_PACKET = 4096, /* bytes before COBS encoding, with the checksum */
  PHINETS_WIRE_MAX_TEXT = 63,     /* bytes of a name; longer names are cut */
  PHINETS_WIRE_MAX_CLASSES = 255  /* class names; the others are not sent */
};

typedef enum { PHINETS_WIRE_GREY = 0, PHINETS_WIRE_RGB888 = 1, PHINETS_WIRE_RGB565 = 2 } phinets_wire_pixels;

/* Description of the sender. */
typedef struct {
  const char *name;           /* of the network, UTF-8 */
  const char *const *classes; /* [class_count] names, UTF-8; NULL if class_count is 0 */
  int32_t class_count;
  int32_t width, height; /* of the picture, 1..2047 pixels; box corners are sent in its pixels */
  uint32_t interval_us;  /* microseconds between frames; 0: unknown */
} phinets_wire_info;

/* State of one serial line, about 270 bytes. Set by phinets_wire_start. */
typedef struct {
  void (*write)(uint8_t byte);
  uint32_t frame; /* number of the frame to send next, from 0 */
  uint16_t crc;
  uint8_t length, block[254]; /* bytes since the last zero */
} phinets_wire;

/* Initialises a line; call it once, before the other functions. `write` sends one byte unchanged (no CR added before
   LF) and may block. */
void phinets_wire_start(phinets_wire *wire, void (*write)(uint8_t byte));

/* Sends a description of the sender. Call it at the start, and from time to time for receivers that connect later.
   Class names for which the packet has no room are left out. */
void phinets_wire_hello(phinets_wire *wire, const phinets_wire_info *info);

/* Sends the boxes, then the tracks of a frame, as phinets_follow stored them in `follower`: at most the best 256 boxes
   and the youngest 128 tracks. */
void phinets_wire_found(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame,
                        const phinets_follower *follower);

/* Sends everything about frame `wire->frame`: a hello (with the first and every 32nd frame), boxes and tracks. Then
   adds 1 to `wire->frame`. If you also send rows of the frame's picture, send them before. */
void phinets_wire_frame(phinets_wire *wire, const phinets_wire_info *info, const phinets_follower *follower);

/* Sends row y (from 0) of a frame's picture: `info->width` pixels of 1 (grey), 3 (RGB888) or 2 bytes (RGB565, high byte
   first, as cameras send it). Sends nothing if info->width is above 1360. */
void phinets_wire_row(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame, int32_t y,
                      phinets_wire_pixels format, const uint8_t *pixels);

/* Sends row y from a row of the network's input: `info->width` pixels of 1 (grey) or 3 channels (RGB), each byte the
   pixel's value minus 128. Sends nothing for another number of channels or a width above 1360. */
void phinets_wire_input_row(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame, int32_t y,
                            int32_t channels, const int8_t *row);

#ifdef __cplusplus
}
#endif

#endif
