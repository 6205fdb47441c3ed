/* Grouped convolution, one filter at a time. Few networks have it, so it is not optimised further. */
#include "speed.h" /* first */

#include "output.h"

void phinets_grouped_row(const phinets_convolution *layer, int32_t groups, const int8_t *const *rows, int8_t *output) {
  const phinets_requantization *r = &layer->requantization;
  const int32_t channels = layer->input.channels, filters = layer->output.channels, out_width = layer->output.width;
  const int32_t own = channels / groups, of_group = filters / groups, zero = layer->input_zero_point;
  int32_t sums[PHINETS_RUN];
  for (int32_t first = 0; first < out_width; first += PHINETS_RUN) {
    const int32_t n = out_width - first < PHINETS_RUN ? out_width - first : PHINETS_RUN;
    for (int32_t f = 0; f < filters; f++) {
      const int32_t base = f / of_group * own;
      for (int32_t i = 0; i < n; i++) {
        const int8_t *w = layer->weights + f * layer->kernel_height * layer->kernel_width * own;
        const int32_t left = (first + i) * layer->stride_x - layer->pad_left;
        int32_t sum = r->bias[f];
        for (int32_t ky = 0; ky < layer->kernel_height; ky++) {
          for (int32_t x = left; x < left + layer->kernel_width; x++, w += own) {
            if (rows[ky] == NULL || x < 0 || x >= layer->input.width) continue;
            const int8_t *p = rows[ky] + x * channels + base;
            for (int32_t c = 0; c < own; c++) sum += (p[c] - zero) * w[c];
          }
        }
        sums[i] = sum;
      }
      phinets_quantize(r, f, sums, n, output + f, filters);
    }
    output += n * filters;
  }
}
