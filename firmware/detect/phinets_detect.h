/* From a detector's int8 output to boxes: decoding by its kind of head and class-wise non-maximum suppression, no library.
   The rules are those of packages/core/src/detection, in the same double precision and the same order, with the exponentials
   that the generator has put into tables: the same output gives the same boxes, to the last bit. */
#ifndef PHINETS_DETECT_H
#define PHINETS_DETECT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Top-left corner and size as fractions 0..1 of the picture, clipped to it. */
typedef struct {
  double x, y, width, height;
  double score; /* 0..1 */
  int32_t class_index;
} phinets_box;

/* What the bytes of a map mean. */
typedef struct {
  int32_t offset;   /* of the map's first byte that is read, in the output */
  int32_t channels; /* bytes from one cell to the next */
  int32_t zero_point;
  double scale;
  const double *powers; /* powers[d] is e^(scale * d) for d quantisation steps, from -255 to what the head needs */
} phinets_output_map;

/* A grid of cells over the picture. */
typedef struct {
  int32_t height, width; /* cells */
  int32_t anchors;
  const double *anchor_sizes; /* [anchors][width, height]: of YOLOv2 in cells, of YOLOv5 in pixels of the input */
  phinets_output_map boxes;
  phinets_output_map scores; /* YOLOv8's logits of the classes; they may lie in a map of their own */
} phinets_level;

typedef struct phinets_detector phinets_detector;

/* The boxes above a threshold before suppression, best first, as centre and size. */
typedef int32_t phinets_decode(const phinets_detector *detector, const int8_t *output, double threshold,
                               phinets_box *boxes, int32_t capacity);

/* What the output's numbers mean; the generated model defines one. */
struct phinets_detector {
  phinets_decode *decode;
  int32_t level_count, classes;
  const phinets_level *levels;
  int32_t bins;                      /* of YOLOv8's distances */
  int32_t input_width, input_height; /* pixels of the network's input */
  /* The centre of a box is cell + centre_scale * sigmoid(t) - centre_shift: YOLOv2, YOLOv5. */
  double centre_scale, centre_shift;
};

/* Cells hold [anchors][x, y, width, height, object, classes...]; sizes are anchor * e^t, classes a softmax. */
phinets_decode phinets_decode_yolov2;
/* Likewise; sizes are anchor * (2 sigmoid(t))^2, each class a sigmoid. */
phinets_decode phinets_decode_yolov5;
/* Cells hold distances to the left, top, right and bottom, each as logits of `bins` whole cells, and a logit a class. */
phinets_decode phinets_decode_yolov8;

/*
 * Finds boxes with a score above `threshold` (0..1) in a network's output, drops those that overlap a better one of their
 * class by an IoU above `iou_threshold` (0..1), and writes the rest, best first. Returns their number, at most `capacity`.
 * `boxes` is the working memory too: of more than `capacity` candidates, those with the best scores are considered.
 */
int32_t phinets_detect(const phinets_detector *detector, const int8_t *output, double threshold, double iou_threshold,
                       phinets_box *boxes, int32_t capacity);

#ifdef __cplusplus
}
#endif

#endif
