#include "phinets_follow.h"

void phinets_follow_start(phinets_follower *follower) {
  follower->box_count = follower->track_count = 0;
  phinets_tracker_start(&follower->tracker);
}

void phinets_follow(phinets_follower *follower, const phinets_detector *detector, const int8_t *map,
                    double score_threshold, double nms_iou) {
  phinets_box *boxes = follower->boxes;
  follower->box_count = phinets_detect(detector, map, score_threshold, nms_iou, boxes, PHINETS_MAX_BOXES);
  for (int32_t i = 0; i < follower->box_count; i++)
    follower->corners[i] =
        (phinets_corners){boxes[i].x, boxes[i].y, boxes[i].x + boxes[i].width, boxes[i].y + boxes[i].height};
  follower->track_count =
      phinets_tracker_update(&follower->tracker, follower->corners, follower->box_count, follower->tracks);
}
