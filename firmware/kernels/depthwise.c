/*
 * Depthwise convolution, one channel of one row at a time. Windows that reach over the top or bottom border lose rows
 * of taps; those over the left or right border are computed tap by tap. What padding adds is the zero point, whose
 * product is zero.
 */
#include "output.h"

/* Taps top..bottom-1 of each column lie inside the map; a row of the map is `row` bytes, a pixel `pixel` bytes. */
typedef struct {
  int32_t top, bottom, row, pixel, zero_point, kernel_width;
} window;

/* One window, columns left..right-1. `offset` is where its first tap is or would be: only taps inside the map are
   read. */
static int32_t window_sum(const window *v, const int8_t *w, const int8_t *input, int32_t offset, int32_t left,
                          int32_t right) {
  int32_t sum = 0;
  for (int32_t ky = v->top; ky < v->bottom; ky++) {
    const int8_t *p = input + (offset + ky * v->row + left * v->pixel);
    for (int32_t kx = left; kx < right; kx++, p += v->pixel) sum += (*p - v->zero_point) * w[ky * v->kernel_width + kx];
  }
  return sum;
}

/* Adds one kernel row of three taps to n neighbouring windows. */
static void add_row_of_3(int32_t *sums, int32_t n, const int8_t *p, int32_t pixel, int32_t stride, const int8_t *w) {
  const int32_t w0 = w[0], w1 = w[1], w2 = w[2];
  if (stride == 1) { /* neighbouring windows share two of their three pixels, which stay in registers */
    int32_t a = p[0], b = p[pixel], c;
    p += 2 * pixel;
    for (; n >= 3; n -= 3, sums += 3) {
      c = *p, p += pixel;
      sums[0] = sums[0] + a * w0 + b * w1 + c * w2;
      a = *p, p += pixel;
      sums[1] = sums[1] + b * w0 + c * w1 + a * w2;
      b = *p, p += pixel;
      sums[2] = sums[2] + c * w0 + a * w1 + b * w2;
    }
    for (; n > 0; n--, p += pixel) {
      c = *p;
      *sums++ += a * w0 + b * w1 + c * w2;
      a = b, b = c;
    }
  } else {
    for (; n > 0; n--, p += stride * pixel, sums++) *sums = *sums + p[0] * w0 + p[pixel] * w1 + p[2 * pixel] * w2;
  }
}

/* n neighbouring windows three taps wide, inside the map's width. The zero point is taken out of the bias, once. */
static void windows_of_3(const window *v, const int8_t *w, int32_t bias, const int8_t *input, int32_t offset,
                         int32_t stride, int32_t n, int32_t *sums) {
  int32_t weights = 0;
  for (int32_t k = 3 * v->top; k < 3 * v->bottom; k++) weights += w[k];
  bias -= v->zero_point * weights;
  for (int32_t i = 0; i < n; i++) sums[i] = bias;
  for (int32_t ky = v->top; ky < v->bottom; ky++)
    add_row_of_3(sums, n, input + (offset + ky * v->row), v->pixel, stride, w + 3 * ky);
}

/* Outputs first..first+n-1 of one row, n at most PHINETS_RUN, all channels. `offset` is where the row's first window
   starts in the input. */
static void depthwise_tile(const phinets_convolution *layer, const window *v, const int8_t *input, int32_t offset,
                           int32_t first, int32_t n, int8_t *output) {
  const phinets_requantization *r = &layer->requantization;
  const int32_t channels = layer->input.channels, width = layer->input.width, stride = layer->stride_x;
  const int32_t taps = layer->kernel_height * layer->kernel_width;
  int32_t sums[PHINETS_RUN];
  const int8_t *w = layer->weights;
  for (int32_t c = 0; c < channels; c++, w += taps) {
    for (int32_t i = 0; i < n;) {
      const int32_t x = (first + i) * stride - layer->pad_left;
      const int32_t room = width - layer->kernel_width - x; /* pixels that the window can move to the right */
      const int32_t at = offset + x * channels + c;
      if (x >= 0 && room >= 0 && v->kernel_width == 3 && v->top < v->bottom) {
        const int32_t inside = room / stride + 1 < n - i ? room / stride + 1 : n - i;
        windows_of_3(v, w, r->bias[c], input, at, stride, inside, sums + i);
        i += inside;
      } else {
        const int32_t left = x < 0 ? -x : 0, right = room < 0 ? v->kernel_width + room : v->kernel_width;
        sums[i++] = r->bias[c] + window_sum(v, w, input, at, left, right);
      }
    }
    phinets_quantize(r, c, sums, n, output + c, channels);
  }
}

void phinets_depthwise(const phinets_convolution *layer, const int8_t *input, int8_t *output) {
  const phinets_map in = layer->input, out = layer->output;
  window v = {.row = in.width * in.channels,
              .pixel = in.channels,
              .zero_point = layer->input_zero_point,
              .kernel_width = layer->kernel_width};
  for (int32_t oy = 0; oy < out.height; oy++) {
    const int32_t y = oy * layer->stride_y - layer->pad_top;
    v.top = y < 0 ? -y : 0;
    v.bottom = y + layer->kernel_height > in.height ? in.height - y : layer->kernel_height;
    for (int32_t first = 0; first < out.width; first += PHINETS_RUN) {
      const int32_t n = out.width - first < PHINETS_RUN ? out.width - first : PHINETS_RUN;
      depthwise_tile(layer, &v, input, y * v.row, first, n, output);
      output += n * in.channels;
    }
  }
}
