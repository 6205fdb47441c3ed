/* 1x1 convolution: a matrix product in tiles of two filters by two pixels, so that each load serves two MACs. */
#include "speed.h" /* first */

#include "armv6m.h"
#include "output.h"

/* Input bytes per tile: they stay in the data cache while all filters are applied to them. */
enum { CACHED_BYTES = 8192 };

static inline int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int32_t sum) {
  for (int32_t k = 0; k < n; k++) sum += x[k] * w[k];
  return sum;
}

/* Applies two neighbouring filters of n weights to two neighbouring pixels of n channels. sum0[0] and sum1[0] hold the
   biases of the filters; sum0[0..1] and sum1[0..1] receive the sums of the two pixels. */
static inline void dot_2x2(const int8_t *x0, const int8_t *w0, int32_t n, int32_t *sum0, int32_t *sum1) {
  const int8_t *x1 = x0 + n, *w1 = w0 + n;
  int32_t a = sum0[0], b = sum0[0], c = sum1[0], d = sum1[0];
#define STEP(k)                                               \
  do {                                                        \
    const int32_t p = x0[k], q = x1[k], v = w0[k], w = w1[k]; \
    a += p * v, b += q * v, c += p * w, d += q * w;           \
  } while (0)
  for (; n >= 4; n -= 4, x0 += 4, x1 += 4, w0 += 4, w1 += 4) {
    STEP(0);
    STEP(1);
    STEP(2);
    STEP(3);
  }
  for (; n > 0; n--, x0++, x1++, w0++, w1++) STEP(0);
#undef STEP
  sum0[0] = a, sum0[1] = b, sum1[0] = c, sum1[1] = d;
}

/* Applies all filters to `pixels` pixels, at most PHINETS_RUN. */
static void pointwise_tile(const phinets_convolution *layer, int32_t pixels, const int8_t *input, int8_t *output) {
  const phinets_requantization *r = &layer->requantization;
  const int32_t channels = layer->input.channels, filters = layer->output.channels;
  const int8_t *w = layer->weights;
  int32_t sums[2 * PHINETS_RUN], *const sums0 = sums, *const sums1 = sums + PHINETS_RUN;
  int32_t m = 0;
  for (; m + 2 <= filters; m += 2, w += 2 * channels) {
    const int8_t *x = input;
    int32_t i = 0;
    for (; i + 2 <= pixels; i += 2, x += 2 * channels) {
      sums0[i] = r->bias[m], sums1[i] = r->bias[m + 1];
      dot_2x2(x, w, channels, sums0 + i, sums1 + i);
    }
    if (i < pixels) {
      sums0[i] = dot(x, w, channels, r->bias[m]);
      sums1[i] = dot(x, w + channels, channels, r->bias[m + 1]);
    }
    phinets_quantize_pair(r, m, sums, pixels, output + m, filters);
  }
  if (m < filters) {
    for (int32_t i = 0; i < pixels; i++) sums0[i] = dot(input + i * channels, w, channels, r->bias[m]);
    phinets_quantize(r, m, sums0, pixels, output + m, filters);
  }
}

void phinets_pointwise_row(const phinets_convolution *layer, const int8_t *input, int8_t *output) {
#if defined(PHINETS_ARMV6M)
  if (phinets_armv6m_pointwise_row(layer, input, output)) return;
#endif
  const int32_t channels = layer->input.channels, filters = layer->output.channels;
  int32_t run = CACHED_BYTES / channels / 2 * 2;
  run = run < 2 ? 2 : run > PHINETS_RUN ? PHINETS_RUN : run;
  for (int32_t left = layer->output.width; left > 0; left -= run) {
    pointwise_tile(layer, left < run ? left : run, input, output);
    input += run * channels;
    output += run * filters;
  }
}
