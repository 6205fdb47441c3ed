/* The weak hooks, and the way of a frame: in from phinets_frame, out to phinets_tracks (or as it is, to phinets_result). */
#ifndef PHINETS_SERVE_H
#define PHINETS_SERVE_H

#include "phinets_model.h"
#include "startup.h"
#ifdef PHINETS_DETECTOR
#include "phinets_follow.h"
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

static void start(void) { phinets_follow_start(&follower); }

static void use_output(void) {
  phinets_follow(&follower, &phinets_head, output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
  phinets_tracks(follower.tracks, follower.boxes, follower.track_count);
}
#else
void phinets_result(const int8_t *output);

__attribute__((weak)) void phinets_result(const int8_t *output) { (void)output; }

static void start(void) {}

static void use_output(void) { phinets_result(output); }
#endif

/* A debugger finds the program here after a fault or an interrupt that nothing handles. */
static void stop(void) {
  for (;;) {
  }
}

static void serve_frame(void) {
#ifdef PHINETS_INPUT_BY_ROWS
  static int8_t row[PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS];
  int32_t y = 0;
  do {
    if (!phinets_frame_row(y, row)) return; /* no new frame, or its end is lost */
    if (y++ == 0) phinets_begin(output);
  } while (!phinets_push_rows(row, 1));
#else
  int8_t *input = phinets_input();
  if (!phinets_frame(input)) return;
  phinets_run(input, output);
#endif
  use_output();
}

#ifdef __cplusplus
}
#endif

#endif
