/* Element-wise kernels, pooling, and those that only move bytes. Layers are copied to locals: an int8_t store may alias
   them, so that the compiler would have to read them again after each output. */
#include <string.h>

#include "phinets_kernels.h"
#include "requantize.h"

static inline int32_t shifted(const phinets_operand *s, int32_t left_shift, int8_t q) {
  return phinets_rescale((int32_t)((uint32_t)(q - s->zero_point) << left_shift), s->multiplier, s->shift);
}

/* Clamped before the zero point is added: no overflow is possible. */
static inline int8_t quantize(const phinets_result *r, int32_t x) {
  x = phinets_rescale(x, r->multiplier, r->shift);
  return (int8_t)(phinets_clamp(x, r->lowest - r->zero_point, r->highest - r->zero_point) + r->zero_point);
}

void phinets_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  const phinets_addition l = *layer;
  for (int32_t i = 0; i < size; i++) {
    const int32_t sum = shifted(&l.a, l.left_shift, a[i]) + shifted(&l.b, l.left_shift, b[i]);
    output[i] = quantize(&l.output, sum);
  }
}

void phinets_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a, const int8_t *b,
                      int8_t *output) {
  const phinets_product l = *layer;
  for (int32_t p = 0; p < pixels; p++, a += channels, output += channels) {
    for (int32_t c = 0; c < channels; c++) {
      const int32_t product = (a[c] - l.a_zero_point) * (b[c] - l.b_zero_point);
      output[c] = quantize(&l.output, product);
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
  const phinets_average l = *layer;
  const int32_t channels = l.input.channels, pixels = l.input.height * l.input.width;
  for (int32_t c = 0; c < channels; c++) {
    int32_t sum = -pixels * l.input_zero_point;
    const int8_t *p = input + c;
    for (int32_t i = 0; i < pixels; i++, p += channels) sum += *p;
    output[c] = quantize(&l.output, sum);
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
