#include "phinets_double.h" /* first */

#include "decode.h"

int32_t phinets_decode_yolov2(const phinets_detector *d, const int8_t *output, double threshold, phinets_box *boxes,
                              int32_t capacity) {
  const phinets_level *level = d->levels;
  const phinets_output_map *map = &level->boxes;
  const int32_t least = phinets_least_above(map, threshold);
  const int8_t *entry = output + map->offset;
  int32_t count = 0;
  for (int32_t cell = 0; cell < level->height * level->width; cell++) {
    for (int32_t a = 0; a < level->anchors; a++, entry += 5 + d->classes) {
      if (entry[4] < least) continue;
      const double objectness = phinets_sigmoid(map, entry[4]);
      const int8_t *logits = entry + 5;
      int32_t best = 0;
      for (int32_t c = 1; c < d->classes; c++)
        if (logits[c] > logits[best]) best = c;
      double sum = 0.0; /* softmax: e^(logit - largest logit) */
      for (int32_t c = 0; c < d->classes; c++) sum += map->powers[logits[c] - logits[best]];
      const double x = phinets_sigmoid(map, entry[0]), y = phinets_sigmoid(map, entry[1]);
      phinets_box box = {
          .x = ((double)(cell % level->width) + d->centre_scale * x - d->centre_shift) / level->width,
          .y = ((double)(cell / level->width) + d->centre_scale * y - d->centre_shift) / level->height,
          .width = level->anchor_sizes[2 * a] * map->powers[entry[2] - map->zero_point] / level->width,
          .height = level->anchor_sizes[2 * a + 1] * map->powers[entry[3] - map->zero_point] / level->height,
      };
      const double area = box.width * box.height;
      if (area - area != 0.0) continue; /* not finite, as of a network that diverged */
      for (int32_t c = 0; c < d->classes; c++) {
        box.score = objectness * map->powers[logits[c] - logits[best]] / sum;
        box.class_index = c;
        if (box.score > threshold) count = phinets_insert(boxes, count, capacity, &box);
      }
    }
  }
  return count;
}
