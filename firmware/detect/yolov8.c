#include "phinets_double.h" /* first */

#include "decode.h"

/* Mean, in cells, of a distribution over 0, 1, ..., bins - 1, given as logits; with one bin the dequantised value. */
static double distance(const phinets_output_map *map, const int8_t *logits, int32_t bins) {
  if (bins == 1) return map->scale * (double)(logits[0] - map->zero_point);
  int32_t most = logits[0];
  for (int32_t bin = 1; bin < bins; bin++)
    if (logits[bin] > most) most = logits[bin];
  double sum = 0.0, weighted = 0.0;
  for (int32_t bin = 0; bin < bins; bin++) {
    const double share = map->powers[logits[bin] - most];
    sum += share;
    weighted += (double)bin * share;
  }
  return weighted / sum;
}

static int32_t decode_level(const phinets_detector *d, const phinets_level *level, const int8_t *output,
                            double threshold, phinets_box *boxes, int32_t count, int32_t capacity) {
  const phinets_output_map *map = &level->boxes;
  const int32_t least = phinets_least_above(&level->scores, threshold);
  const int8_t *logits = output + level->scores.offset;
  const int8_t *sides = output + map->offset;
  for (int32_t cell = 0; cell < level->height * level->width; cell++) {
    int32_t best = logits[0];
    for (int32_t c = 1; c < d->classes; c++)
      if (logits[c] > best) best = logits[c];
    if (best >= least) {
      const double left = distance(map, sides, d->bins), top = distance(map, sides + d->bins, d->bins);
      const double right = distance(map, sides + 2 * d->bins, d->bins);
      const double bottom = distance(map, sides + 3 * d->bins, d->bins);
      phinets_box box = {
          .x = ((double)(cell % level->width) + 0.5 + (right - left) / 2.0) / level->width,
          .y = ((double)(cell / level->width) + 0.5 + (bottom - top) / 2.0) / level->height,
          .width = (left + right) / level->width,
          .height = (top + bottom) / level->height,
      };
      for (int32_t c = 0; c < d->classes; c++) {
        if (logits[c] < least) continue;
        box.score = phinets_sigmoid(&level->scores, logits[c]);
        box.class_index = c;
        count = phinets_insert(boxes, count, capacity, &box);
      }
    }
    logits += level->scores.channels;
    sides += map->channels;
  }
  return count;
}

int32_t phinets_decode_yolov8(const phinets_detector *d, const int8_t *output, double threshold, phinets_box *boxes,
                              int32_t capacity) {
  int32_t count = 0;
  for (int32_t i = 0; i < d->level_count; i++)
    count = decode_level(d, &d->levels[i], output, threshold, boxes, count, capacity);
  return count;
}
