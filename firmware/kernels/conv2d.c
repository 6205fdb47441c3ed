/* General convolution, four filters at a time. Windows are clipped to the map: what padding adds is the zero point,
   whose product is zero. */
#include "output.h"

/* The taps of a window that lie inside the map. Along a kernel row, pixels and their channels are contiguous in the map
   and in the weights: `run` bytes of each of `rows` rows. */
typedef struct {
  const int8_t *input;
  int32_t weights; /* offset of the first tap in a filter */
  int32_t rows, run;
} window;

static window window_at(const phinets_convolution *layer, const int8_t *input, int32_t oy, int32_t ox) {
  const phinets_map in = layer->input;
  const int32_t height = layer->kernel_height, width = layer->kernel_width;
  const int32_t y = oy * layer->stride_y - layer->pad_top, x = ox * layer->stride_x - layer->pad_left;
  const int32_t top = y < 0 ? -y : 0, bottom = y + height > in.height ? in.height - y : height;
  const int32_t left = x < 0 ? -x : 0, right = x + width > in.width ? in.width - x : width;
  if (bottom <= top || right <= left) return (window){.rows = 0};
  return (window){
      .input = input + ((y + top) * in.width + x + left) * in.channels,
      .weights = (top * width + left) * in.channels,
      .rows = bottom - top,
      .run = (right - left) * in.channels,
  };
}

/* Outputs first..first+n-1 of row oy, n at most PHINETS_RUN, all filters. */
static void conv2d_tile(const phinets_convolution *layer, const int8_t *input, int32_t oy, int32_t first, int32_t n,
                 int8_t *output) {
  const phinets_requantization *r = &layer->requantization;
  const int32_t zero = layer->input_zero_point, filters = layer->output.channels;
  const int32_t input_row = layer->input.width * layer->input.channels;
  const int32_t weight_row = layer->kernel_width * layer->input.channels;
  const int32_t filter = layer->kernel_height * weight_row;
  int32_t sums[4][PHINETS_RUN];
  int32_t m = 0;
  for (; m + 4 <= filters; m += 4) {
    for (int32_t i = 0; i < n; i++) {
      const window v = window_at(layer, input, oy, first + i);
      const int8_t *p = v.input, *w = layer->weights + m * filter + v.weights;
      int32_t a = r->bias[m], b = r->bias[m + 1], c = r->bias[m + 2], d = r->bias[m + 3];
      for (int32_t ky = 0; ky < v.rows; ky++, p += input_row, w += weight_row) {
        const int8_t *u = w;
        for (int32_t k = 0; k < v.run; k++, u++) {
          const int32_t x = p[k] - zero;
          a += x * u[0], b += x * u[filter], c += x * u[2 * filter], d += x * u[3 * filter];
        }
      }
      sums[0][i] = a, sums[1][i] = b, sums[2][i] = c, sums[3][i] = d;
    }
    for (int32_t k = 0; k < 4; k++) phinets_quantize(r, m + k, sums[k], n, output + m + k, filters);
  }
  for (; m < filters; m++) {
    for (int32_t i = 0; i < n; i++) {
      const window v = window_at(layer, input, oy, first + i);
      const int8_t *p = v.input, *w = layer->weights + m * filter + v.weights;
      int32_t a = r->bias[m];
      for (int32_t ky = 0; ky < v.rows; ky++, p += input_row, w += weight_row)
        for (int32_t k = 0; k < v.run; k++) a += (p[k] - zero) * w[k];
      sums[0][i] = a;
    }
    phinets_quantize(r, m, sums[0], n, output + m, filters);
  }
}

void phinets_conv2d(const phinets_convolution *layer, const int8_t *input, int8_t *output) {
  const phinets_map out = layer->output;
  for (int32_t oy = 0; oy < out.height; oy++) {
    for (int32_t first = 0; first < out.width; first += PHINETS_RUN) {
      const int32_t n = out.width - first < PHINETS_RUN ? out.width - first : PHINETS_RUN;
      conv2d_tile(layer, input, oy, first, n, output);
      output += n * out.channels;
    }
  }
}
