#include "reference.h"

int32_t reference_rescale(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  /* gemmlowp's SaturatingRoundingDoublingHighMul. An overflowing left shift wraps around, as on the machines on which
     TensorFlow Lite runs. */
  const int64_t product = (int64_t)(int32_t)((uint32_t)x << left) * multiplier;
  const int64_t nudge = product >= 0 ? 1 << 30 : 1 - (1 << 30);
  const int32_t high = (int32_t)((product + nudge) / ((int64_t)1 << 31));
  /* gemmlowp's RoundingDivideByPOT. */
  const int32_t mask = (int32_t)((1u << right) - 1u);
  const int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> right) + ((high & mask) > threshold ? 1 : 0);
}

static int8_t saturated(int64_t x) { return (int8_t)(x < -128 ? -128 : x > 127 ? 127 : x); }

static int8_t quantized(const phinets_requantization *r, int32_t channel, int32_t sum) {
  const int64_t scaled = reference_rescale(sum, r->multiplier[channel], r->shift[channel]);
  const int8_t q = saturated(scaled + r->zero_point);
  return r->table ? r->table[q + 128] : q;
}

void reference_convolution(const phinets_convolution *layer, int depthwise, const int8_t *input, int8_t *output) {
  const phinets_map in = layer->input, out = layer->output;
  const int32_t channels = depthwise ? 1 : in.channels;
  for (int32_t y = 0; y < out.height; y++)
    for (int32_t x = 0; x < out.width; x++)
      for (int32_t m = 0; m < out.channels; m++) {
        int32_t sum = layer->requantization.bias[m];
        for (int32_t i = 0; i < layer->kernel_height; i++)
          for (int32_t j = 0; j < layer->kernel_width; j++) {
            const int32_t row = y * layer->stride_y - layer->pad_top + i;
            const int32_t column = x * layer->stride_x - layer->pad_left + j;
            if (row < 0 || row >= in.height || column < 0 || column >= in.width) continue;
            const int8_t *pixel = input + (row * in.width + column) * in.channels + (depthwise ? m : 0);
            const int8_t *weights =
                layer->weights + ((m * layer->kernel_height + i) * layer->kernel_width + j) * channels;
            for (int32_t k = 0; k < channels; k++) sum += weights[k] * (pixel[k] - layer->input_zero_point);
          }
        *output++ = quantized(&layer->requantization, m, sum);
      }
}

void reference_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  for (int32_t i = 0; i < size; i++) {
    const int32_t unit = 1 << layer->left_shift;
    const int32_t x = reference_rescale((a[i] - layer->a.zero_point) * unit, layer->a.multiplier, layer->a.shift);
    const int32_t y = reference_rescale((b[i] - layer->b.zero_point) * unit, layer->b.multiplier, layer->b.shift);
    const int64_t sum = reference_rescale(x + y, layer->output.multiplier, layer->output.shift);
    output[i] = saturated(sum + layer->output.zero_point);
  }
}

void reference_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a,
                        const int8_t *b, int8_t *output) {
  for (int32_t i = 0; i < pixels * channels; i++) {
    const int32_t product = (a[i] - layer->a_zero_point) * (b[i % channels] - layer->b_zero_point);
    const int64_t scaled = reference_rescale(product, layer->output.multiplier, layer->output.shift);
    output[i] = saturated(scaled + layer->output.zero_point);
  }
}

void reference_mean(const phinets_average *layer, const int8_t *input, int8_t *output) {
  const int32_t pixels = layer->input.height * layer->input.width, channels = layer->input.channels;
  for (int32_t c = 0; c < channels; c++) {
    int32_t sum = 0;
    for (int32_t i = 0; i < pixels; i++) sum += input[i * channels + c] - layer->input_zero_point;
    const int64_t scaled = reference_rescale(sum, layer->output.multiplier, layer->output.shift);
    output[c] = saturated(scaled + layer->output.zero_point);
  }
}

void reference_max_pool(phinets_map input, phinets_map output, int32_t size, int32_t stride, const int8_t *in,
                        int8_t *out) {
  for (int32_t y = 0; y < output.height; y++)
    for (int32_t x = 0; x < output.width; x++)
      for (int32_t c = 0; c < output.channels; c++) {
        int8_t most = -128;
        for (int32_t i = 0; i < size; i++)
          for (int32_t j = 0; j < size; j++) {
            const int8_t value = in[((y * stride + i) * input.width + x * stride + j) * input.channels + c];
            if (value > most) most = value;
          }
        *out++ = most;
      }
}
