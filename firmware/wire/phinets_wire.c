#include "phinets_double.h" /* first */

#include "phinets_wire.h"

enum { HELLO = 1, BOXES = 2, TRACKS = 3, ROW = 4 };
enum { HEADER = 2, CHECKSUM = 2, HELLO_FIXED = 10, MOST_BOXES = 256, MOST_TRACKS = 128, MOST_WIDTH = 1360 };

/* Sends a COBS block: 1 + the number of bytes up to the next zero of the packet, then these bytes. */
static void flush(phinets_wire *w) {
  w->write((uint8_t)(w->length + 1));
  for (uint8_t i = 0; i < w->length; i++) w->write(w->block[i]);
  w->length = 0;
}

static void stuff(phinets_wire *w, uint8_t byte) {
  if (byte == 0) {
    flush(w);
    return;
  }
  if (w->length == sizeof w->block) flush(w); /* a block of 254 bytes implies no zero after it */
  w->block[w->length++] = byte;
}

/* Adds a byte to the packet and to its checksum, CRC-16/IBM-3740: polynomial 0x1021, initial value 0xFFFF. */
static void put8(phinets_wire *w, uint32_t value) {
  const uint8_t byte = (uint8_t)(value & 255u);
  uint32_t crc = w->crc ^ (uint32_t)byte << 8;
  for (int bit = 0; bit < 8; bit++) crc = (crc & 0x8000u) != 0u ? crc << 1 ^ 0x1021u : crc << 1;
  w->crc = (uint16_t)(crc & 0xFFFFu);
  stuff(w, byte);
}

static void put16(phinets_wire *w, uint32_t value) {
  put8(w, value);
  put8(w, value >> 8);
}

static void put32(phinets_wire *w, uint32_t value) {
  put16(w, value);
  put16(w, value >> 16);
}

static void begin(phinets_wire *w, uint32_t type) {
  w->crc = 0xFFFF;
  w->length = 0;
  put8(w, PHINETS_WIRE_VERSION);
  put8(w, type);
}

static void end(phinets_wire *w) {
  const uint32_t crc = w->crc;
  put16(w, crc);
  flush(w);
  w->write(0);
}

/* Bytes of a name to send: at most PHINETS_WIRE_MAX_TEXT, cut between characters of UTF-8. */
static uint32_t length_of(const char *text) {
  uint32_t length = 0;
  while (length <= PHINETS_WIRE_MAX_TEXT && text[length] != '\0') length++;
  if (length <= PHINETS_WIRE_MAX_TEXT) return length;
  length = PHINETS_WIRE_MAX_TEXT;
  while (length > 0 && ((uint8_t)text[length] & 0xC0u) == 0x80u) length--;
  return length;
}

static void put_text(phinets_wire *w, const char *text) {
  const uint32_t length = length_of(text);
  put8(w, length);
  for (uint32_t i = 0; i < length; i++) put8(w, (uint8_t)text[i]);
}

/* value * steps rounded to the nearest integer, halves up, and clamped to low..high. */
static int32_t rounded(double value, double steps, int32_t low, int32_t high) {
  const double scaled = value * steps + 0.5;
  if (!(scaled >= low)) return low;
  if (scaled >= (double)high + 1.0) return high;
  const int32_t towards_zero = (int32_t)scaled;
  return (double)towards_zero > scaled ? towards_zero - 1 : towards_zero;
}

static void put_corner(phinets_wire *w, double fraction, int32_t pixels) {
  put16(w, (uint32_t)rounded(fraction, 16.0 * pixels, INT16_MIN, INT16_MAX));
}

static void put_class(phinets_wire *w, const phinets_box *box) {
  put16(w, (uint32_t)box->class_index);
  put16(w, (uint32_t)rounded(box->score, 10000.0, 0, 10000));
}

void phinets_wire_start(phinets_wire *wire, void (*write)(uint8_t byte)) {
  wire->write = write;
  wire->frame = 0;
  wire->length = 0;
  write(0); /* ends whatever was on the line before */
}

void phinets_wire_hello(phinets_wire *wire, const phinets_wire_info *info) {
  uint32_t room = PHINETS_WIRE_MAX_PACKET - HEADER - CHECKSUM - HELLO_FIXED - length_of(info->name);
  int32_t names = 0;
  while (names < info->class_count && names < PHINETS_WIRE_MAX_CLASSES && length_of(info->classes[names]) + 1 <= room)
    room -= length_of(info->classes[names++]) + 1;
  begin(wire, HELLO);
  put16(wire, (uint32_t)info->width);
  put16(wire, (uint32_t)info->height);
  put32(wire, info->interval_us);
  put_text(wire, info->name);
  put8(wire, (uint32_t)names);
  for (int32_t i = 0; i < names; i++) put_text(wire, info->classes[i]);
  end(wire);
}

void phinets_wire_found(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame,
                        const phinets_follower *follower) {
  const int32_t boxes = follower->box_count < MOST_BOXES ? follower->box_count : MOST_BOXES;
  const int32_t tracks = follower->track_count < MOST_TRACKS ? follower->track_count : MOST_TRACKS;
  begin(wire, BOXES);
  put32(wire, frame);
  put16(wire, (uint32_t)boxes);
  for (int32_t i = 0; i < boxes; i++) {
    const phinets_box *box = &follower->boxes[i];
    put_class(wire, box);
    put_corner(wire, box->x, info->width);
    put_corner(wire, box->y, info->height);
    put_corner(wire, box->x + box->width, info->width);
    put_corner(wire, box->y + box->height, info->height);
  }
  end(wire);
  begin(wire, TRACKS);
  put32(wire, frame);
  put16(wire, (uint32_t)tracks);
  for (int32_t i = 0; i < tracks; i++) {
    const phinets_track *track = &follower->tracks[i];
    put32(wire, (uint32_t)track->id);
    put_class(wire, &follower->boxes[track->detection]);
    put_corner(wire, track->box.x1, info->width);
    put_corner(wire, track->box.y1, info->height);
    put_corner(wire, track->box.x2, info->width);
    put_corner(wire, track->box.y2, info->height);
  }
  end(wire);
}

void phinets_wire_frame(phinets_wire *wire, const phinets_wire_info *info, const phinets_follower *follower) {
  enum { FRAMES_A_HELLO = 32 };
  if (wire->frame % FRAMES_A_HELLO == 0) phinets_wire_hello(wire, info);
  phinets_wire_found(wire, info, wire->frame++, follower);
}

static void begin_row(phinets_wire *w, const phinets_wire_info *info, uint32_t frame, int32_t y, uint32_t format) {
  begin(w, ROW);
  put32(w, frame);
  put16(w, (uint32_t)y);
  put16(w, (uint32_t)info->width);
  put16(w, (uint32_t)info->height);
  put8(w, format);
}

void phinets_wire_row(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame, int32_t y,
                      phinets_wire_pixels format, const uint8_t *pixels) {
  if (info->width > MOST_WIDTH) return; /* the row would not fit into a packet */
  const int32_t bytes = info->width * (format == PHINETS_WIRE_RGB888 ? 3 : format == PHINETS_WIRE_RGB565 ? 2 : 1);
  begin_row(wire, info, frame, y, (uint32_t)format);
  for (int32_t i = 0; i < bytes; i++) put8(wire, pixels[i]);
  end(wire);
}

void phinets_wire_input_row(phinets_wire *wire, const phinets_wire_info *info, uint32_t frame, int32_t y,
                            int32_t channels, const int8_t *row) {
  if (info->width > MOST_WIDTH || (channels != 1 && channels != 3)) return;
  begin_row(wire, info, frame, y, channels == 3 ? PHINETS_WIRE_RGB888 : PHINETS_WIRE_GREY);
  for (int32_t i = 0; i < info->width * channels; i++) put8(wire, (uint32_t)(row[i] + 128));
  end(wire);
}
