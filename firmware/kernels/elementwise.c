/* Element-wise kernels, pooling, and those that only move bytes. Layers are copied to locals: an int8_t store may alias
   them, so that the compiler would have to read them again after each output. */
#include <string.h>

#include "phinets_kernels.h"
#include "requantize.h"

void phinets_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  const phinets_scaling first = layer->a, second = layer->b, result = layer->output;
  const int32_t unit = 1 << layer->left_shift;
  for (int32_t i = 0; i < size; i++) {
    const int32_t x = phinets_rescale((a[i] - first.zero_point) * unit, first.multiplier, first.shift);
    const int32_t y = phinets_rescale((b[i] - second.zero_point) * unit, second.multiplier, second.shift);
    const int32_t sum = phinets_rescale(x + y, result.multiplier, result.shift);
    output[i] = (int8_t)phinets_offset(sum, result.zero_point, result.shift);
  }
}

void phinets_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a, const int8_t *b,
                      int8_t *output) {
  const phinets_scaling result = layer->output;
  const int32_t a_zero = layer->a_zero_point, b_zero = layer->b_zero_point;
  for (int32_t p = 0; p < pixels; p++, a += channels, output += channels) {
    for (int32_t c = 0; c < channels; c++) {
      const int32_t product = phinets_rescale((a[c] - a_zero) * (b[c] - b_zero), result.multiplier, result.shift);
      output[c] = (int8_t)phinets_offset(product, result.zero_point, result.shift);
    }
  }
}

void phinets_lookup(const int8_t *table, int32_t size, const int8_t *input, int8_t *output) {
  table += 128;
  for (int32_t i = 0; i < size; i++) output[i] = table[input[i]];
}

void phinets_pad(phinets_map input, phinets_map output, int32_t top, int32_t left, int8_t value, const int8_t *in,
                 int8_t *out) {
  const int32_t row = input.width * input.channels;
  memset(out, value, (size_t)(output.height * output.width * output.channels));
  out += (top * output.width + left) * output.channels;
  for (int32_t y = 0; y < input.height; y++, in += row, out += output.width * output.channels)
    memcpy(out, in, (size_t)row);
}

void phinets_mean(const phinets_average *layer, const int8_t *input, int8_t *output) {
  const phinets_scaling result = layer->output;
  const int32_t channels = layer->input.channels, pixels = layer->input.height * layer->input.width;
  const int32_t offset = pixels * layer->input_zero_point;
  for (int32_t c = 0; c < channels; c++) {
    int32_t sum = -offset;
    const int8_t *p = input + c;
    for (int32_t i = 0; i < pixels; i++, p += channels) sum += *p;
    const int32_t mean = phinets_rescale(sum, result.multiplier, result.shift);
    output[c] = (int8_t)phinets_offset(mean, result.zero_point, result.shift);
  }
}

void phinets_max_pool(phinets_map input, phinets_map output, int32_t size, int32_t stride, const int8_t *in,
                      int8_t *out) {
  const int32_t channels = input.channels, row = input.width * channels;
  for (int32_t y = 0; y < output.height; y++) {
    for (int32_t x = 0; x < output.width; x++) {
      const int8_t *window = in + (y * stride * input.width + x * stride) * channels;
      for (int32_t c = 0; c < channels; c++, window++) {
        int32_t largest = -128;
        for (int32_t ky = 0; ky < size; ky++)
          for (int32_t kx = 0; kx < size; kx++) {
            const int32_t v = window[ky * row + kx * channels];
            if (v > largest) largest = v;
          }
        *out++ = (int8_t)largest;
      }
    }
  }
}
