/* The application, which is the same on every board: passes camera pictures to the network and outputs tracks as text
   or, with -DPHINETS_WIRE, in the format of docs/wire-format.md. */
#include "app.h"

#include "camera.h"
#include "port.h"

/* For each value of a row of the network's input, the sum of the camera pixels in it. */
static uint32_t sums[PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS];
static uint8_t line[2 * CAMERA_WIDTH];

/* First camera line (or column) that belongs to row (or column) i of the input. */
static int32_t first_of(int32_t i, int32_t camera, int32_t input) { return i * camera / input; }

/* Red (0), green (1) or blue (2) of an RGB565 pixel, scaled to 0..255. */
static uint32_t colour(const uint8_t *pixel, int32_t channel) {
  const uint32_t bits = (uint32_t)pixel[0] << 8 | pixel[1];
  if (channel == 1) return (bits >> 5 & 63) << 2 | (bits >> 9 & 3);
  const uint32_t five = channel == 0 ? bits >> 11 : bits & 31;
  return five << 3 | five >> 2;
}

/* Writes row y of the network's input, each value the mean of the camera pixels in it. The picture is stretched to the
   shape of the input, like the training pictures. */
static void shrink(int32_t y, int8_t *row) {
  for (int32_t i = 0; i < PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS; i++) sums[i] = 0;
  const int32_t lines =
      first_of(y + 1, CAMERA_HEIGHT, PHINETS_INPUT_HEIGHT) - first_of(y, CAMERA_HEIGHT, PHINETS_INPUT_HEIGHT);
  for (int32_t n = 0; n < lines; n++) {
    camera_line(line);
    uint32_t *sum = sums;
    for (int32_t x = 0; x < PHINETS_INPUT_WIDTH; x++)
      for (int32_t c = 0; c < PHINETS_INPUT_CHANNELS; c++, sum++)
        for (int32_t k = first_of(x, CAMERA_WIDTH, PHINETS_INPUT_WIDTH);
             k < first_of(x + 1, CAMERA_WIDTH, PHINETS_INPUT_WIDTH); k++)
          /* A network with one channel gets green, which is close to brightness. */
          *sum += colour(line + 2 * k, PHINETS_INPUT_CHANNELS == 1 ? 1 : c);
  }
  const uint32_t *sum = sums;
  for (int32_t x = 0; x < PHINETS_INPUT_WIDTH; x++) {
    const int32_t columns =
        first_of(x + 1, CAMERA_WIDTH, PHINETS_INPUT_WIDTH) - first_of(x, CAMERA_WIDTH, PHINETS_INPUT_WIDTH);
    const uint32_t pixels = (uint32_t)(columns * lines);
    for (int32_t c = 0; c < PHINETS_INPUT_CHANNELS; c++)
      *row++ = (int8_t)((int32_t)((*sum++ + pixels / 2) / pixels) - 128);
  }
}

#ifdef PHINETS_WIRE
void phinets_write(uint8_t byte) { port_write(byte); }

/* Text would corrupt the packets on the line. */
static void print(const char *text) { (void)text; }
#else
static void print(const char *text) {
  for (; *text != '\0'; text++) port_write((uint8_t)*text);
}
#endif

/* Takes a picture; returns 1 if it succeeds. If there is no camera, reports it once and tries again at the next
   call. */
static int new_picture(void) {
  static int started, complained;
  if (!started) {
    port_start();
    started = camera_start();
  }
  if (started && camera_take()) return 1;
  if (!complained) print("no picture: check power, select, clock and data lines of the camera\r\n");
  complained = 1;
  started = 0;
  return 0;
}

#ifdef PHINETS_INPUT_BY_ROWS
int phinets_frame_row(int32_t y, int8_t *row) {
  if (y == 0 && !new_picture()) return 0;
  shrink(y, row);
  return 1;
}
#else
int phinets_frame(int8_t *input) {
  if (!new_picture()) return 0;
  for (int32_t y = 0; y < PHINETS_INPUT_HEIGHT; y++, input += PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS)
    shrink(y, input);
  return 1;
}
#endif

#ifdef PHINETS_WIRE
void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count) {
  (void)tracks, (void)boxes, (void)count; /* already sent */
}
#else
static void print_number(int32_t number) {
  char digits[12], *p = digits + sizeof digits;
  uint32_t rest = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;
  *--p = '\0';
  do *--p = (char)('0' + rest % 10);
  while ((rest /= 10) != 0);
  if (number < 0) *--p = '-';
  print(p);
}

/* Prints a line for each track: id, class, score in percent, left, top, right, bottom in camera pixels. A dot if there
   is none. */
void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count) {
  if (count == 0) print(".\r\n");
  for (int32_t i = 0; i < count; i++) {
    const phinets_corners *box = &tracks[i].box;
    const phinets_box *found = &boxes[tracks[i].detection];
    const double numbers[5] = {100 * found->score, box->x1 * CAMERA_WIDTH, box->y1 * CAMERA_HEIGHT,
                               box->x2 * CAMERA_WIDTH, box->y2 * CAMERA_HEIGHT};
    print_number(tracks[i].id);
    print(" ");
    print(phinets_classes[found->class_index]);
    for (int32_t k = 0; k < 5; k++) {
      print(" ");
      print_number((int32_t)numbers[k]);
    }
    print("\r\n");
  }
}
#endif
