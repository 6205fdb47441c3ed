/* Detection and tracking in one call: takes a detector's output and returns the boxes and tracks of the frame. */
#ifndef PHINETS_FOLLOW_H
#define PHINETS_FOLLOW_H

#include "phinets_detect.h"
#include "phinets_track.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Maximum number of boxes per frame before NMS, where an object typically has about ten. If there are more, those with
   the best scores take part. Each takes 80 bytes. */
#ifndef PHINETS_MAX_BOXES
#define PHINETS_MAX_BOXES 256
#endif

/* State of one camera's detection and tracking, about 37 KB with the default limits. Make it static: it is too large
   for most stacks. */
typedef struct {
  /* Results of the last frame. Boxes and tracks are fractions of the picture: multiply by its width and height for
     pixels. A track's `detection` is an index into `boxes`; its filtered corners may lie outside the picture. */
  phinets_box boxes[PHINETS_MAX_BOXES]; /* best first */
  int32_t box_count;
  int32_t track_count;
  phinets_track tracks[PHINETS_MAX_TRACKS]; /* youngest first */
  /* State. */
  phinets_tracker tracker;
  /* Working memory of one frame. */
  phinets_corners corners[PHINETS_MAX_BOXES];
} phinets_follower;

/* Initialises a follower. Call it before the first frame, and again to end all tracks. The settings of
   follower->tracker may be changed after it. */
void phinets_follow_start(phinets_follower *follower);

/* Processes one frame: detects objects in `map`, the network's output, and updates the tracks. The results are in
   `follower`. Boxes need a score above score_threshold (0..1); of two boxes of a class with an IoU above nms_iou (0..1)
   the better is kept. */
void phinets_follow(phinets_follower *follower, const phinets_detector *detector, const int8_t *map,
                    double score_threshold, double nms_iou);

#ifdef __cplusplus
}
#endif

#endif
