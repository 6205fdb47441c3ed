/*
 * SORT (Bewley et al., "Simple online and realtime tracking", ICIP 2016): a Kalman filter a track, predictions and
 * detections paired by overlap. The rules are those of packages/core/src/tracking, in the same double precision and the
 * same order, so that the same detections give the same tracks, to the last bit. No heap: a tracker is a struct of fixed
 * size.
 */
#ifndef PHINETS_TRACK_H
#define PHINETS_TRACK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most tracks alive, and most detections a frame. Memory grows with its square: 32 take 15 KB. */
#ifndef PHINETS_MAX_TRACKS
#define PHINETS_MAX_TRACKS 32
#endif

/* Corners in any one unit, x2 > x1 and y2 > y1. */
typedef struct {
  double x1, y1, x2, y2;
} phinets_corners;

typedef struct {
  int32_t id; /* 1, 2, ... in order of birth */
  int32_t detection; /* index of this frame's detection that it was paired with */
  phinets_corners box;
} phinets_track;

/* Filter of one box: centre x, centre y and area with their velocities, and aspect (width / height). */
typedef struct {
  double value[3], velocity[3];
  double covariance[3][4]; /* value-value, value-velocity, velocity-value, velocity-velocity */
  double aspect, aspect_variance;
} phinets_box_filter;

typedef struct {
  phinets_box_filter filter;
  int32_t id, frames_since_update, hit_streak, detection;
} phinets_tracked;

typedef struct {
  /* Set by phinets_tracker_start, free to change before the first frame. */
  int32_t max_age;      /* frames that a track outlives its last detection: 1 */
  int32_t min_hits;     /* frames in a row that a track is found before it is shown: 3 */
  double iou_threshold; /* least overlap of prediction and detection: 0.3 */
  /* State. */
  int32_t frames, born, count;
  phinets_tracked tracks[PHINETS_MAX_TRACKS];
  /* Working memory of one frame. */
  phinets_corners predicted[PHINETS_MAX_TRACKS];
  double iou[PHINETS_MAX_TRACKS][PHINETS_MAX_TRACKS]; /* [detection][track] */
} phinets_tracker;

void phinets_tracker_start(phinets_tracker *tracker);

/*
 * One frame on; call it for frames without detections too. Writes the tracks found in this frame, youngest first, into
 * `tracks` (PHINETS_MAX_TRACKS) and returns their number. Detections after the first PHINETS_MAX_TRACKS and those that
 * would begin one track too many are left out. Boxes without a size are left out.
 */
int32_t phinets_tracker_update(phinets_tracker *tracker, const phinets_corners *detections, int32_t count,
                               phinets_track *tracks);

#ifdef __cplusplus
}
#endif

#endif
