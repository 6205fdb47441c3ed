#include "phinets_double.h" /* first */

#include "phinets_detect.h"

/* e^(scale * steps) */
static double power(const phinets_detector *d, int32_t steps) { return d->powers[255 + steps]; }

/* 1 / (1 + e^-t) of a stored byte, without overflow; t = scale * (q - zero_point). */
static double sigmoid(const phinets_detector *d, int8_t q) {
  const int32_t steps = q - d->zero_point;
  if (steps >= 0) return 1.0 / (1.0 + power(d, -steps));
  return power(d, steps) / (1.0 + power(d, steps));
}

static double smaller(double a, double b) { return a < b ? a : b; }
static double larger(double a, double b) { return a > b ? a : b; }

/* While boxes are compared, x and y are their centres. */
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

/* Puts a box into the list, best first, equal scores in order of arrival; a full list loses its worst. */
static int32_t insert(phinets_box *boxes, int32_t count, int32_t capacity, const phinets_box *box) {
  if (count == capacity && !(box->score > boxes[count - 1].score)) return count;
  int32_t i = count < capacity ? count++ : count - 1;
  for (; i > 0 && box->score > boxes[i - 1].score; i--) boxes[i] = boxes[i - 1];
  boxes[i] = *box;
  return count;
}

/* From centre to top-left corner, clipped to the picture. */
static void finish(phinets_box *box) {
  const double x = box->x - box->width / 2.0, y = box->y - box->height / 2.0;
  const double right = smaller(larger(x + box->width, 0.0), 1.0);
  const double bottom = smaller(larger(y + box->height, 0.0), 1.0);
  box->x = smaller(larger(x, 0.0), 1.0);
  box->y = smaller(larger(y, 0.0), 1.0);
  box->width = right - box->x;
  box->height = bottom - box->y;
}

/* All boxes above the threshold, before suppression. */
static int32_t decode(const phinets_detector *d, const int8_t *entry, double threshold, phinets_box *boxes,
                      int32_t capacity) {
  int32_t count = 0;
  for (int32_t cell = 0; cell < d->height * d->width; cell++) {
    for (int32_t a = 0; a < d->anchors; a++, entry += 5 + d->classes) {
      const double objectness = sigmoid(d, entry[4]);
      if (!(objectness > threshold)) continue;
      const int8_t *logits = entry + 5;
      int32_t best = 0;
      for (int32_t c = 1; c < d->classes; c++)
        if (logits[c] > logits[best]) best = c;
      double sum = 0.0; /* softmax: e^(logit - largest logit) */
      for (int32_t c = 0; c < d->classes; c++) sum += power(d, logits[c] - logits[best]);
      phinets_box box = {
          .x = ((double)(cell % d->width) + d->centre_scale * sigmoid(d, entry[0]) - d->centre_shift) / d->width,
          .y = ((double)(cell / d->width) + d->centre_scale * sigmoid(d, entry[1]) - d->centre_shift) / d->height,
          .width = d->anchor_sizes[2 * a] * power(d, entry[2] - d->zero_point) / d->width,
          .height = d->anchor_sizes[2 * a + 1] * power(d, entry[3] - d->zero_point) / d->height,
      };
      const double area = box.width * box.height;
      if (area - area != 0.0) continue; /* infinite: a network that diverged */
      for (int32_t c = 0; c < d->classes; c++) {
        box.score = objectness * power(d, logits[c] - logits[best]) / sum;
        box.class_index = c;
        if (box.score > threshold) count = insert(boxes, count, capacity, &box);
      }
    }
  }
  return count;
}

int32_t phinets_detect(const phinets_detector *detector, const int8_t *map, double threshold, double iou_threshold,
                       phinets_box *boxes, int32_t capacity) {
  if (capacity < 1) return 0;
  const int32_t count = decode(detector, map, threshold, boxes, capacity);
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
