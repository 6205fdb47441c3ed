/*
 * Depthwise layers with any window on nhwc rows: for windows that the kernels on planes do not support, and for maps of
 * a few pixels, whose planes would be mostly padding. For cores with the DSP extension, the loop is in
 * dsp_depthwise_nhwc.S; this file has the same in C. Arithmetic: TensorFlow Lite Micro's DepthwiseConvPerChannel
 * (tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h).
 */
#include "dsp_instructions.h"
#include "phinets_dsp.h"

#if defined(__ARM_FEATURE_DSP)

/* Arguments of the assembly; it depends on the order. */
typedef struct {
  const uint32_t *taps; /* addresses of the window's pixels, then 0 */
  const void *weights;
  const phinets_dsp_channel *constants;
  int32_t zero_point;
  const int8_t *table;
  int32_t last; /* first channel of the last group of four */
  int8_t *output;
  int32_t odd; /* 1 if the number of taps is odd */
} call;

void phinets_dsp_depthwise_pixel(const call *c);

PHINETS_DSP_FAST void phinets_dsp_depthwise_nhwc(const phinets_dsp_taps *layer, const int8_t *const *rows, int8_t *output,
                                                 void *scratch) {
  const int32_t channels = layer->channels, taps = layer->kernel_height * layer->kernel_width;
  uint32_t *const addresses = scratch;
  int8_t *const outside = (int8_t *)(addresses + taps + 2); /* a pixel of the zero point */
  call c;
  memset(outside, layer->input_zero_point, (size_t)((channels + 3) & ~3));
  addresses[taps] = addresses[taps + 1] = 0;
  c.taps = addresses;
  c.weights = layer->weights;
  c.constants = layer->constants;
  c.zero_point = layer->zero_point;
  c.table = layer->table;
  c.last = channels - 4;
  c.output = output;
  c.odd = taps & 1;
  int32_t first = -layer->pad_left;
  for (int32_t x = 0; x < layer->width; x++, first += layer->stride_x, c.output += channels) {
    uint32_t *address = addresses;
    for (int32_t r = 0; r < layer->kernel_height; r++) {
      uint32_t pixel = (uint32_t)(uintptr_t)rows[r] + (uint32_t)(first * channels);
      for (int32_t column = first; column < first + layer->kernel_width; column++, pixel += (uint32_t)channels) {
        const int inside = rows[r] && column >= 0 && column < layer->input_width;
        *address++ = inside ? pixel : (uint32_t)(uintptr_t)outside;
      }
    }
    phinets_dsp_depthwise_pixel(&c);
  }
}

#else

/* Channels c..c+3 of pixel x. */
static void four_channels(const phinets_dsp_taps *layer, const int8_t *const *rows, int32_t x, int32_t c,
                          const int32_t *weights, int8_t *output) {
  const phinets_dsp_channel *constants = layer->constants + c;
  int32_t sums[4] = {constants[0].bias, constants[1].bias, constants[2].bias, constants[3].bias};
  for (int32_t r = 0; r < layer->kernel_height; r++)
    for (int32_t k = 0; k < layer->kernel_width; k++, weights += 2) {
      const int32_t column = x * layer->stride_x - layer->pad_left + k;
      const int inside = rows[r] && column >= 0 && column < layer->input_width;
      int32_t pixel;
      if (inside) pixel = phinets_word(rows[r] + column * layer->channels + c);
      else memset(&pixel, layer->input_zero_point, sizeof pixel);
      const int32_t even = phinets_sxtb16(pixel), odd = phinets_sxtb16_8(pixel);
      sums[0] = phinets_smlabb(even, weights[0], sums[0]);
      sums[1] = phinets_smlabb(odd, weights[1], sums[1]);
      sums[2] = phinets_smlatt(even, weights[0], sums[2]);
      sums[3] = phinets_smlatt(odd, weights[1], sums[3]);
    }
  for (int32_t i = 0; i < 4; i++, constants++) {
    const int32_t q = phinets_dsp_quantize(sums[i], constants->multiplier, constants->power, layer->zero_point);
    output[i] = layer->table ? layer->table[q] : (int8_t)q;
  }
}

void phinets_dsp_depthwise_nhwc(const phinets_dsp_taps *layer, const int8_t *const *rows, int8_t *output,
                                void *scratch) {
  const int32_t channels = layer->channels, last = channels - 4;
  const int32_t four_words = 2 * layer->kernel_height * layer->kernel_width;
  (void)scratch;
  for (int32_t x = 0; x < layer->width; x++, output += channels) {
    const int32_t *weights = layer->weights;
    for (int32_t next = 0; next < channels; next += 4, weights += four_words) {
      const int32_t c = next < last ? next : last;
      four_channels(layer, rows, x, c, weights, output + c);
    }
  }
}

#endif
