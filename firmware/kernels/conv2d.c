/* General convolution. Windows are clipped to the map: what padding adds is the zero point, whose product is zero. */
#include "output.h"

static inline int8_t quantize(const phinets_requantization *r, int32_t c, int32_t accumulator) {
  const phinets_channel channel = phinets_channel_of(r, c);
  return phinets_quantize(&channel, accumulator);
}

void phinets_conv2d(const phinets_convolution *layer, const int8_t *input, int8_t *output) {
  const phinets_requantization *r = &layer->requantization;
  const phinets_map in = layer->input, out = layer->output;
  const int32_t zero = layer->input_zero_point;
  const int32_t row = layer->kernel_width * in.channels; /* weights of one kernel row */
  const int32_t filter = layer->kernel_height * row;
  for (int32_t oy = 0; oy < out.height; oy++) {
    const int32_t y = oy * layer->stride_y - layer->pad_top;
    const int32_t top = y < 0 ? -y : 0;
    const int32_t bottom = y + layer->kernel_height > in.height ? in.height - y : layer->kernel_height;
    for (int32_t ox = 0; ox < out.width; ox++) {
      const int32_t x = ox * layer->stride_x - layer->pad_left;
      const int32_t left = x < 0 ? -x : 0;
      const int32_t right = x + layer->kernel_width > in.width ? in.width - x : layer->kernel_width;
      /* Along a kernel row, pixels and their channels are contiguous in the map and in the weights. */
      const int32_t run = right > left ? (right - left) * in.channels : 0;
      int32_t m = 0;
      for (; m + 4 <= out.channels; m += 4) {
        int32_t a = r->bias[m], b = r->bias[m + 1], c = r->bias[m + 2], d = r->bias[m + 3];
        for (int32_t ky = top; ky < bottom; ky++) {
          const int8_t *p = input + ((y + ky) * in.width + x + left) * in.channels;
          const int8_t *w = layer->weights + m * filter + ky * row + left * in.channels;
          for (int32_t k = 0; k < run; k++, w++) {
            const int32_t v = p[k] - zero;
            a += v * w[0], b += v * w[filter], c += v * w[2 * filter], d += v * w[3 * filter];
          }
        }
        output[m] = quantize(r, m, a);
        output[m + 1] = quantize(r, m + 1, b);
        output[m + 2] = quantize(r, m + 2, c);
        output[m + 3] = quantize(r, m + 3, d);
      }
      for (; m < out.channels; m++) {
        int32_t a = r->bias[m];
        for (int32_t ky = top; ky < bottom; ky++) {
          const int8_t *p = input + ((y + ky) * in.width + x + left) * in.channels;
          const int8_t *w = layer->weights + m * filter + ky * row + left * in.channels;
          for (int32_t k = 0; k < run; k++) a += (p[k] - zero) * w[k];
        }
        output[m] = quantize(r, m, a);
      }
      output += out.channels;
    }
  }
}
