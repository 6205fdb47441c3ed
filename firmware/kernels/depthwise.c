/*
 * Depthwise convolution, one channel of one row at a time. Windows that cross the top or bottom border skip the rows of
 * taps outside the map; those that cross the left or right border are computed tap by tap. Padding holds the zero point
 * and contributes nothing to a sum.
 */
#include "speed.h" /* first */

#include "armv6m.h"
#include "output.h"

/* Kernel rows top..bottom-1 lie inside the map; neighbouring pixels are `pixel` bytes apart. */
typedef struct {
  const int8_t *const *rows;
  int32_t top, bottom, pixel, zero_point, kernel_width;
} window;

/* Sum of columns left..right-1 of one window. `offset` is the position of column 0 in a row, which may be outside the
   map; only the given columns are read. */
static int32_t window_sum(const window *v, const int8_t *w, int32_t offset, int32_t left, int32_t right) {
  int32_t sum = 0;
  for (int32_t ky = v->top; ky < v->bottom; ky++) {
    const int8_t *p = v->rows[ky] + (offset + left * v->pixel);
    for (int32_t kx = left; kx < right; kx++, p += v->pixel) sum += (*p - v->zero_point) * w[ky * v->kernel_width + kx];
  }
  return sum;
}

/* Adds one kernel row of three taps to the sums of n neighbouring windows. */
static void add_row_of_3(int32_t *sums, int32_t n, const int8_t *p, int32_t pixel, int32_t stride, const int8_t *w) {
  const int32_t w0 = w[0], w1 = w[1], w2 = w[2];
  if (stride == 1) { /* neighbouring windows share two of three pixels, which stay in registers */
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

/* Sums of n neighbouring windows three taps wide, inside the width of the map. The zero point is folded into the bias
   once. */
static void windows_of_3(const window *v, const int8_t *w, int32_t bias, int32_t offset, int32_t stride, int32_t n,
                         int32_t *sums) {
  int32_t weights = 0;
  for (int32_t k = 3 * v->top; k < 3 * v->bottom; k++) weights += w[k];
  bias -= v->zero_point * weights;
  for (int32_t i = 0; i < n; i++) sums[i] = bias;
  for (int32_t ky = v->top; ky < v->bottom; ky++)
    add_row_of_3(sums, n, v->rows[ky] + offset, v->pixel, stride, w + 3 * ky);
}

/* Computes outputs first..first+n-1 of a row, n at most PHINETS_RUN, for all channels. */
static void depthwise_tile(const phinets_convolution *layer, const window *v, int32_t first, int32_t n,
                           int8_t *output) {
  const phinets_requantization *r = &layer->requantization;
  const int32_t channels = layer->input.channels, width = layer->input.width, stride = layer->stride_x;
  const int32_t taps = layer->kernel_height * layer->kernel_width;
  int32_t all_sums[2 * PHINETS_RUN];
  const int8_t *w = layer->weights;
  for (int32_t c = 0; c < channels; c++, w += taps) {
    int32_t *sums = all_sums + (c & 1) * PHINETS_RUN;
    for (int32_t i = 0; i < n;) {
      const int32_t x = (first + i) * stride - layer->pad_left;
      const int32_t room = width - layer->kernel_width - x; /* pixels between the window and the right border */
      const int32_t at = x * channels + c;
      if (x >= 0 && room >= 0 && v->kernel_width == 3 && v->top < v->bottom) {
        const int32_t inside = room / stride + 1 < n - i ? room / stride + 1 : n - i;
        windows_of_3(v, w, r->bias[c], at, stride, inside, sums + i);
        i += inside;
      } else {
        const int32_t left = x < 0 ? -x : 0, right = room < 0 ? v->kernel_width + room : v->kernel_width;
        sums[i++] = r->bias[c] + window_sum(v, w, at, left, right);
      }
    }
    if (c & 1) phinets_quantize_pair(r, c - 1, all_sums, n, output + c - 1, channels);
  }
  if (channels & 1) phinets_quantize(r, channels - 1, all_sums, n, output + channels - 1, channels);
}

void phinets_depthwise_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output) {
#if defined(PHINETS_ARMV6M)
  if (phinets_armv6m_depthwise_row(layer, rows, output)) return;
#endif
  const phinets_map out = layer->output;
  window v = {.rows = rows,
              .bottom = layer->kernel_height,
              .pixel = out.channels,
              .zero_point = layer->input_zero_point,
              .kernel_width = layer->kernel_width};
  while (v.top < v.bottom && rows[v.top] == NULL) v.top++;
  while (v.top < v.bottom && rows[v.bottom - 1] == NULL) v.bottom--;
  for (int32_t first = 0; first < out.width; first += PHINETS_RUN) {
    const int32_t n = out.width - first < PHINETS_RUN ? out.width - first : PHINETS_RUN;
    depthwise_tile(layer, &v, first, n, output);
    output += n * out.channels;
  }
}
