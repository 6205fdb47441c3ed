/* Tests of firmware/kernels/dsp: depthwise layers, additions, sums and layout conversions. */
#include "phinets_dsp.h"
#include "reference.h"
#include "testing.h"

enum { SLACK = 32 };

static int32_t up4(int32_t count) { return (count + 3) & ~3; }
static int32_t bytes16(int32_t width, int32_t channels) { return 2 * (channels * (up4(width) + 2) + 2); }
static int32_t bytes8(int32_t width, int32_t channels, int32_t pad) { return channels * (width + pad) + pad; }

/* A word with two weights, the first in the low half. */
static int32_t pair(int32_t low, int32_t high) {
  return (int32_t)(((uint32_t)low & 0xffffu) | (uint32_t)high << 16);
}

static void layout_case(void) {
  const int32_t width = between(1, 21), channels = chance(70) ? between(1, 9) : 3, zero = between(-128, 127);
  const int8_t *row = random_bytes(width * channels, SLACK);

  const int32_t plane16 = up4(width) + 2;
  int16_t *planes16 = (int16_t *)(void *)random_bytes(bytes16(width, channels), 0);
  phinets_dsp_planes16(width, channels, zero, row, planes16);
  for (int32_t i = 0; i < channels * plane16 + 2; i++) {
    const int32_t c = i / plane16, x = i % plane16 - 2;
    const int inside = c < channels && x >= 0 && x < width;
    expect_equal("to planes16", i, planes16[i], inside ? row[x * channels + c] : zero);
  }
  check_surroundings(NULL, 0);

  const int8_t *map = random_bytes(channels * up4(width), SLACK);
  int8_t *nhwc = random_bytes(width * channels, 0);
  phinets_dsp_nhwc(width, channels, map, nhwc);
  for (int32_t i = 0; i < width * channels; i++)
    expect_equal("to nhwc", i, nhwc[i], map[i % channels * up4(width) + i / channels]);

  int32_t *sums = (int32_t *)(void *)random_bytes(4 * channels, 0);
  phinets_dsp_sum_row(width, channels, 1, map, sums);
  phinets_dsp_sum_row(width, channels, 0, map, sums);
  for (int32_t c = 0; c < channels; c++) {
    int32_t sum = 0;
    for (int32_t x = 0; x < width; x++) sum += map[c * up4(width) + x];
    expect_equal("sums", c, sums[c], 2 * sum);
  }
  check_surroundings(NULL, 0);

  const int32_t pad = between(1, 2), n = bytes8(width, channels, pad);
  int8_t *planes8 = random_bytes(n, 7);
  phinets_dsp_planes8(width, channels, zero, pad, row, planes8);
  for (int32_t i = 0; i < n; i++) {
    const int32_t c = i / (width + pad), x = i % (width + pad) - pad;
    expect_equal("to planes8", i, planes8[i], c < channels && x >= 0 ? row[x * channels + c] : zero);
  }
  check_surroundings(planes8, 7);
}

static void add_case(void) {
  const int32_t size = between(1, 40), kind = between(0, 3);
  phinets_addition layer = {
      {between(-128, 127), 1 << 30, 0},
      {between(-128, 127), 1 << 30, 0},
      20,
      {between(-128, 127), random_multiplier(), chance(90) ? -between(15, 22) : -between(1, 31)},
  };
  phinets_scaling *operands[2] = {&layer.a, &layer.b};
  for (int32_t i = 0; i < 2; i++)
    if (kind == i || kind == 3) {
      operands[i]->multiplier = random_multiplier();
      operands[i]->shift = chance(85) ? -between(1, 4) : -between(1, 31);
    }
  /* Sums of a few units, so that the rounding of halves, also of negative ones, is visible in the output. */
  const int tiny = kind == 0 && chance(33);
  if (tiny && chance(50)) layer.a.multiplier = 1 << 30;
  if (tiny) layer.a.shift = -between(17, 22), layer.output.shift = -between(1, 3);
  const phinets_dsp_addition dsp = {
      {layer.a.zero_point, (int32_t)((uint32_t)layer.a.multiplier << 1), -layer.a.shift},
      {layer.b.zero_point, (int32_t)((uint32_t)layer.b.multiplier << 1), -layer.b.shift},
      (int32_t)((uint32_t)layer.output.multiplier << 1),
      (int32_t)(0u - (1u << (32 + layer.output.shift))),
      layer.output.zero_point,
  };
  int8_t *a = random_bytes(size, 0), *b = random_bytes(size, 0), *expected = take(size, 0);
  if (tiny) memset(b, layer.b.zero_point, (size_t)size);
  reference_add(&layer, size, a, b, expected);
  int8_t *output = chance(30) ? a : random_bytes(size, 0); /* sometimes in place */
  phinets_dsp_add(&dsp, size, a, b, output);
  expect_bytes("dsp add", output, expected, size);
  check_surroundings(NULL, 0);
}

typedef struct {
  phinets_convolution layer;
  phinets_dsp_depthwise dsp;
  int bytes; /* 1: planes8, 0: planes16 */
} both;

static both draw_depthwise(void) {
  both d;
  memset(&d, 0, sizeof d);
  d.bytes = chance(50);
  const int32_t k = chance(50) ? 3 : 5, half = k / 2, stride = between(1, 2);
  const int32_t most = k == 3 && d.bytes ? 1 : 2; /* maximum padding on the left and on the right */
  const int32_t channels = chance(25) ? between(1, 3) : between(1, 20);
  phinets_map in = {0, 0, channels}, out = in;
  int32_t left, top;
  do {
    in.width = chance(75) ? between(1, 26) : between(1, 4), in.height = between(1, 7);
    left = chance(60) ? half : between(0, most), top = between(0, half);
    out.height = (in.height + top + between(0, half) - k + stride) / stride;
    out.width = (in.width + left + between(0, most) - k + stride) / stride;
  } while (out.height < 1 || out.width < 1);
  int8_t *weights = random_bytes(channels * k * k, 0), *shift = take(channels, 0);
  int8_t *table = chance(50) ? random_bytes(256, 0) : NULL;
  int32_t *bias = take(4 * channels, 0), *multiplier = take(4 * channels, 0);
  int32_t *words = take(4 * channels * (k == 3 ? 6 : 20), 0), *word = words;
  phinets_dsp_channel *constants = take(channels * (int32_t)sizeof *constants, 0);
  const int32_t zero = between(-128, 127);
  for (int32_t c = 0; c < channels; c++) {
    const int8_t *taps = weights + c * k * k;
    int32_t sum = 0;
    for (int32_t i = 0; i < k * k; i++) sum += taps[i];
    bias[c] = chance(90) ? between(-20000, 20000) : between(-(1 << 29), 1 << 29);
    multiplier[c] = random_multiplier();
    shift[c] = (int8_t)(chance(80) ? -between(5, 11) : -between(1, 31));
    constants[c].bias = bias[c] - zero * sum;
    constants[c].multiplier = (int32_t)((uint32_t)multiplier[c] << 1);
    constants[c].power = (int32_t)(0u - (1u << (32 + shift[c])));
    for (int32_t r = 0; r < k; r++, taps += k) {
      *word++ = pair(taps[0], taps[1]);
      if (k == 5) *word++ = pair(taps[2], taps[3]);
      *word++ = pair(taps[1], taps[2]);
      if (k == 5) *word++ = pair(taps[3], taps[4]);
    }
  }
  const int32_t output_zero = between(-128, 127);
  d.layer = (phinets_convolution){in, out, k, k, stride, stride, top, left, zero, weights,
                                  {bias, multiplier, shift, output_zero, table}};
  d.dsp = (phinets_dsp_depthwise){out.width, channels, in.width, stride, left, words, constants,
                                  table ? table + 128 : NULL, output_zero, zero};
  return d;
}

/* Computes a row, to quads or, if quads is NULL, to map8. */
static void run(const both *d, const void *const *rows, int32_t *quads, int8_t *map8, void *scratch) {
  const phinets_dsp_depthwise *dsp = &d->dsp;
  const int three = d->layer.kernel_height == 3;
  const int16_t *rows16[5];
  const int8_t *rows8[5];
  for (int32_t i = 0; i < d->layer.kernel_height; i++) rows16[i] = rows[i], rows8[i] = rows[i];
  if (three && !d->bytes && quads) phinets_dsp_depthwise3_planes16_quads(dsp, rows16, quads, scratch);
  else if (three && !d->bytes) phinets_dsp_depthwise3_planes16_map8(dsp, rows16, map8, scratch);
  else if (three && quads) phinets_dsp_depthwise3_planes8_quads(dsp, rows8, quads, scratch);
  else if (three) phinets_dsp_depthwise3_planes8_map8(dsp, rows8, map8, scratch);
  else if (!d->bytes && quads) phinets_dsp_depthwise5_planes16_quads(dsp, rows16, quads, scratch);
  else if (!d->bytes) phinets_dsp_depthwise5_planes16_map8(dsp, rows16, map8, scratch);
  else if (quads) phinets_dsp_depthwise5_planes8_quads(dsp, rows8, quads, scratch);
  else phinets_dsp_depthwise5_planes8_map8(dsp, rows8, map8, scratch);
}

static void depthwise_case(void) {
  const both d = draw_depthwise();
  const phinets_map in = d.layer.input, out = d.layer.output;
  const int32_t channels = in.channels, k = d.layer.kernel_height, groups = (channels + 3) / 4;
  const int8_t *picture = random_bytes(in.height * in.width * channels, 0);
  int8_t *expected = take(out.height * out.width * channels, 0);
  reference_convolution(&d.layer, 1, picture, expected);
  const void *planes[7];
  const int32_t n = d.bytes ? bytes8(in.width, channels, k / 2) : bytes16(in.width, channels);
  for (int32_t y = 0; y < in.height; y++) {
    const int8_t *from = picture + y * in.width * channels;
    /* Conversions may write 7 bytes beyond the row; kernels may read beyond it, where the bytes are undefined. */
    int8_t *row = random_bytes(n + 7, SLACK - 7);
    if (d.bytes) phinets_dsp_planes8(in.width, channels, d.layer.input_zero_point, k / 2, from, row);
    else phinets_dsp_planes16(in.width, channels, d.layer.input_zero_point, from, (int16_t *)(void *)row);
    planes[y] = row;
  }
  int8_t *scratch = random_bytes(2 * (up4(in.width) + 8), SLACK);
  const int map8 = chance(50);
  const int32_t size = map8 ? channels * up4(out.width) : up4(out.width) / 4 * groups * 32;
  for (int32_t y = 0; y < out.height; y++, expected += out.width * channels) {
    const void *rows[5];
    for (int32_t i = 0; i < k; i++) {
      const int32_t from = y * d.layer.stride_y - d.layer.pad_top + i;
      rows[i] = from < 0 || from >= in.height ? NULL : planes[from];
    }
    int8_t *output = random_bytes(size, 0);
    const int32_t *quads = (const int32_t *)(const void *)output;
    run(&d, rows, map8 ? NULL : (int32_t *)(void *)output, output, scratch);
    for (int32_t i = 0; i < out.width * channels; i++) {
      const int32_t x = i / channels, c = i % channels;
      if (map8) {
        expect_equal("depthwise to map8", i, output[c * up4(out.width) + x], expected[i]);
        continue;
      }
      const uint32_t word = (uint32_t)quads[(x / 4 * groups + c / 4) * 8 + (c & 1) * 4 + x % 4];
      expect_equal("depthwise to quads", i, (int16_t)(uint16_t)(c & 2 ? word >> 16 : word & 0xffffu), expected[i]);
    }
  }
  check_surroundings(NULL, 0);
}

/* Any window, stride and padding, on nhwc rows. */
static void depthwise_nhwc_case(void) {
  const int32_t channels = chance(25) ? 4 : between(4, 19), rows = between(1, 6), columns = between(1, 6);
  const int32_t stride_x = between(1, 3), stride_y = between(1, 3);
  phinets_map in = {0, 0, channels}, out = in;
  int32_t left, top;
  do {
    in.width = chance(50) ? between(1, 3) : between(1, 12), in.height = between(1, 9);
    left = between(0, columns), top = between(0, rows);
    out.height = (in.height + top + between(0, rows) - rows + stride_y) / stride_y;
    out.width = (in.width + left + between(0, columns) - columns + stride_x) / stride_x;
  } while (out.height < 1 || out.width < 1);
  const int32_t taps = rows * columns, fours = up4(channels) / 4;
  int8_t *weights = random_bytes(channels * taps, 0), *shift = take(channels, 0);
  int8_t *table = chance(50) ? random_bytes(256, 0) : NULL;
  int32_t *bias = take(4 * channels, 0), *multiplier = take(4 * channels, 0);
  int32_t *words = take(8 * fours * taps, 0), *word = words;
  phinets_dsp_channel *constants = take(channels * (int32_t)sizeof *constants, 0);
  const int32_t zero = between(-128, 127), output_zero = between(-128, 127);
  for (int32_t c = 0; c < channels; c++) {
    int32_t sum = 0;
    for (int32_t i = 0; i < taps; i++) sum += weights[c * taps + i];
    bias[c] = chance(90) ? between(-20000, 20000) : between(-(1 << 29), 1 << 29);
    multiplier[c] = random_multiplier();
    shift[c] = (int8_t)(chance(80) ? -between(5, 11) : -between(1, 31));
    constants[c].bias = bias[c] - zero * sum;
    constants[c].multiplier = (int32_t)((uint32_t)multiplier[c] << 1);
    constants[c].power = (int32_t)(0u - (1u << (32 + shift[c])));
  }
  for (int32_t four = 0; four < fours; four++) {
    const int8_t *w = weights + (4 * four < channels - 4 ? 4 * four : channels - 4) * taps;
    for (int32_t i = 0; i < taps; i++) {
      *word++ = pair(w[i], w[2 * taps + i]);
      *word++ = pair(w[taps + i], w[3 * taps + i]);
    }
  }
  const phinets_convolution layer = {in, out, rows, columns, stride_y, stride_x, top, left, zero, weights,
                                     {bias, multiplier, shift, output_zero, table}};
  const phinets_dsp_taps dsp = {out.width, channels, in.width, rows, columns, stride_x, left, words, constants,
                                table ? table + 128 : NULL, output_zero, zero};
  const int8_t *picture = random_bytes(in.height * in.width * channels, SLACK);
  int8_t *expected = take(out.height * out.width * channels, 0);
  reference_convolution(&layer, 1, picture, expected);
  int8_t *scratch = random_bytes(4 * (taps + 2) + up4(channels), 0);
  for (int32_t y = 0; y < out.height; y++, expected += out.width * channels) {
    const int8_t *lines[6];
    for (int32_t i = 0; i < rows; i++) {
      const int32_t from = y * stride_y - top + i;
      lines[i] = from < 0 || from >= in.height ? NULL : picture + from * in.width * channels;
    }
    int8_t *output = random_bytes(out.width * channels, 0);
    phinets_dsp_depthwise_nhwc(&dsp, lines, output, scratch);
    expect_bytes("depthwise of pixels", output, expected, out.width * channels);
  }
  check_surroundings(NULL, 0);
}

/* Windows of a row as nhwc pixels. */
static void windows_case(void) {
  const phinets_dsp_window layer = {between(1, 6), between(1, 9), between(1, 7), between(1, 5),
                                    between(1, 6), between(1, 3), between(0, 7), between(-128, 127)};
  const int32_t columns = layer.kernel_width, channels = layer.channels;
  const int8_t *rows[5];
  for (int32_t r = 0; r < layer.kernel_height; r++)
    rows[r] = chance(20) ? NULL : random_bytes(layer.input_width * channels, 0);
  const int32_t size = layer.width * layer.kernel_height * columns * channels;
  int8_t *output = random_bytes(size, 0);
  phinets_dsp_nhwc_window(&layer, rows, output);
  for (int32_t i = 0; i < size; i++) {
    const int32_t c = i % channels, k = i / channels % columns, r = i / (channels * columns) % layer.kernel_height;
    const int32_t x = i / (channels * columns * layer.kernel_height) * layer.stride_x - layer.pad_left + k;
    const int inside = rows[r] && x >= 0 && x < layer.input_width;
    expect_equal("windows", i, output[i], inside ? rows[r][x * channels + c] : layer.zero_point);
  }
  check_surroundings(NULL, 0);
}

void dsp_depthwise_test(int32_t cases) {
  for (int32_t i = 0; i < cases; i++) {
    for (int32_t k = 0; k < 4; k++) {
      depthwise_case();
      end_case();
    }
    depthwise_nhwc_case();
    end_case();
    windows_case();
    end_case();
    add_case();
    end_case();
    layout_case();
    end_case();
  }
}
