/* Resizing of maps: nearest neighbour and bilinear. */
#include "speed.h" /* first */

#include <string.h>

#include "phinets_kernels.h"

void phinets_resize_nearest_row(int32_t width, int32_t channels, const phinets_tap *columns, const int8_t *row,
                                int8_t *output) {
  for (int32_t x = 0; x < width; x++, output += channels)
    memcpy(output, row + columns[x].lower * channels, (size_t)channels);
}

void phinets_resize_bilinear_row(int32_t width, int32_t channels, const phinets_tap *columns, const int8_t *const *rows,
                                 int32_t weight, int8_t *output) {
  const int32_t above = 1024 - weight;
  for (int32_t x = 0; x < width; x++, columns++) {
    const int32_t a = columns->lower * channels, b = columns->upper * channels;
    const int32_t right = columns->weight, left = 1024 - right;
    for (int32_t c = 0; c < channels; c++) {
      const int32_t first = rows[0][a + c] * left + rows[0][b + c] * right;
      const int32_t second = rows[1][a + c] * left + rows[1][b + c] * right;
      const int32_t sum = first * above + second * weight;
      *output++ = (int8_t)((sum > 0 ? sum + (1 << 19) : sum - (1 << 19)) / (1 << 20));
    }
  }
}
