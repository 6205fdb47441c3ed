/* The main loop (picture, network, boxes, tracks) for programs built with an SDK instead of
   firmware/boards/cortex-m. */
#ifndef LOOP_H
#define LOOP_H

#include "app.h"
#ifdef PHINETS_WIRE
#include "phinets_wire.h"
#endif

static int8_t output[PHINETS_OUTPUT_BYTES];
static phinets_follower follower;

#ifdef PHINETS_WIRE
static phinets_wire wire;
static const phinets_wire_info wire_info = {
    .name = "people",
    .classes = phinets_classes,
    .class_count = PHINETS_CLASSES,
    .width = PHINETS_INPUT_WIDTH,
    .height = PHINETS_INPUT_HEIGHT,
};

/* Called at the first picture, not earlier, so that the line is set up. */
static void send_start(void) {
  if (wire.write == 0) phinets_wire_start(&wire, phinets_write);
}

static void send_row(int32_t y, const int8_t *row) {
#ifdef PHINETS_WIRE_PICTURES
  send_start();
  phinets_wire_input_row(&wire, &wire_info, wire.frame, y, PHINETS_INPUT_CHANNELS, row);
#else
  (void)y, (void)row;
#endif
}

static void send_found(void) {
  send_start();
  phinets_wire_frame(&wire, &wire_info, &follower);
}
#else
static void send_row(int32_t y, const int8_t *row) { (void)y, (void)row; }

static void send_found(void) {}
#endif

static void loop_start(void) { phinets_follow_start(&follower); }

static void loop_once(void) {
#ifdef PHINETS_INPUT_BY_ROWS
  static int8_t row[PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS];
  int32_t y = 0;
  do {
    if (!phinets_frame_row(y, row)) return;
    send_row(y, row);
    if (y++ == 0) phinets_begin(output);
  } while (!phinets_push_rows(row, 1));
#else
  int8_t *input = phinets_input();
  if (!phinets_frame(input)) return;
  for (int32_t y = 0; y < PHINETS_INPUT_HEIGHT; y++)
    send_row(y, input + y * PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS);
  phinets_run(input, output);
#endif
  phinets_follow(&follower, &phinets_head, output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
  send_found();
  phinets_tracks(follower.tracks, follower.boxes, follower.track_count);
}

#endif
