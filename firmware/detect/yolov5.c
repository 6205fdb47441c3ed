#include "phinets_double.h" /* first */

#include "decode.h"

static double doubled_squared(const phinets_output_map *map, int32_t q) {
  const double twice = 2.0 * phinets_sigmoid(map, q);
  return twice * twice;
}

static int32_t decode_level(const phinets_detector *d, const phinets_level *level, const int8_t *output,
                            double threshold, phinets_box *boxes, int32_t count, int32_t capacity) {
  const phinets_output_map *map = &level->boxes;
  const int32_t least = phinets_least_above(map, threshold);
  const int8_t *entry = output + map->offset;
  for (int32_t cell = 0; cell < level->height * level->width; cell++) {
    for (int32_t a = 0; a < level->anchors; a++, entry += 5 + d->classes) {
      if (entry[4] < least) continue; /* no score exceeds the objectness */
      const double objectness = phinets_sigmoid(map, entry[4]);
      const double x = phinets_sigmoid(map, entry[0]), y = phinets_sigmoid(map, entry[1]);
      phinets_box box = {
          .x = ((double)(cell % level->width) + d->centre_scale * x - d->centre_shift) / level->width,
          .y = ((double)(cell / level->width) + d->centre_scale * y - d->centre_shift) / level->height,
          .width = level->anchor_sizes[2 * a] * doubled_squared(map, entry[2]) / d->input_width,
          .height = level->anchor_sizes[2 * a + 1] * doubled_squared(map, entry[3]) / d->input_height,
      };
      for (int32_t c = 0; c < d->classes; c++) {
        box.score = objectness * phinets_sigmoid(map, entry[5 + c]);
        box.class_index = c;
        if (box.score > threshold) count = phinets_insert(boxes, count, capacity, &box);
      }
    }
  }
  return count;
}

int32_t phinets_decode_yolov5(const phinets_detector *d, const int8_t *output, double threshold, phinets_box *boxes,
                              int32_t capacity) {
  int32_t count = 0;
  for (int32_t i = 0; i < d->level_count; i++)
    count = decode_level(d, &d->levels[i], output, threshold, boxes, count, capacity);
  return count;
}
