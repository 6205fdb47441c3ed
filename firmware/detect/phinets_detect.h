/* Converts a detector's int8 output to boxes: decoding for its kind of head, then class-wise non-maximum suppression
   (NMS). No heap and no library. The algorithm is that of packages/core/src/detection, in double precision and in the
   same order of operations, with exponentials from tables that the generator writes. The same output therefore gives
   the same boxes, to the last bit. */
#ifndef PHINETS_DETECT_H
#define PHINETS_DETECT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A detected object: top-left corner and size as fractions 0..1 of the picture, clipped to the picture. */
typedef struct {
  double x, y, width, height;
  double score; /* 0..1 */
  int32_t class_index; /* 0..classes - 1 */
} phinets_box;

/* Layout and quantisation of a map in the network's output. */
typedef struct {
  int32_t offset;   /* of the first byte that is read, in the output */
  int32_t channels; /* bytes from one cell to the next */
  int32_t zero_point;
  double scale;
  const double *powers; /* powers[d] is e^(scale * d) for d quantisation steps, from -255 up to what the head needs */
} phinets_output_map;

/* One detection level: a grid of cells over the picture. */
typedef struct {
  int32_t height, width; /* cells */
  int32_t anchors;       /* per cell: YOLOv2, YOLOv5 */
  const double *anchor_sizes; /* [anchors][width, height]; YOLOv2: in cells, YOLOv5: in pixels of the input */
  phinets_output_map boxes;
  phinets_output_map scores; /* YOLOv8's class logits, which may lie in a separate map */
} phinets_level;

typedef struct phinets_detector phinets_detector;

/* A decoder: writes the boxes with a score above `threshold` to `boxes`, before NMS, best first, and returns their
   number, at most `capacity`. x and y are the centre of the box; boxes are not clipped. */
typedef int32_t phinets_decode(const phinets_detector *detector, const int8_t *output, double threshold,
                               phinets_box *boxes, int32_t capacity);

/* Description of a detector's output. The generated model defines one, <name>_head. */
struct phinets_detector {
  phinets_decode *decode;
  int32_t level_count, classes;
  const phinets_level *levels;
  int32_t bins;                      /* YOLOv8: logits per distance; 1: the distance itself */
  int32_t input_width, input_height; /* pixels of the network's input */
  /* YOLOv2, YOLOv5: the centre of a box, in cells, is cell + centre_scale * sigmoid(t) - centre_shift. */
  double centre_scale, centre_shift;
};

/* A cell holds [anchors][x, y, width, height, objectness, classes...]. Size = anchor * e^t; class scores are a
   softmax. */
phinets_decode phinets_decode_yolov2;
/* Cells as for YOLOv2. Size = anchor * (2 sigmoid(t))^2; each class score is a sigmoid. */
phinets_decode phinets_decode_yolov5;
/* A cell holds its distances to the left, top, right and bottom edge of the box and one logit per class. Each distance
   is the mean of a distribution over 0, 1, ..., bins - 1 cells, given as `bins` logits. */
phinets_decode phinets_decode_yolov8;

/*
 * Finds the boxes with a score above `threshold` (0..1) in a network's output, drops each box that overlaps a better
 * box of its class with an IoU above `iou_threshold` (0..1), and writes the others to `boxes`, best first. Returns
 * their number, 0..capacity. `boxes` has room for `capacity` boxes and is also the working memory: if there are more
 * candidates, only those with the best scores take part. `output` is the network's output, as the model writes it.
 */
int32_t phinets_detect(const phinets_detector *detector, const int8_t *output, double threshold, double iou_threshold,
                       phinets_box *boxes, int32_t capacity);

#ifdef __cplusplus
}
#endif

#endif
