/* Detection and tracking in one step: a detector's output map in, this frame's boxes and tracks out. */
#ifndef PHINETS_FOLLOW_H
#define PHINETS_FOLLOW_H

#include "phinets_detect.h"
#include "phinets_track.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most boxes of a frame before suppression, which sees ten of an object: of more, those with the best scores are
   considered. One takes 80 bytes. */
#ifndef PHINETS_MAX_BOXES
#define PHINETS_MAX_BOXES 256
#endif

/* Some 37 KB with the default limits; one a camera, static. */
typedef struct {
  /* Of the last frame. Boxes and tracks are fractions of the picture: times its width and height they are pixels. A
     track's `detection` is an index of `boxes`, and its corners, which are filtered, may lie outside the picture. */
  phinets_box boxes[PHINETS_MAX_BOXES]; /* best first */
  int32_t box_count;
  int32_t track_count;
  phinets_track tracks[PHINETS_MAX_TRACKS]; /* youngest first */
  /* State. */
  phinets_tracker tracker;
  /* Working memory of one frame. */
  phinets_corners corners[PHINETS_MAX_BOXES];
} phinets_follower;

/* Before the first frame, and wherever tracks shall end. The tracker's settings may be changed after it. */
void phinets_follow_start(phinets_follower *follower);

/* One frame on. Thresholds are fractions: least score of a box, and the IoU from which two boxes of a class are one. */
void phinets_follow(phinets_follower *follower, const phinets_detector *detector, const int8_t *map,
                    double score_threshold, double nms_iou);

#ifdef __cplusplus
}
#endif

#endif
