/* Picture, network, boxes, tracks, for ever: where the board's own image of PhiNets is not used, but an SDK's. */
#ifndef LOOP_H
#define LOOP_H

#include "app.h"

static int8_t output[PHINETS_OUTPUT_BYTES];
static phinets_follower follower;

static void loop_start(void) { phinets_follow_start(&follower); }

static void loop_once(void) {
#ifdef PHINETS_INPUT_BY_ROWS
  static int8_t row[PHINETS_INPUT_WIDTH * PHINETS_INPUT_CHANNELS];
  int32_t y = 0;
  do {
    if (!phinets_frame_row(y, row)) return;
    if (y++ == 0) phinets_begin(output);
  } while (!phinets_push_rows(row, 1));
#else
  int8_t *input = phinets_input();
  if (!phinets_frame(input)) return;
  phinets_run(input, output);
#endif
  phinets_follow(&follower, &phinets_head, output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
  phinets_tracks(follower.tracks, follower.boxes, follower.track_count);
}

#endif
