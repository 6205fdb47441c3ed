/* From a detector's int8 output map to boxes: YOLOv2's decoding and class-wise non-maximum suppression, in single
   precision, no library. The rules are those of packages/core/src/detection. */
#ifndef PHINETS_DETECT_H
#define PHINETS_DETECT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the map's numbers mean; the generated model defines one. */
typedef struct {
  int32_t height, width; /* cells */
  int32_t anchors, classes;
  const float *anchor_sizes; /* [anchors][width, height] in cells */
  int32_t zero_point;
  const float *powers; /* [256] e^(-scale * d) for a difference of d quantisation steps */
  /* The centre of a box is cell + centre_scale * sigmoid(t) - centre_shift. */
  float centre_scale, centre_shift;
} phinets_detector;

/* Top-left corner and size as fractions 0..1 of the picture, clipped to it. */
typedef struct {
  float x, y, width, height;
  float score; /* 0..1 */
  int32_t class_index;
} phinets_box;

/*
 * Finds boxes with a score above `threshold` (0..1) in a map [height][width][anchors][x, y, width, height, object,
 * classes...], drops those that overlap a better one of their class by an IoU above `iou_threshold` (0..1), and writes
 * the rest, best first. Returns their number, at most `capacity`. `boxes` is the working memory too: of more than
 * `capacity` candidates, those with the best scores are considered.
 */
int32_t phinets_detect(const phinets_detector *detector, const int8_t *map, float threshold, float iou_threshold,
                       phinets_box *boxes, int32_t capacity);

#ifdef __cplusplus
}
#endif

#endif
