/*
 * The weak functions that an application defines, and the processing of a frame: from phinets_frame through the network
 * to phinets_tracks (or, unless it is a detector, to phinets_result). main.c describes the functions. With
 * -DPHINETS_WIRE, a detector's boxes and tracks are also sent, in the format of docs/wire-format.md, by your
 *   void phinets_write(uint8_t byte)           send one byte unchanged
 * With -DPHINETS_WIRE_PICTURES, the rows of the frame are sent before them. -DPHINETS_WIRE_NAME='"..."' sets the
 * network's name.
 */
#ifndef PHINETS_SERVE_H
#define PHINETS_SERVE_H

#include "phinets_model.h"
#include "startup.h"
#ifdef PHINETS_DETECTOR
#include "phinets_follow.h"
#ifdef PHINETS_WIRE
#include "phinets_wire.h"
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifdef PHINETS_INPUT_BY_ROWS
int phinets_frame_row(int32_t y, int8_t *row);

__attribute__((weak)) int phinets_frame_row(int32_t y, int8_t *row) {
  (void)y, (void)row;
  return 0;
}
#else
int phinets_frame(int8_t *input);

__attribute__((weak)) int phinets_frame(int8_t *input) {
  (void)input;
  return 0;
}
#endif

static int8_t output[PHINETS_OUTPUT_BYTES];

#ifdef PHINETS_DETECTOR
void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count);

__attribute__((weak)) void phinets_tracks(const phinets_track *tracks, const phinets_box *boxes, int32_t count) {
  (void)tracks, (void)boxes, (void)count;
}

static phinets_follower follower;

#ifdef PHINETS_WIRE
#ifndef PHINETS_WIRE_NAME
#define PHINETS_WIRE_NAME "phinets"
#endif
void phinets_write(uint8_t byte);

__attribute__((weak)) void phinets_write(uint8_t byte) { (void)byte; }

static phinets_wire wire;
static const phinets_wire_info wire_info = {
    .name = PHINETS_WIRE_NAME,
    .classes = phinets_classes,
    .class_count = PHINETS_CLASSES,
    .width = PHINETS_INPUT_WIDTH,
    .height = PHINETS_INPUT_HEIGHT,
};

/* Called at the first frame, not earlier, so that your code has set up the line. */
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

static void start(void) { phinets_follow_start(&follower); }

static void use_output(void) {
  phinets_follow(&follower, &phinets_head, output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
  send_found();
  phinets_tracks(follower.tracks, follower.boxes, follower.track_count);
}
#else
void phinets_result(const int8_t *output);

__attribute__((weak)) void phinets_result(const int8_t *output) { (void)output; }

static void start(void) {}

static void send_row(int32_t y, const int8_t *row) { (void)y, (void)row; }

static void use_output(void) { phinets_result(output); }
#endif

/* Endless loop in which a debugger finds the program after a fault or an unhandled interrupt. */
static void stop(void) {
  for (;;) {
  }
}

static void serve_frame(void) {
#ifdef PHINETS_INPUT_BY_ROWS
  static int8_t row[PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS];
  int32_t y = 0;
  do {
    if (!phinets_frame_row(y, row)) return; /* no new frame, or the rest of it is lost */
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
  use_output();
}

#ifdef __cplusplus
}
#endif

#endif
