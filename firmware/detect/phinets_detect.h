/* From a detector's int8 output map to boxes: YOLOv2's decoding and class-wise non-maximum suppression, no library. The
   rules are those of packages/core/src/detection, in the same double precision and the same order, with the exponentials
   that the generator has put into a table: the same map gives the same boxes, to the last bit. */
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
  const double *anchor_sizes; /* [anchors][width, height] in cells */
  int32_t zero_point;
  const double *powers; /* [255 + d] is e^(scale * d) for d quantisation steps, -255 to 127 - zero_point */
  /* The centre of a box is cell + centre_scale * sigmoid(t) - centre_shift. */
  double centre_scale, centre_shift;
} phinets_detector;

/* Top-left corner and size as fractions 0..1 of the picture, clipped to it. */
typedef struct {
  double x, y, width, height;
  double score; /* 0..1 */
  int32_t class_index;
} phinets_box;

/*
 * Finds boxes with a score above `threshold` (0..1) in a map [height][width][anchors][x, y, width, height, object,
 * classes...], drops those that overlap a better one of their class by an IoU above `iou_threshold` (0..1), and writes
 * the rest, best first. Returns their number, at most `capacity`. `boxes` is the working memory too: of more than
 * `capacity` candidates, those with the best scores are considered.
 */
int32_t phinets_detect(const phinets_detector *detector, const int8_t *map, double threshold, double iou_threshold,
                       phinets_box *boxes, int32_t capacity);

#ifdef __cplusplus
}
#endif

#endif
