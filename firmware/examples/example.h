/* The part that all examples share: passes a picture to the network and reports the result as text or, for a detector
   with -DPHINETS_WIRE, in the format of docs/wire-format.md. Valid C and C++. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include "phinets_model.h"
#ifdef PHINETS_DETECTOR
#include "phinets_follow.h"
#ifdef PHINETS_WIRE
#define EXAMPLE_SENDS
#include "phinets_wire.h"
#endif
#endif

static int8_t example_output[PHINETS_OUTPUT_BYTES];

/* Writes row y of the picture, [width][channels], each byte the pixel's value minus 128. PUT YOUR CAMERA HERE: as it
   is, the picture is a light square on grey that moves with each frame. */
static void example_row(uint32_t frame, int32_t y, int8_t *row) {
  const int32_t side = PHINETS_INPUT_HEIGHT / 4, left = (int32_t)(frame % (uint32_t)PHINETS_INPUT_WIDTH);
  for (int32_t x = 0; x < PHINETS_INPUT_WIDTH; x++) {
    const int inside = y >= side && y < 2 * side && x >= left && x < left + side;
    for (int32_t c = 0; c < PHINETS_INPUT_CHANNELS; c++) *row++ = (int8_t)(inside ? 100 : 0);
  }
}

static void example_infer(uint32_t frame) {
#ifdef PHINETS_INPUT_BY_ROWS
  static int8_t row[PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS];
  int32_t y = 0;
  phinets_begin(example_output);
  do example_row(frame, y++, row);
  while (!phinets_push_rows(row, 1));
#else
  int8_t *input = phinets_input();
  for (int32_t y = 0; y < PHINETS_INPUT_HEIGHT; y++)
    example_row(frame, y, input + y * PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS);
  phinets_run(input, example_output);
#endif
}

#ifdef EXAMPLE_SENDS
/* Runs the network on a frame and sends boxes and tracks. `write` sends one byte unchanged (no CR added before LF). */
static void example_send(uint32_t frame, void (*write)(uint8_t byte)) {
  static phinets_follower follower;
  static phinets_wire wire;
  static phinets_wire_info info;
  if (frame == 0) {
    info.name = "example";
    info.classes = phinets_classes;
    info.class_count = PHINETS_CLASSES;
    info.width = PHINETS_INPUT_WIDTH;
    info.height = PHINETS_INPUT_HEIGHT;
    phinets_follow_start(&follower);
    phinets_wire_start(&wire, write);
  }
  example_infer(frame);
  phinets_follow(&follower, &phinets_head, example_output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
  phinets_wire_frame(&wire, &info, &follower);
}
#else
static void example_print_number(void (*print)(const char *), uint32_t number) {
  char digits[11], *p = digits + sizeof digits;
  *--p = '\0';
  do *--p = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  print(p);
}

/* Runs the network on a frame and prints the tracks of a detector as "id class percent", or the class of a classifier,
   without a line end. `print` writes a string unchanged. */
static void example_frame(uint32_t frame, void (*print)(const char *)) {
  example_infer(frame);
#if defined(PHINETS_DETECTOR)
  static phinets_follower follower;
  if (frame == 0) phinets_follow_start(&follower);
  phinets_follow(&follower, &phinets_head, example_output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
  if (follower.track_count == 0) print("nothing");
  for (int32_t i = 0; i < follower.track_count; i++) {
    const phinets_box *box = &follower.boxes[follower.tracks[i].detection];
    if (i > 0) print(", ");
    example_print_number(print, (uint32_t)follower.tracks[i].id);
    print(" ");
    print(phinets_classes[box->class_index]);
    print(" ");
    example_print_number(print, (uint32_t)(100 * box->score));
  }
#elif defined(PHINETS_CLASSES)
  int32_t best = 0;
  for (int32_t i = 1; i < PHINETS_CLASSES; i++)
    if (example_output[i] > example_output[best]) best = i;
  print(phinets_classes[best]);
#else
  print("output in example_output");
#endif
}
#endif

#endif
