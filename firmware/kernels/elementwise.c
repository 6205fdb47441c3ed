/* Element-wise kernels, pooling, and kernels that only move bytes. They copy the parameters of a layer to local
   variables: an int8_t store may alias the struct, so the compiler would have to reload them after each output. */
#include "speed.h" /* first */

#include <string.h>

#include "armv6m.h"
#include "output.h"

void phinets_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
#if defined(PHINETS_ARMV6M)
  if (phinets_armv6m_add(layer, size, a, b, output)) return;
#endif
  const phinets_scaling first = layer->a, second = layer->b, result = layer->output;
  const int32_t unit = 1 << layer->left_shift;
  for (int32_t i = 0; i < size; i++) output[i] = (int8_t)phinets_sum_of(first, second, result, unit, a[i], b[i]);
}

void phinets_subtract(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  const phinets_scaling first = layer->a, second = layer->b, result = layer->output;
  const int32_t unit = 1 << layer->left_shift;
  for (int32_t i = 0; i < size; i++)
    output[i] = (int8_t)phinets_difference_of(first, second, result, unit, a[i], b[i]);
}

void phinets_maximum(int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  for (int32_t i = 0; i < size; i++) output[i] = a[i] > b[i] ? a[i] : b[i];
}

void phinets_minimum(int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  for (int32_t i = 0; i < size; i++) output[i] = a[i] < b[i] ? a[i] : b[i];
}

void phinets_repeat_row(int32_t width, int32_t channels, int32_t pixel, int32_t channel, const int8_t *in, int8_t *out) {
  /* A pixel has few bytes: calling memcpy or memset for each would take longer. */
  for (int32_t x = 0; x < width; x++, in += pixel) {
    const int8_t *from = in;
    for (int32_t c = channels; c > 0; c--, from += channel) *out++ = *from;
  }
}

void phinets_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a, const int8_t *b,
                      int8_t *output) {
#if defined(PHINETS_ARMV6M)
  if (phinets_armv6m_multiply(layer, pixels, channels, a, b, output)) return;
#endif
  const phinets_scaling result = layer->output;
  const int32_t a_zero = layer->a_zero_point, b_zero = layer->b_zero_point;
  for (int32_t p = 0; p < pixels; p++, a += channels, output += channels)
    for (int32_t c = 0; c < channels; c++) output[c] = (int8_t)phinets_product_of(a_zero, b_zero, result, a[c], b[c]);
}

void phinets_lookup(const int8_t *table, int32_t size, const int8_t *input, int8_t *output) {
  table += 128;
  for (; size >= 4; size -= 4, input += 4, output += 4) {
    output[0] = table[input[0]];
    output[1] = table[input[1]];
    output[2] = table[input[2]];
    output[3] = table[input[3]];
  }
  for (; size > 0; size--) *output++ = table[*input++];
}

void phinets_pad_row(phinets_map input, phinets_map output, int32_t left, int8_t value, const int8_t *in, int8_t *out) {
  const int32_t row = input.width * input.channels, all = output.width * output.channels;
  const int32_t before = in == NULL ? all : left * input.channels;
  memset(out, value, (size_t)before);
  if (in == NULL) return;
  memcpy(out + before, in, (size_t)row);
  memset(out + before + row, value, (size_t)(all - before - row));
}

void phinets_copy_pixels(int32_t pixels, int32_t bytes, const int8_t *in, int32_t in_pitch, int8_t *out,
                         int32_t out_pitch) {
  for (; pixels > 0; pixels--, in += in_pitch, out += out_pitch) memcpy(out, in, (size_t)bytes);
}

void phinets_sum_row(const phinets_average *layer, int first, const int8_t *row, int32_t *sums) {
  const int32_t channels = layer->input.channels, pixels = layer->input.width;
  if (first) memset(sums, 0, (size_t)channels * sizeof *sums);
  int32_t i = pixels;
  for (; i >= 4; i -= 4, row += 4 * channels) {
    const int8_t *b = row + channels, *c = b + channels, *d = c + channels;
    for (int32_t k = 0; k < channels; k++) sums[k] += row[k] + b[k] + c[k] + d[k];
  }
  for (; i > 0; i--, row += channels)
    for (int32_t k = 0; k < channels; k++) sums[k] += row[k];
}

void phinets_mean_end(const phinets_average *layer, const int32_t *sums, int8_t *output) {
  const phinets_scaling result = layer->output;
  const int32_t channels = layer->input.channels;
  const int32_t offset = layer->input.height * layer->input.width * layer->input_zero_point;
  for (int32_t c = 0; c < channels; c++) {
    const int32_t mean = phinets_rescale(sums[c] - offset, result.multiplier, result.shift);
    output[c] = (int8_t)phinets_offset(mean, result.zero_point, result.shift);
  }
}

void phinets_max_pool_row(phinets_map input, phinets_map output, int32_t size, const int8_t *const *rows,
                          int32_t stride, int8_t *out) {
  const int32_t channels = input.channels;
  for (int32_t x = 0; x < output.width; x++) {
    const int32_t first = x * stride * channels;
    for (int32_t c = 0; c < channels; c++) {
      int32_t largest = -128;
      for (int32_t ky = 0; ky < size; ky++) {
        const int8_t *p = rows[ky] + first + c;
        for (int32_t kx = 0; kx < size; kx++, p += channels)
          if (*p > largest) largest = *p;
      }
      *out++ = (int8_t)largest;
    }
  }
}
