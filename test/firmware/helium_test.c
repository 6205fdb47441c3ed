/* Tests of firmware/kernels/helium. Rows are NHWC and lie in separate blocks of memory; bytes around them must not
   change. */
#include "phinets_helium.h"
#include "reference.h"
#include "testing.h"

/* A layer of `filters` filters of `taps` weights for the reference; the caller sets its maps. */
static phinets_convolution layer_of(int32_t filters, int32_t taps) {
  phinets_convolution layer;
  memset(&layer, 0, sizeof layer);
  int8_t *shift = take(filters, 0);
  int32_t *bias = take(4 * filters, 0), *multiplier = take(4 * filters, 0);
  int32_t usual = 1, spread = 1;
  while (spread * spread < taps) spread++;
  while (usual < 20 && 5000 * spread >> usual > 60) usual++;
  for (int32_t m = 0; m < filters; m++) {
    const int32_t size = between(0, 28), s = chance(70) ? usual + between(-2, 2) : between(1, 31);
    bias[m] = between(-(1 << size), 1 << size);
    if (chance(70)) bias[m] = bias[m] / (1 << between(0, size)) / 64 + between(-100, 100);
    multiplier[m] = random_multiplier();
    shift[m] = (int8_t)-(s < 1 ? 1 : s);
  }
  layer.kernel_height = layer.kernel_width = layer.stride_y = layer.stride_x = 1;
  layer.input_zero_point = between(-128, 127);
  layer.weights = random_bytes(filters * taps, 0);
  const int8_t *table = chance(40) ? random_bytes(256, 0) : NULL;
  layer.requantization = (phinets_requantization){bias, multiplier, shift, between(-128, 127), table};
  return layer;
}

static int32_t folded_bias(const phinets_convolution *layer, int32_t m, int32_t taps) {
  int32_t sum = 0;
  for (int32_t k = 0; k < taps; k++) sum += layer->weights[m * taps + k];
  return layer->requantization.bias[m] - layer->input_zero_point * sum;
}

static const int8_t *middle(const int8_t *table) { return table ? table + 128 : NULL; }

/* The same layer, packed for phinets_helium_product. */
static phinets_helium_product product_of(const phinets_convolution *layer, int32_t taps) {
  const phinets_requantization *r = &layer->requantization;
  const int32_t filters = layer->output.channels, fours = (filters + 3) / 4, blocks = (taps + 15) / 16;
  int8_t *weights = take(64 * fours * blocks, 0);
  int32_t *channels = take(48 * fours, 0);
  memset(weights, 0, (size_t)(64 * fours * blocks));
  for (int32_t i = 0; i < fours; i++)
    for (int32_t f = 0; f < 4; f++) {
      const int32_t m = filters < 4 ? f : (i + 1 < fours ? 4 * i : filters - 4) + f;
      const int there = m < filters;
      channels[12 * i + f] = there ? folded_bias(layer, m, taps) : 0;
      channels[12 * i + 4 + f] = there ? r->multiplier[m] : 1 << 30;
      channels[12 * i + 8 + f] = there ? r->shift[m] : -1;
      for (int32_t k = 0; there && k < taps; k++) {
        const int32_t at = 16 * blocks - taps + k;
        weights[64 * (i * blocks + at / 16) + 16 * f + at % 16] = layer->weights[m * taps + k];
      }
    }
  return (phinets_helium_product){layer->output.width, taps, filters, weights, channels, middle(r->table),
                                  r->zero_point};
}

static int32_t random_channels(void) {
  const int32_t kind = between(0, 9);
  return kind < 5 ? between(1, 20) : kind < 8 ? between(1, 80) : between(60, 300);
}
static int32_t random_width(void) { return chance(60) ? between(1, 9) : between(1, 40); }

static void pointwise_case(void) {
  const int32_t width = chance(25) ? 1 : random_width(), inputs = random_channels();
  const int32_t filters = chance(50) ? between(1, 9) : between(1, 60);
  phinets_convolution layer = layer_of(filters, inputs);
  layer.input = (phinets_map){1, width, inputs};
  layer.output = (phinets_map){1, width, filters};
  const phinets_helium_product product = product_of(&layer, inputs);
  const int8_t *row = random_bytes(width * inputs, 0);
  int8_t *expected = take(width * filters, 0), *output = random_bytes(width * filters, 0);
  reference_convolution(&layer, 0, row, expected);
  phinets_helium_product_row(&product, width, row, output);
  expect_bytes("helium product", output, expected, width * filters);
  check_surroundings(NULL, 0);
}

static const int8_t *row_of(const int8_t *map, int32_t height, int32_t bytes, int32_t y) {
  if (y < 0 || y >= height) return NULL;
  int8_t *row = take(bytes + 8, 0);
  row += y & 7; /* rows may start at any address */
  memcpy(row, map + y * bytes, (size_t)bytes);
  return row;
}

static void window_case(void) {
  phinets_map in, out;
  int32_t kernel_height, kernel_width, stride_y, stride_x, pad_top, pad_left;
  do {
    kernel_height = chance(50) ? 3 : between(1, 9), kernel_width = chance(50) ? 3 : between(1, 7);
    in = (phinets_map){between(1, 9), random_width(), chance(40) ? 3 : chance(50) ? between(1, 12) : between(1, 40)};
    stride_y = between(1, 2), stride_x = between(1, 3);
    pad_top = between(0, kernel_height - 1), pad_left = between(0, kernel_width - 1);
    out.height = (in.height + pad_top + between(0, kernel_height - 1) - kernel_height + stride_y) / stride_y;
    out.width = (in.width + pad_left + between(0, kernel_width - 1) - kernel_width + stride_x) / stride_x;
    out.channels = between(1, 6);
  } while (out.height < 1 || out.width < 1);
  const int32_t taps = kernel_height * kernel_width * in.channels;
  phinets_convolution layer = layer_of(out.channels, taps);
  layer.input = in, layer.output = out;
  layer.kernel_height = kernel_height, layer.kernel_width = kernel_width;
  layer.stride_y = stride_y, layer.stride_x = stride_x;
  layer.pad_top = pad_top, layer.pad_left = pad_left;
  const phinets_helium_convolution convolution = {
      product_of(&layer, taps), in.width, in.channels, kernel_height, kernel_width, stride_x, pad_left,
      layer.input_zero_point};
  const int32_t row_bytes = in.width * in.channels, n = out.width * out.channels;
  const int8_t *input = random_bytes(in.height * row_bytes, 0);
  int8_t *expected = take(out.height * n, 0), *output = random_bytes(n, 0);
  const int32_t pixels = out.width < PHINETS_HELIUM_WINDOWS ? out.width : PHINETS_HELIUM_WINDOWS;
  int8_t *scratch = random_bytes(pixels * taps, 0);
  reference_convolution(&layer, 0, input, expected);
  const int8_t *lines[9];
  for (int32_t y = 0; y < in.height; y++) lines[y] = row_of(input, in.height, row_bytes, y);
  for (int32_t y = 0; y < out.height; y++) {
    const int8_t *rows[9];
    for (int32_t i = 0; i < kernel_height; i++) {
      const int32_t at = y * stride_y - pad_top + i;
      rows[i] = at < 0 || at >= in.height ? NULL : lines[at];
    }
    phinets_helium_conv2d_row(&convolution, rows, output, scratch);
    expect_bytes("helium convolution", output, expected + y * n, n);
  }
  check_surroundings(NULL, 0);
}

static void depthwise_case(void) {
  const int32_t k = chance(50) ? 3 : 5, half = k / 2, stride = between(1, 2);
  const int32_t channels = chance(30) ? between(1, 3) : chance(50) ? between(1, 20) : between(15, 70);
  phinets_map in = {0, 0, channels}, out = in;
  int32_t left, top;
  do {
    in.width = chance(60) ? between(1, 26) : between(1, chance(50) ? 5 : 50), in.height = between(1, 7);
    left = chance(60) ? half : between(0, k - 1), top = between(0, half);
    out.height = (in.height + top + between(0, half) - k + stride) / stride;
    out.width = (in.width + left + between(0, k - 1) - k + stride) / stride;
  } while (out.height < 1 || out.width < 1);
  phinets_convolution layer = layer_of(channels, k * k);
  layer.input = in, layer.output = out;
  layer.kernel_height = layer.kernel_width = k;
  layer.stride_y = layer.stride_x = stride;
  layer.pad_top = top, layer.pad_left = left;
  const int32_t size = k == 3 ? 16 : 32;
  int8_t *weights = take(channels * size, 0);
  int32_t *constants = take(12 * channels, 0);
  memset(weights, 0, (size_t)(channels * size));
  for (int32_t c = 0; c < channels; c++) {
    for (int32_t y = 0; y < k; y++)
      for (int32_t x = 0; x < k; x++) {
        const int32_t at = y < 4 ? 4 * x + y : 20 + x;
        weights[c * size + at] = layer.weights[(c * k + y) * k + x];
      }
    constants[3 * c] = folded_bias(&layer, c, k * k);
    constants[3 * c + 1] = layer.requantization.multiplier[c];
    constants[3 * c + 2] = layer.requantization.shift[c];
  }
  const phinets_helium_depthwise depthwise = {
      out.width, channels, in.width, stride, left, weights, constants, middle(layer.requantization.table),
      layer.requantization.zero_point, layer.input_zero_point};
  const int32_t row_bytes = in.width * channels, n = out.width * channels;
  const int8_t *input = random_bytes(in.height * row_bytes, 0);
  int8_t *expected = take(out.height * n, 0), *output = random_bytes(n, 0);
  const int32_t most = k == 5 && stride == 2 ? PHINETS_HELIUM_SHORT_RUN : PHINETS_HELIUM_RUN;
  const int32_t outputs = out.width <= 4 ? 4 : out.width < 8 ? 8 : out.width < most ? out.width : most;
  const int32_t pixels = (outputs - 1) * stride + k;
  int8_t *scratch = random_bytes(k == 3 ? 64 * pixels : 144 * pixels + 48, 0);
  reference_convolution(&layer, 1, input, expected);
  const int8_t *lines[7];
  for (int32_t y = 0; y < in.height; y++) lines[y] = row_of(input, in.height, row_bytes, y);
  for (int32_t y = 0; y < out.height; y++) {
    const int8_t *rows[5];
    for (int32_t i = 0; i < k; i++) {
      const int32_t at = y * stride - top + i;
      rows[i] = at < 0 || at >= in.height ? NULL : lines[at];
    }
    if (k == 3) phinets_helium_depthwise3_row(&depthwise, rows, output, scratch);
    else phinets_helium_depthwise5_row(&depthwise, rows, output, scratch);
    expect_bytes("helium depthwise", output, expected + y * n, n);
  }
  check_surroundings(NULL, 0);
}

static phinets_scaling scaling(int32_t lowest, int32_t highest) {
  return (phinets_scaling){between(-128, 127), random_multiplier(), between(lowest, highest)};
}

static void add_case(void) {
  const int32_t size = between(1, 80);
  const int usual = chance(75);
  phinets_addition l = {scaling(usual ? -3 : -31, 0), scaling(usual ? -3 : -31, 0), 20,
                        scaling(usual ? -20 : -31, usual ? -17 : -1)};
  if (chance(50)) l.a.multiplier = 1 << 30, l.a.shift = 0;
  /* Sums of a few units, so that the rounding of halves, also of negative ones, is visible in the output. */
  const int tiny = chance(33);
  if (tiny) l.a.shift = -between(17, 22), l.output.shift = -between(1, 3);
  int8_t *a = random_bytes(size, 0), *b = random_bytes(size, 0), *expected = take(size, 0);
  if (tiny) memset(b, l.b.zero_point, (size_t)size);
  reference_add(&l, size, a, b, expected);
  int8_t *output = chance(30) ? a : chance(30) ? b : random_bytes(size, 0); /* sometimes in place */
  phinets_helium_add(&l, size, a, b, output);
  expect_bytes("helium add", output, expected, size);
  check_surroundings(NULL, 0);
}

static void multiply_case(void) {
  const int32_t channels = between(1, 60), pixels = chance(30) ? 1 : between(1, 40), n = pixels * channels;
  const phinets_product l = {between(-128, 127), between(-128, 127), scaling(chance(75) ? -10 : -31, -1)};
  int8_t *a = random_bytes(n, 0), *b = random_bytes(channels, 0), *expected = take(n, 0);
  reference_multiply(&l, pixels, channels, a, b, expected);
  int8_t *output = chance(50) ? a : random_bytes(n, 0);
  phinets_helium_multiply(&l, pixels, channels, a, b, output);
  expect_bytes("helium multiply", output, expected, n);
  check_surroundings(NULL, 0);
}

static void mean_case(void) {
  const phinets_map map = {between(1, 4), chance(10) ? between(250, 600) : between(1, 20), between(1, 40)};
  const phinets_average l = {map, 0, {0, 0, 0}};
  const int8_t *input = random_bytes(map.height * map.width * map.channels, 0);
  int32_t *sums = (int32_t *)(void *)random_bytes(4 * map.channels, 0);
  for (int32_t y = 0; y < map.height; y++)
    phinets_helium_sum_row(&l, y == 0, input + y * map.width * map.channels, sums);
  for (int32_t c = 0; c < map.channels; c++) {
    int32_t sum = 0;
    for (int32_t i = 0; i < map.height * map.width; i++) sum += input[i * map.channels + c];
    expect_equal("helium sums", c, sums[c], sum);
  }
  check_surroundings(NULL, 0);
}

static void lookup_case(void) {
  const int32_t size = between(1, 100);
  const int8_t *table = random_bytes(256, 0);
  int8_t *input = random_bytes(size, 0), *expected = take(size, 0);
  for (int32_t i = 0; i < size; i++) expected[i] = table[input[i] + 128];
  int8_t *output = chance(50) ? input : random_bytes(size, 0);
  phinets_helium_lookup(table + 128, size, input, output);
  expect_bytes("helium lookup", output, expected, size);
  check_surroundings(NULL, 0);
}

void helium_test(int32_t cases) {
  static void (*const kinds[])(void) = {pointwise_case, window_case, depthwise_case, depthwise_case,
                                        add_case,       multiply_case, mean_case,    lookup_case};
  for (int32_t i = 0; i < cases; i++)
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
      kinds[k]();
      end_case();
    }
}
