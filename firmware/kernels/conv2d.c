/* General convolution, four filters at a time. Windows are clipped to the map, because padding holds the zero point and
   contributes nothing to a sum. */
#include "speed.h" /* first */

#include "armv6m.h"
#include "output.h"

/* The taps of a window that lie inside the width of the map. For one kernel row they are contiguous both in the row of
   the map and in the weights. */
typedef struct {
  int32_t offset;  /* of the first tap in a row of the map, bytes */
  int32_t weights; /* of the first tap in a kernel row of a filter, bytes */
  int32_t run;     /* number of taps */
} window;

static window window_at(const phinets_convolution *layer, int32_t ox) {
  const int32_t width = layer->kernel_width, channels = layer->input.channels;
  const int32_t x = ox * layer->stride_x - layer->pad_left;
  const int32_t left = x < 0 ? -x : 0, right = x + width > layer->input.width ? layer->input.width - x : width;
  if (right <= left) return (window){.run = 0};
  return (window){(x + left) * channels, left * channels, (right - left) * channels};
}

/* Computes outputs first..first+n-1 of a row, n at most PHINETS_RUN, for all filters. Kernel rows top..bottom-1 lie
   inside the map. */
static void conv2d_tile(const phinets_convolution *layer, const int8_t *const *rows, int32_t top, int32_t bottom,
                        int32_t first, int32_t n, int8_t *output) {
  const phinets_requantization *r = &layer->requantization;
  const int32_t zero = layer->input_zero_point, filters = layer->output.channels;
  const int32_t weight_row = layer->kernel_width * layer->input.channels;
  const int32_t filter = layer->kernel_height * weight_row;
  int32_t sums[4][PHINETS_RUN];
  int32_t m = 0;
  for (; m + 4 <= filters; m += 4) {
    for (int32_t i = 0; i < n; i++) {
      const window v = window_at(layer, first + i);
      const int8_t *w = layer->weights + m * filter + top * weight_row + v.weights;
      int32_t a = r->bias[m], b = r->bias[m + 1], c = r->bias[m + 2], d = r->bias[m + 3];
      for (int32_t ky = top; ky < bottom; ky++, w += weight_row) {
        const int8_t *p = rows[ky] + v.offset, *u = w;
        for (int32_t k = 0; k < v.run; k++, u++) {
          const int32_t x = p[k] - zero;
          a += x * u[0], b += x * u[filter], c += x * u[2 * filter], d += x * u[3 * filter];
        }
      }
      sums[0][i] = a, sums[1][i] = b, sums[2][i] = c, sums[3][i] = d;
    }
    phinets_quantize_pair(r, m, sums[0], n, output + m, filters);
    phinets_quantize_pair(r, m + 2, sums[2], n, output + m + 2, filters);
  }
  for (; m < filters; m++) {
    for (int32_t i = 0; i < n; i++) {
      const window v = window_at(layer, first + i);
      const int8_t *w = layer->weights + m * filter + top * weight_row + v.weights;
      int32_t a = r->bias[m];
      for (int32_t ky = top; ky < bottom; ky++, w += weight_row) {
        const int8_t *p = rows[ky] + v.offset;
        for (int32_t k = 0; k < v.run; k++) a += (p[k] - zero) * w[k];
      }
      sums[0][i] = a;
    }
    phinets_quantize(r, m, sums[0], n, output + m, filters);
  }
}

void phinets_conv2d_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output) {
#if defined(PHINETS_ARMV6M)
  if (phinets_armv6m_conv2d_row(layer, rows, output)) return;
#endif
  const phinets_map out = layer->output;
  int32_t top = 0, bottom = layer->kernel_height;
  while (top < bottom && rows[top] == NULL) top++;
  while (top < bottom && rows[bottom - 1] == NULL) bottom--;
  for (int32_t first = 0; first < out.width; first += PHINETS_RUN) {
    const int32_t n = out.width - first < PHINETS_RUN ? out.width - first : PHINETS_RUN;
    conv2d_tile(layer, rows, top, bottom, first, n, output);
    output += n * out.channels;
  }
}
