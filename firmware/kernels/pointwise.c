/* 1x1 convolution: a matrix product, computed in tiles of two filters by two pixels so that a load serves two MACs. */
#include "output.h"

/* Input bytes that stay in the data cache while all filters pass over them. */
enum { TILE_BYTES = 8192 };

typedef struct {
  int32_t pixel0_filter0, pixel0_filter1, pixel1_filter0, pixel1_filter1;
} tile;

/* Two pixels by two filters over n channels. */
static inline tile dot_2x2(const int8_t *x0, const int8_t *w0, int32_t n, int32_t bias0, int32_t bias1) {
  const int8_t *x1 = x0 + n, *w1 = w0 + n;
  int32_t a = bias0, b = bias1, c = bias0, d = bias1;
#define STEP(k)                                                        \
  do {                                                                 \
    const int32_t p = x0[k], q = x1[k], v = w0[k], w = w1[k];          \
    a += p * v, b += p * w, c += q * v, d += q * w;                    \
  } while (0)
  for (; n >= 4; n -= 4, x0 += 4, x1 += 4, w0 += 4, w1 += 4) {
    STEP(0);
    STEP(1);
    STEP(2);
    STEP(3);
  }
  for (; n > 0; n--, x0++, x1++, w0++, w1++) STEP(0);
#undef STEP
  return (tile){a, b, c, d};
}

static inline int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int32_t bias) {
  for (int32_t k = 0; k < n; k++) bias += x[k] * w[k];
  return bias;
}

/* Filters m and m + 1 over `pixels` pixels. */
static void two_filters(const phinets_convolution *layer, int32_t m, int32_t pixels, const int8_t *x, int8_t *y) {
  const int32_t channels = layer->input.channels, filters = layer->output.channels;
  const int8_t *w = layer->weights + m * channels;
  const phinets_channel f0 = phinets_channel_of(&layer->requantization, m);
  const phinets_channel f1 = phinets_channel_of(&layer->requantization, m + 1);
  y += m;
  for (; pixels >= 2; pixels -= 2, x += 2 * channels, y += 2 * filters) {
    const tile t = dot_2x2(x, w, channels, f0.bias, f1.bias);
    y[0] = phinets_quantize(&f0, t.pixel0_filter0);
    y[1] = phinets_quantize(&f1, t.pixel0_filter1);
    y[filters] = phinets_quantize(&f0, t.pixel1_filter0);
    y[filters + 1] = phinets_quantize(&f1, t.pixel1_filter1);
  }
  if (pixels > 0) {
    y[0] = phinets_quantize(&f0, dot(x, w, channels, f0.bias));
    y[1] = phinets_quantize(&f1, dot(x, w + channels, channels, f1.bias));
  }
}

static void one_filter(const phinets_convolution *layer, int32_t m, int32_t pixels, const int8_t *x, int8_t *y) {
  const int32_t channels = layer->input.channels, filters = layer->output.channels;
  const int8_t *w = layer->weights + m * channels;
  const phinets_channel f = phinets_channel_of(&layer->requantization, m);
  y += m;
  for (; pixels > 0; pixels--, x += channels, y += filters) *y = phinets_quantize(&f, dot(x, w, channels, f.bias));
}

void phinets_pointwise(const phinets_convolution *layer, const int8_t *input, int8_t *output) {
  const int32_t channels = layer->input.channels, filters = layer->output.channels;
  const int32_t pixels = layer->output.height * layer->output.width;
  int32_t block = (TILE_BYTES / channels) & ~1;
  if (block < 2) block = 2;
  for (int32_t first = 0; first < pixels; first += block) {
    const int32_t count = pixels - first < block ? pixels - first : block;
    const int8_t *x = input + first * channels;
    int8_t *y = output + first * filters;
    int32_t m = 0;
    for (; m + 2 <= filters; m += 2) two_filters(layer, m, count, x, y);
    if (m < filters) one_filter(layer, m, count, x, y);
  }
}
