#include "phinets_detect.h"

static const float largest_area = 1e30f;

/* e^t of a stored byte; t = scale * (q - zero_point). */
static float power(const phinets_detector *d, int8_t q) {
  const int32_t steps = q - d->zero_point;
  return steps <= 0 ? d->powers[-steps] : 1.0f / d->powers[steps];
}

/* 1 / (1 + e^-t), without overflow. */
static float sigmoid(const phinets_detector *d, int8_t q) {
  const int32_t steps = q - d->zero_point;
  if (steps >= 0) return 1.0f / (1.0f + d->powers[steps]);
  return d->powers[-steps] / (1.0f + d->powers[-steps]);
}

static float smaller(float a, float b) { return a < b ? a : b; }
static float larger(float a, float b) { return a > b ? a : b; }

static float intersection_over_union(const phinets_box *a, const phinets_box *b) {
  const float width = smaller(a->x + a->width, b->x + b->width) - larger(a->x, b->x);
  const float height = smaller(a->y + a->height, b->y + b->height) - larger(a->y, b->y);
  if (!(width > 0.0f) || !(height > 0.0f)) return 0.0f;
  const float both = width * height;
  return both / (a->width * a->height + b->width * b->height - both);
}

/* Puts a box into the list, best first, equal scores in order of arrival; a full list loses its worst. */
static int32_t insert(phinets_box *boxes, int32_t count, int32_t capacity, const phinets_box *box) {
  if (count == capacity && !(box->score > boxes[count - 1].score)) return count;
  int32_t i = count < capacity ? count++ : count - 1;
  for (; i > 0 && box->score > boxes[i - 1].score; i--) boxes[i] = boxes[i - 1];
  boxes[i] = *box;
  return count;
}

static void clip(phinets_box *box) {
  const float right = smaller(larger(box->x + box->width, 0.0f), 1.0f);
  const float bottom = smaller(larger(box->y + box->height, 0.0f), 1.0f);
  box->x = smaller(larger(box->x, 0.0f), 1.0f);
  box->y = smaller(larger(box->y, 0.0f), 1.0f);
  box->width = right - box->x;
  box->height = bottom - box->y;
}

/* All boxes above the threshold, before suppression. */
static int32_t decode(const phinets_detector *d, const int8_t *entry, float threshold, phinets_box *boxes,
                      int32_t capacity) {
  int32_t count = 0;
  for (int32_t cell = 0; cell < d->height * d->width; cell++) {
    for (int32_t a = 0; a < d->anchors; a++, entry += 5 + d->classes) {
      const float objectness = sigmoid(d, entry[4]);
      if (!(objectness > threshold)) continue;
      const int8_t *logits = entry + 5;
      int32_t best = 0;
      for (int32_t c = 1; c < d->classes; c++)
        if (logits[c] > logits[best]) best = c;
      float sum = 0.0f; /* softmax: e^(logit - largest logit) */
      for (int32_t c = 0; c < d->classes; c++) sum += d->powers[logits[best] - logits[c]];
      const float width = d->anchor_sizes[2 * a] * power(d, entry[2]) / (float)d->width;
      const float height = d->anchor_sizes[2 * a + 1] * power(d, entry[3]) / (float)d->height;
      if (!(width * height < largest_area)) continue; /* a network that diverged */
      const float x = (float)(cell % d->width) + d->centre_scale * sigmoid(d, entry[0]) - d->centre_shift;
      const float y = (float)(cell / d->width) + d->centre_scale * sigmoid(d, entry[1]) - d->centre_shift;
      for (int32_t c = 0; c < d->classes; c++) {
        const phinets_box box = {
            .x = x / (float)d->width - width / 2.0f,
            .y = y / (float)d->height - height / 2.0f,
            .width = width,
            .height = height,
            .score = objectness * d->powers[logits[best] - logits[c]] / sum,
            .class_index = c,
        };
        if (box.score > threshold) count = insert(boxes, count, capacity, &box);
      }
    }
  }
  return count;
}

int32_t phinets_detect(const phinets_detector *detector, const int8_t *map, float threshold, float iou_threshold,
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
  for (int32_t i = 0; i < kept; i++) clip(&boxes[i]);
  return kept;
}
