/* Tests of firmware/kernels/dsp: matrix products, quads, windows and dense layers. */
#include "phinets_dsp.h"
#include "reference.h"
#include "testing.h"

enum { SLACK = 32 };

typedef struct {
  phinets_convolution layer;
  phinets_dsp_product product;
} pair;

/* A layer of `filters` filters of `taps` weights, for the reference and for the DSP kernels; the caller sets its maps.
   uniform: all filters have the same scaling. */
static pair layer_of(int32_t filters, int32_t taps, int bytes, int uniform) {
  pair p;
  memset(&p, 0, sizeof p);
  const int32_t groups = (taps + 3) / 4;
  int8_t *weights = random_bytes(filters * taps, 0), *shift = take(filters, 0);
  int8_t *table = chance(50) ? random_bytes(256, 0) : NULL;
  int32_t *bias = take(4 * filters, 0), *multiplier = take(4 * filters, 0);
  phinets_dsp_channel *channels = take(filters * (int32_t)sizeof *channels, 0);
  p.layer.input_zero_point = between(-128, 127);
  /* The shift with which results spread over the range of int8. */
  int32_t spread = 1, usual = 1;
  while (spread * spread < taps) spread++;
  while (usual < 20 && 5000 * spread >> usual > 60) usual++;
  for (int32_t m = 0; m < filters; m++) {
    int32_t sum = 0;
    for (int32_t k = 0; k < taps; k++) sum += weights[m * taps + k];
    const int32_t size = between(0, 28);
    bias[m] = between(-(1 << size), 1 << size);
    if (chance(70)) bias[m] = bias[m] / (1 << between(0, size)) / 64 + between(-100, 100);
    multiplier[m] = random_multiplier();
    const int32_t s = chance(70) ? usual + between(-2, 2) : between(1, 31);
    shift[m] = (int8_t)-(s < 1 ? 1 : s);
    if (uniform) multiplier[m] = multiplier[0], shift[m] = shift[0];
    channels[m].bias = bias[m] - p.layer.input_zero_point * sum;
    channels[m].multiplier = (int32_t)((uint32_t)multiplier[m] << 1);
    channels[m].power = (int32_t)(0u - (1u << (32 + shift[m])));
  }
  int32_t *packed = take(filters * groups * (bytes ? 4 : 8), SLACK);
  for (int32_t m = 0; m < filters; m++)
    for (int32_t g = 0; g < groups; g++) {
      int8_t w[4];
      for (int32_t k = 0; k < 4; k++) w[k] = 4 * g + k < taps ? weights[m * taps + 4 * g + k] : 0;
      if (bytes) memcpy(packed + m * groups + g, w, 4);
      else
        for (int32_t k = 0; k < 2; k++)
          packed[2 * (m * groups + g) + k] = (int32_t)(((uint32_t)w[k] & 0xffffu) | (uint32_t)w[k + 2] << 16);
    }
  p.layer.output.channels = filters;
  p.layer.kernel_height = p.layer.kernel_width = p.layer.stride_y = p.layer.stride_x = 1;
  p.layer.weights = weights;
  p.layer.requantization = (phinets_requantization){bias, multiplier, shift, between(-128, 127), table};
  p.product = (phinets_dsp_product){.groups = groups,
                                    .filters = filters,
                                    .weights = packed,
                                    .channels = channels,
                                    .table = table ? table + 128 : NULL,
                                    .zero_point = p.layer.requantization.zero_point,
                                    .bytes = bytes,
                                    .padding = between(-128, 127)};
  return p;
}

static int32_t random_channels(void) {
  const int32_t kind = between(0, 9);
  return kind < 5 ? between(1, 20) : kind < 8 ? between(1, 80) : between(60, 300);
}
static int32_t random_width(void) { return chance(60) ? between(1, 9) : between(1, 40); }
static int32_t random_filters(void) { return chance(50) ? between(1, 9) : between(1, 60); }

/* A row of quads with random content, so that missing writes are noticed. */
static int32_t *quads_of(int32_t width, int32_t values) {
  return (int32_t *)(void *)random_bytes((width + 3) / 4 * ((values + 3) / 4) * 32, SLACK);
}

/* Converts an NHWC row to map8, with random bytes beyond the width. */
static int8_t *map8_of(int32_t width, int32_t channels, const int8_t *row) {
  const int32_t plane = (width + 3) / 4 * 4;
  int8_t *map = random_bytes(channels * plane, SLACK);
  for (int32_t x = 0; x < width; x++)
    for (int32_t c = 0; c < channels; c++) map[c * plane + x] = row[x * channels + c];
  return map;
}

static void pointwise_case(void) {
  const int32_t width = random_width(), inputs = random_channels(), filters = random_filters();
  pair p = layer_of(filters, inputs, chance(50), 0);
  p.layer.input = (phinets_map){1, width, inputs};
  p.layer.output = (phinets_map){1, width, filters};
  p.product.width = width;
  int8_t *row = random_bytes(width * inputs, SLACK), *expected = take(width * filters, 0);
  reference_convolution(&p.layer, 0, row, expected);
  int32_t *quads = quads_of(width, inputs);
  if (chance(50)) phinets_dsp_quads_nhwc(width, inputs, row, quads);
  else phinets_dsp_quads_map8(width, inputs, map8_of(width, inputs, row), quads);

  int8_t *nhwc = random_bytes(width * filters, 0);
  phinets_dsp_product_nhwc(&p.product, quads, nhwc);
  expect_bytes("nhwc", nhwc, expected, width * filters);

  const int32_t plane = (width + 3) / 4 * 4 + 2;
  int16_t *planes16 = (int16_t *)(void *)random_bytes(2 * (filters * plane + 2), 0);
  phinets_dsp_product_planes16(&p.product, quads, planes16);
  for (int32_t i = 0; i < filters * plane + 2; i++) {
    const int32_t m = i / plane, x = i % plane - 2;
    const int inside = m < filters && x >= 0 && x < width;
    expect_equal("planes16", i, planes16[i], inside ? expected[x * filters + m] : p.product.padding);
  }
  check_surroundings(NULL, 0);

  const int32_t pad = between(1, 2), bytes = filters * (width + pad) + pad;
  int8_t *planes8 = random_bytes(bytes, 7);
  phinets_dsp_product_planes8(&p.product, quads, pad, planes8);
  for (int32_t i = 0; i < bytes; i++) {
    const int32_t m = i / (width + pad), x = i % (width + pad) - pad;
    expect_equal("planes8", i, planes8[i], m < filters && x >= 0 ? expected[x * filters + m] : p.product.padding);
  }
  check_surroundings(planes8, 7);
}

static void scaled_case(void) {
  const int32_t width = random_width(), channels = random_channels(), groups = (channels + 3) / 4;
  const int32_t multiplier = random_multiplier(), shift = chance(80) ? between(5, 12) : between(1, 31);
  const phinets_product product = {between(-128, 127), between(-128, 127), {between(-128, 127), multiplier, -shift}};
  const phinets_dsp_scale scale = {.width = width,
                                   .channels = channels,
                                   .a_zero_point = product.a_zero_point,
                                   .b_zero_point = product.b_zero_point,
                                   .multiplier = (int32_t)((uint32_t)multiplier << 1),
                                   .power = (int32_t)(0u - (1u << (32 - shift))),
                                   .zero_point = product.output.zero_point};
  int8_t *row = random_bytes(width * channels, SLACK), *factors = random_bytes(channels, SLACK);
  int8_t *expected = take(width * channels, 0), *map = map8_of(width, channels, row);
  reference_multiply(&product, width, channels, row, factors, expected);
  int32_t *quads = quads_of(width, channels);
  phinets_dsp_quads_scaled(&scale, map, factors, quads);
  for (int32_t x = 0; x < width; x++)
    for (int32_t c = 0; c < channels; c++) {
      const uint32_t word = (uint32_t)quads[(x / 4 * groups + c / 4) * 8 + (c & 1) * 4 + x % 4];
      const int16_t value = (int16_t)(uint16_t)(c & 2 ? word >> 16 : word & 0xffffu);
      expect_equal("scaled", x * channels + c, value, expected[x * channels + c]);
    }
  check_surroundings(NULL, 0);
}

static void window_case(void) {
  pair p;
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
  p = layer_of(out.channels, taps, chance(50), 0);
  p.layer.input = in, p.layer.output = out;
  p.layer.kernel_height = kernel_height, p.layer.kernel_width = kernel_width;
  p.layer.stride_y = stride_y, p.layer.stride_x = stride_x;
  p.layer.pad_top = pad_top, p.layer.pad_left = pad_left;
  p.product.width = out.width;
  const phinets_dsp_window window = {.width = out.width,
                                     .input_width = in.width,
                                     .channels = in.channels,
                                     .kernel_height = kernel_height,
                                     .kernel_width = kernel_width,
                                     .stride_x = stride_x,
                                     .pad_left = pad_left,
                                     .zero_point = p.layer.input_zero_point};
  const int32_t row_bytes = in.width * in.channels, n = out.width * out.channels;
  int8_t *input = random_bytes(in.height * row_bytes, 0), *expected = take(out.height * n, 0);
  reference_convolution(&p.layer, 0, input, expected);
  int8_t *copies[9];
  for (int32_t y = 0; y < in.height; y++) {
    copies[y] = take(row_bytes + 8, SLACK);
    copies[y] += between(0, 7); /* rows of the picture may start at any address */
    memcpy(copies[y], input + y * row_bytes, (size_t)row_bytes);
  }
  int32_t *quads = quads_of(out.width, taps);
  int8_t *row = random_bytes(n, 0);
  const int32_t tile = 4 * between(1, 3);
  for (int32_t y = 0; y < out.height; y++) {
    const int8_t *rows[9];
    for (int32_t i = 0; i < kernel_height; i++) {
      const int32_t at = y * stride_y - pad_top + i;
      rows[i] = at < 0 || at >= in.height ? NULL : copies[at];
    }
    phinets_dsp_quads_window(&window, rows, quads);
    phinets_dsp_product_nhwc(&p.product, quads, row);
    expect_bytes("window", row, expected + y * n, n);
    for (int32_t x = 0; x < out.width; x += tile) { /* like phinets_step_dsp_conv2d */
      phinets_dsp_window part = window;
      phinets_dsp_product product = p.product;
      part.width = product.width = out.width - x < tile ? out.width - x : tile;
      part.pad_left = pad_left - x * stride_x;
      phinets_dsp_quads_window(&part, rows, quads);
      phinets_dsp_product_nhwc(&product, quads, row + x * out.channels);
    }
    expect_bytes("tiles", row, expected + y * n, n);
  }
  check_surroundings(NULL, 0);
}

static void dense_case(void) {
  const int32_t inputs = random_channels(), filters = random_filters(), uniform = chance(50);
  pair p = layer_of(filters, inputs, 1, uniform);
  p.layer.input = (phinets_map){1, 1, inputs};
  p.layer.output = (phinets_map){1, 1, filters};
  p.product.width = 1;
  int8_t *input = random_bytes(inputs, SLACK), *expected = take(filters, 0), *output = random_bytes(filters, 0);
  int32_t *scratch = take(8 * p.product.groups, 0);
  reference_convolution(&p.layer, 0, input, expected);
  phinets_dsp_dense(&p.product, input, output, scratch);
  expect_bytes("dense", output, expected, filters);
  if (uniform) {
    int32_t *biases = take(4 * filters, 0);
    for (int32_t m = 0; m < filters; m++) biases[m] = p.product.channels[m].bias;
    phinets_dsp_uniform layer = {p.product, biases, p.product.channels->multiplier, p.product.channels->power};
    layer.product.channels = NULL;
    int8_t *again = random_bytes(filters, 0);
    phinets_dsp_dense_uniform(&layer, input, again, scratch);
    expect_bytes("uniform", again, expected, filters);
  }
  check_surroundings(NULL, 0);
}

void dsp_product_test(int32_t cases) {
  static void (*const kinds[])(void) = {pointwise_case, scaled_case, window_case, dense_case};
  for (int32_t i = 0; i < cases; i++)
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
      kinds[k]();
      end_case();
    }
}
