#include "phinets_double.h" /* first */

#include "decode.h"

double phinets_sigmoid(const phinets_output_map *map, int32_t q) {
  const int32_t steps = q - map->zero_point;
  if (steps >= 0) return 1.0 / (1.0 + map->powers[-steps]);
  return map->powers[steps] / (1.0 + map->powers[steps]);
}

int32_t phinets_least_above(const phinets_output_map *map, double threshold) {
  int32_t low = -128, high = 128; /* bisection: the sigmoid is monotonic */
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (phinets_sigmoid(map, middle) > threshold)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

int32_t phinets_insert(phinets_box *boxes, int32_t count, int32_t capacity, const phinets_box *box) {
  if (count == capacity && !(box->score > boxes[count - 1].score)) return count;
  int32_t i = count < capacity ? count++ : count - 1;
  for (; i > 0 && box->score > boxes[i - 1].score; i--) boxes[i] = boxes[i - 1];
  boxes[i] = *box;
  return count;
}

static double smaller(double a, double b) { return a < b ? a : b; }
static double larger(double a, double b) { return a > b ? a : b; }

/* Until `finish`, x and y of a box are its centre. */
static double intersection_over_union(const phinets_box *a, const phinets_box *b) {
  const double ax1 = a->x - a->width / 2.0, ax2 = a->x + a->width / 2.0;
  const double ay1 = a->y - a->height / 2.0, ay2 = a->y + a->height / 2.0;
  const double bx1 = b->x - b->width / 2.0, bx2 = b->x + b->width / 2.0;
  const double by1 = b->y - b->height / 2.0, by2 = b->y + b->height / 2.0;
  const double width = smaller(ax2, bx2) - larger(ax1, bx1);
  const double height = smaller(ay2, by2) - larger(ay1, by1);
  if (!(width > 0.0) || !(height > 0.0)) return 0.0;
  const double both = width * height;
  return both / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - both);
}

/* Converts x and y from the centre to the top-left corner and clips the box to the picture. */
static void finish(phinets_box *box) {
  const double x = box->x - box->width / 2.0, y = box->y - box->height / 2.0;
  const double right = smaller(larger(x + box->width, 0.0), 1.0);
  const double bottom = smaller(larger(y + box->height, 0.0), 1.0);
  box->x = smaller(larger(x, 0.0), 1.0);
  box->y = smaller(larger(y, 0.0), 1.0);
  box->width = right - box->x;
  box->height = bottom - box->y;
}

int32_t phinets_detect(const phinets_detector *detector, const int8_t *output, double threshold, double iou_threshold,
                       phinets_box *boxes, int32_t capacity) {
  if (capacity < 1) return 0;
  const int32_t count = detector->decode(detector, output, threshold, boxes, capacity);
  int32_t kept = 0;
  for (int32_t i = 0; i < count; i++) {
    int suppressed = 0;
    for (int32_t k = 0; k < kept && !suppressed; k++)
      suppressed = boxes[k].class_index == boxes[i].class_index &&
                   intersection_over_union(&boxes[k], &boxes[i]) > iou_threshold;
    if (!suppressed) boxes[kept++] = boxes[i];
  }
  for (int32_t i = 0; i < kept; i++) finish(&boxes[i]);
  return kept;
}
