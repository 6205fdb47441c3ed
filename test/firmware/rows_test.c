/*
 * Tests of the portable row kernels, which run assembly on Armv6-M. Rows lie in separate blocks of memory, as the rows
 * of a ring may; bytes around a row must not change.
 */
#include "reference.h"
#include "testing.h"

enum { CONV2D, POINTWISE, DEPTHWISE };

/* A copy of row y of a map in its own block of memory; NULL outside the map. */
static const int8_t *row_of(const int8_t *map, int32_t height, int32_t bytes, int32_t y) {
  if (y < 0 || y >= height) return NULL;
  int8_t *row = take(bytes + 8, 0);
  row += y & 7; /* rows may start at any address */
  memcpy(row, map + y * bytes, (size_t)bytes);
  return row;
}

static int32_t multiplier_or_less(void) {
  if (chance(1)) return 0;
  return chance(1) ? (int32_t)(random_word() >> 1) : random_multiplier();
}

static phinets_requantization requantization_of(int32_t filters, int32_t taps) {
  int32_t *bias = take(4 * filters, 0), *multiplier = take(4 * filters, 0);
  int8_t *shift = take(filters, 0);
  const int32_t kind = between(0, 7);
  for (int32_t m = 0; m < filters; m++) {
    bias[m] = kind == 7 ? (int32_t)random_word() >> between(2, 20) : between(-3000, 3000) * between(1, 10);
    multiplier[m] = multiplier_or_less();
    /* Mostly shifts with which results spread over the range of int8. */
    shift[m] = (int8_t)(kind == 0 ? between(-31, 8) : kind == 1 ? -between(0, 6) : -between(5, taps > 60 ? 13 : 10));
    if (chance(1)) shift[m] = (int8_t)between(-31, 10);
  }
  const int8_t *table = chance(50) ? random_bytes(256, 0) : NULL;
  return (phinets_requantization){bias, multiplier, shift, between(-128, 127), table};
}

/* Draws a layer with maps of moderate size. Returns 0 if the drawn numbers do not give a valid layer. */
static int draw_layer(int kind, phinets_convolution *l) {
  memset(l, 0, sizeof *l);
  const int small = chance(70), three = chance(70);
  l->input = (phinets_map){between(1, 6), chance(10) ? between(1, 150) : between(1, small ? 24 : 70),
                           chance(5) ? between(1, 300) : between(1, small ? 20 : 64)};
  l->output.channels = kind == DEPTHWISE ? l->input.channels : chance(10) ? between(1, 150) : between(1, 30);
  l->kernel_height = l->kernel_width = l->stride_x = l->stride_y = 1;
  if (kind == POINTWISE) {
    if (chance(3)) l->input.channels = between(600, 1200), l->input.height = 1;
  } else {
    l->kernel_height = three ? 3 : between(1, 5);
    l->kernel_width = three || chance(50) ? l->kernel_height : between(1, 5);
    l->stride_x = between(1, chance(15) ? 3 : 2), l->stride_y = between(1, 2);
    l->pad_top = between(0, l->kernel_height - 1);
    l->pad_left = between(0, chance(12) ? l->kernel_width - 1 : l->kernel_width / 2);
    l->input_zero_point = between(-128, 127);
  }
  const int32_t bottom = between(0, l->kernel_height - 1);
  const int32_t right = between(0, chance(12) ? l->kernel_width - 1 : l->kernel_width / 2);
  const int32_t height = l->input.height + l->pad_top + bottom - l->kernel_height;
  const int32_t width = l->input.width + l->pad_left + right - l->kernel_width;
  if (height < 0 || width < 0 || (kind == CONV2D && l->input.channels > 24)) return 0;
  l->output.height = height / l->stride_y + 1, l->output.width = width / l->stride_x + 1;
  const int32_t macs = l->output.height * l->output.width * l->output.channels * l->kernel_height * l->kernel_width *
                       (kind == DEPTHWISE ? 1 : l->input.channels);
  return macs < 400000;
}

static void convolution_case(int kind) {
  static const char *const names[] = {"conv2d", "pointwise", "depthwise"};
  phinets_convolution l;
  while (!draw_layer(kind, &l)) {
  }
  const int32_t taps = l.kernel_height * l.kernel_width * (kind == DEPTHWISE ? 1 : l.input.channels);
  l.weights = random_bytes(taps * l.output.channels, 0);
  l.requantization = requantization_of(l.output.channels, taps);
  const int32_t row_bytes = l.input.width * l.input.channels, n = l.output.width * l.output.channels;
  const int8_t *input = random_bytes(l.input.height * row_bytes, 0);
  int8_t *expected = take(l.output.height * n, 0);
  reference_convolution(&l, kind == DEPTHWISE, input, expected);
  for (int32_t y = 0; y < l.output.height; y++) {
    const int8_t *rows[5];
    for (int32_t i = 0; i < l.kernel_height; i++)
      rows[i] = row_of(input, l.input.height, row_bytes, y * l.stride_y - l.pad_top + i);
    int8_t *output = random_bytes(n, 0);
    if (kind == CONV2D) phinets_conv2d_row(&l, rows, output);
    else if (kind == POINTWISE) phinets_pointwise_row(&l, rows[0], output);
    else phinets_depthwise_row(&l, rows, output);
    expect_bytes(names[kind], output, expected + y * n, n);
  }
  check_surroundings(NULL, 0);
}

static phinets_scaling scaling(int32_t lowest, int32_t highest) {
  return (phinets_scaling){between(-128, 127), random_multiplier(), between(lowest, highest)};
}

static void add_case(void) {
  const int32_t size = between(1, 600);
  const int usual = chance(75);
  phinets_addition l = {scaling(usual ? -3 : -31, 0), scaling(usual ? -3 : -31, 0), 20,
                        scaling(usual ? -20 : -31, usual ? -17 : chance(60) ? -1 : 5)};
  if (chance(50)) l.a.multiplier = 1 << 30, l.a.shift = 0;
  int8_t *a = random_bytes(size, 0), *b = random_bytes(size, 0), *expected = take(size, 0);
  reference_add(&l, size, a, b, expected);
  int8_t *output = chance(30) ? a : chance(30) ? b : random_bytes(size, 0); /* sometimes in place */
  phinets_add(&l, size, a, b, output);
  expect_bytes("add", output, expected, size);
}

static void multiply_case(void) {
  const int32_t channels = between(1, 60), pixels = chance(30) ? 1 : between(1, 40), n = pixels * channels;
  const int usual = chance(75);
  phinets_product l = {between(-128, 127), between(-128, 127), scaling(usual ? -10 : -31, usual ? -4 : 5)};
  if (chance(20)) { /* the largest products of the fast method on Armv6-M */
    l.a_zero_point = chance(50) ? -128 : 127, l.b_zero_point = chance(50) ? -128 : 127;
    l.output.multiplier = INT32_MAX - between(0, 9), l.output.shift = -6;
  }
  int8_t *a = random_bytes(n, 0), *b = random_bytes(channels, 0), *expected = take(n, 0);
  if (chance(50)) a[0] = -128, a[n - 1] = 127, b[0] = -128, b[channels - 1] = 127;
  reference_multiply(&l, pixels, channels, a, b, expected);
  int8_t *output = chance(50) ? a : random_bytes(n, 0);
  phinets_multiply(&l, pixels, channels, a, b, output);
  expect_bytes("multiply", output, expected, n);
}

static void mean_case(void) {
  const phinets_map map = {between(1, 8), between(1, 20), between(1, 60)};
  const phinets_average l = {map, between(-128, 127), scaling(-12, 2)};
  const int32_t row = map.width * map.channels;
  const int8_t *input = random_bytes(map.height * row, 0);
  int8_t *expected = take(map.channels, 0), *output = random_bytes(map.channels, 0);
  int32_t *sums = take(4 * map.channels, 0);
  reference_mean(&l, input, expected);
  for (int32_t y = 0; y < map.height; y++) phinets_sum_row(&l, y == 0, row_of(input, map.height, row, y), sums);
  phinets_mean_end(&l, sums, output);
  expect_bytes("mean", output, expected, map.channels);
  phinets_mean_end(&l, sums, (int8_t *)sums);
  expect_bytes("mean over its sums", (const int8_t *)sums, expected, map.channels);
}

static void max_pool_case(void) {
  const int32_t channels = between(1, 40), size = between(1, 4), stride = between(1, 3), width = between(1, 12);
  const phinets_map in = {2 * stride + size, (width - 1) * stride + size + between(0, 2), channels};
  const phinets_map out = {3, width, channels};
  const int32_t n = width * channels;
  const int8_t *input = random_bytes(in.height * in.width * channels, 0);
  int8_t *expected = take(3 * n, 0);
  reference_max_pool(in, out, size, stride, input, expected);
  for (int32_t y = 0; y < 3; y++) {
    const int8_t *rows[4];
    for (int32_t i = 0; i < size; i++) rows[i] = row_of(input, in.height, in.width * channels, y * stride + i);
    int8_t *output = random_bytes(n, 0);
    phinets_max_pool_row(in, out, size, rows, stride, output);
    expect_bytes("max pool", output, expected + y * n, n);
  }
}

static void pad_case(void) {
  const phinets_map in = {between(1, 4), between(1, 20), between(1, 40)};
  const int32_t top = between(0, 2), left = between(0, 2), value = between(-128, 127);
  const phinets_map out = {in.height + top + between(0, 2), in.width + left + between(0, 2), in.channels};
  const int8_t *input = random_bytes(in.height * in.width * in.channels, 0);
  for (int32_t y = 0; y < out.height; y++) {
    const int8_t *row = row_of(input, in.height, in.width * in.channels, y - top);
    int8_t *output = random_bytes(out.width * out.channels, 0);
    phinets_pad_row(in, out, left, (int8_t)value, row, output);
    for (int32_t i = 0; i < out.width * out.channels; i++) {
      const int32_t x = i / out.channels - left;
      const int inside = row && x >= 0 && x < in.width;
      expect_equal("pad", i, output[i], inside ? row[x * in.channels + i % out.channels] : value);
    }
  }
}

static void lookup_case(void) {
  const int32_t size = between(1, 100);
  const int8_t *table = random_bytes(256, 0);
  int8_t *input = random_bytes(size, 0), *expected = take(size, 0);
  for (int32_t i = 0; i < size; i++) expected[i] = table[input[i] + 128];
  int8_t *output = chance(50) ? input : random_bytes(size, 0);
  phinets_lookup(table, size, input, output);
  expect_bytes("lookup", output, expected, size);
}

void rows_test(int32_t cases) {
  static void (*const others[])(void) = {add_case, multiply_case, mean_case, max_pool_case, pad_case, lookup_case};
  for (int32_t i = 0; i < cases; i++) {
    for (int kind = CONV2D; kind <= DEPTHWISE; kind++) {
      convolution_case(kind);
      end_case();
    }
    for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) {
      others[k]();
      check_surroundings(NULL, 0);
      end_case();
    }
  }
}
