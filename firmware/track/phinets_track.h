/*
 * Object tracking by SORT (Bewley et al., "Simple online and realtime tracking", ICIP 2016): one Kalman filter per
 * track; predictions and detections are paired by overlap. The algorithm is that of packages/core/src/tracking, in
 * double precision and in the same order of operations, so the same detections give the same tracks, to the last bit.
 * No heap: a tracker is a struct of fixed size.
 */
#ifndef PHINETS_TRACK_H
#define PHINETS_TRACK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Maximum number of live tracks, and of detections per frame. A tracker's memory grows with its square: 15 KB for
   32. */
#ifndef PHINETS_MAX_TRACKS
#define PHINETS_MAX_TRACKS 32
#endif

/* A box by its corners, with x2 > x1 and y2 > y1, in any unit, the same for all boxes of a tracker. */
typedef struct {
  double x1, y1, x2, y2;
} phinets_corners;

typedef struct {
  int32_t id; /* 1, 2, ... in order of creation */
  int32_t detection; /* index of the detection of this frame that the track was paired with */
  phinets_corners box; /* filtered */
} phinets_track;

/* Kalman filter of one box: centre x, centre y and area with their velocities, and aspect ratio (width / height). */
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
  /* Settings. phinets_tracker_start sets the defaults given here; change them before the first frame. */
  int32_t max_age;      /* frames that a track survives without a detection: 1 */
  int32_t min_hits;     /* frames in a row, after its first, with a detection before a track is reported: 3 */
  double iou_threshold; /* minimum IoU of a paired prediction and detection, 0..1: 0.3 */
  /* State. */
  int32_t frames, born, count;
  phinets_tracked tracks[PHINETS_MAX_TRACKS];
  /* Working memory of one frame. */
  phinets_corners predicted[PHINETS_MAX_TRACKS];
  double iou[PHINETS_MAX_TRACKS][PHINETS_MAX_TRACKS]; /* [detection][track] */
} phinets_tracker;

/* Initialises a tracker: no tracks, default settings, ids from 1. */
void phinets_tracker_start(phinets_tracker *tracker);

/*
 * Advances the tracker by one frame. Call it for frames without detections too (count 0). Writes the tracks that were
 * paired with a detection in this frame to `tracks` (room for PHINETS_MAX_TRACKS), youngest first, and returns their
 * number. In the first min_hits frames new tracks are reported at once. Ignores detections whose width, height or area
 * is not positive and finite, those after the first PHINETS_MAX_TRACKS others, and those that would start a track when
 * there are already PHINETS_MAX_TRACKS.
 */
int32_t phinets_tracker_update(phinets_tracker *tracker, const phinets_corners *detections, int32_t count,
                               phinets_track *tracks);

#ifdef __cplusplus
}
#endif

#endif
