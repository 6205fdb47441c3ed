/*
 * Prepares the loops of armv6m_*.S for the layers that they support, one run of outputs at a time.
 *
 * Sums of products. One multiplication computes two products and their sum. For two values a and b of a pixel (or
 * window) and their weights c and d,
 *   (a - b 2^16) (c 2^16 - d) = (a c + b d) 2^16 - a d   (mod 2^32).
 * The low half is signed, -16384..16256, so the high half is one too small if bit 15 is set: a right shift by 16 moves
 * that bit to the carry flag, and an add with carry corrects the sum. a c + b d is -32512..32768. It is 32768 only if
 * all four are -128, and then the low half is negative, so the high half is 32767 plus a carry. The method is therefore
 * exact for any int8. Both factors are packed in advance: the weights of a filter once per run, the pixels of a run
 * once for all filters.
 *
 * Depthwise convolution. Each column of pixels is loaded once and added to the windows that contain it, whose sums stay
 * in registers until they are complete. Columns outside the map hold the zero point; their contribution is computed in
 * advance. Rows outside the map get weights of 0.
 *
 * Requantisation (output.c, requantize.h) is acc m / 2^31, rounded, / 2^s, rounded. Here a product of the upper bits of
 * acc and m gives the result, unless it is so near a rounding boundary that the omitted bits could matter:
 *   n = min(s, 6), L = 2^(n + 9)
 *   a = (acc + L 2^(s - n)) >> (s - n)      0..2L - 1, or the result saturates
 *   p = (a - L) k, k = round(m / 2^(n + 9))  2^22 is one step of the result
 * Truncating acc makes p too small by up to k (by 0 if s = n), rounding m changes p by up to L / 2, and the two
 * roundings together move a boundary by half a unit of the first, D = 2^(21 - s), in either direction. If the lowest
 * and the highest possible value give the same result, it is used; else (one time in 40 at s = 8) the exact formula is
 * used. The accumulators start with L 2^(s - n), so that all other constants are a single addition to a k.
 *
 * Sums and products of rows (elementwise.c) are, except for their roundings, linear functions of one or two int8
 * values, so the same test applies, with 2^21 per step. For a product, |(a - zero point) k| is at most 255 * 255 *
 * 2^(21 - s), below 2^31 - 2^23 for s = 6; adding the base, 0..2^29, may exceed 2^31. Values that wrap around still lie
 * outside 0..2^29, so they are not mistaken for valid results; for values outside, the sign of the product without the
 * base tells which limit applies.
 */
#include "armv6m.h"

#if defined(PHINETS_ARMV6M)

#include "armv6m_offsets.h"
#include "output.h"

#if !defined(PHINETS_ARMV6M_IN_C)
/* Checks the assembler's offsets against the structs. */
#define SAME(type, member, offset) typedef char same_##offset[offsetof(type, member) == (offset) ? 1 : -1]
SAME(phinets_armv6m_channels, bias, BIAS);
SAME(phinets_armv6m_channels, multiplier, MULTIPLIER);
SAME(phinets_armv6m_channels, shift, SHIFT);
SAME(phinets_armv6m_channels, output, OUTPUT);
SAME(phinets_armv6m_channels, table, TABLE);
SAME(phinets_armv6m_channels, sums, SUMS);
SAME(phinets_armv6m_channels, sums_end, SUMS_END);
SAME(phinets_armv6m_channels, step, STEP);
SAME(phinets_armv6m_channels, base, BASE);
SAME(phinets_armv6m_channels, zero_point, ZERO_POINT);
SAME(phinets_armv6m_channels, current_multiplier, CURRENT_MULTIPLIER);
SAME(phinets_armv6m_channels, right_shift, RIGHT_SHIFT);
SAME(phinets_armv6m_channels, added, ADDED);
SAME(phinets_armv6m_channels, start, START);
SAME(phinets_armv6m_product, pixels, PIXELS);
SAME(phinets_armv6m_product, filter, FILTER);
SAME(phinets_armv6m_product, weights, WEIGHTS);
SAME(phinets_armv6m_product, taps, TAPS);
SAME(phinets_armv6m_product, pairs, PAIRS);
SAME(phinets_armv6m_product, sums, DOTS);
SAME(phinets_armv6m_product, sums_end, DOTS_END);
SAME(phinets_armv6m_product, zero_point, TAPS_ZERO);
SAME(phinets_armv6m_product, filters, FILTERS);
SAME(phinets_armv6m_depthwise, weights, CHANNEL_WEIGHTS);
SAME(phinets_armv6m_depthwise, present, PRESENT);
SAME(phinets_armv6m_depthwise, zero_point, INPUT_ZERO);
SAME(phinets_armv6m_depthwise, count, COUNT);
SAME(phinets_armv6m_depthwise, pixel, PIXEL);
SAME(phinets_armv6m_depthwise, padded, PADDED);
SAME(phinets_armv6m_depthwise, next, NEXT);
SAME(phinets_armv6m_depthwise, sums, COMPLETED);
SAME(phinets_armv6m_depthwise, sums_end, COMPLETED_END);
SAME(phinets_armv6m_depthwise, right, RIGHT);
SAME(phinets_armv6m_depthwise, rows, ROWS);
SAME(phinets_armv6m_addition, a, ADD_A);
SAME(phinets_armv6m_addition, b, ADD_B);
SAME(phinets_armv6m_addition, base, ADD_BASE);
SAME(phinets_armv6m_addition, near, ADD_NEAR);
SAME(phinets_armv6m_addition, size, ADD_SIZE);
SAME(phinets_armv6m_factors, scale, FACTOR_SCALE);
SAME(phinets_armv6m_factors, base, FACTOR_BASE);
SAME(phinets_armv6m_factors, near, FACTOR_NEAR);
SAME(phinets_armv6m_factors, a_zero_point, FACTOR_A_ZERO);
SAME(phinets_armv6m_factors, b_zero_point, FACTOR_B_ZERO);
SAME(phinets_armv6m_factors, channels, FACTOR_CHANNELS);
SAME(phinets_armv6m_factors, pixels, FACTOR_PIXELS);
#endif

void phinets_armv6m_channels_begin(phinets_armv6m_channels *channels, const phinets_requantization *r,
                                   const int32_t *sums, int32_t count, int8_t *output, int32_t step) {
  channels->bias = r->bias;
  channels->multiplier = r->multiplier;
  channels->shift = r->shift;
  channels->output = output;
  channels->table = r->table;
  channels->sums = sums;
  channels->sums_end = sums + count;
  channels->step = step;
  channels->base = ((uint32_t)(r->zero_point + 128) << 22) + (1u << 21) - 1;
  channels->zero_point = r->zero_point + 128;
}

/* Requantises the current channel by the exact formula, for multipliers and shifts outside the fast method's range.
   Called from assembly. */
void phinets_armv6m_quantize_exactly(phinets_armv6m_channels *channels);
void phinets_armv6m_quantize_exactly(phinets_armv6m_channels *channels) {
  const int8_t shift = (int8_t)-channels->right_shift;
  const phinets_requantization one = {
      NULL, &channels->current_multiplier, &shift, channels->zero_point - 128, channels->table,
  };
  phinets_quantize(&one, 0, channels->sums, (int32_t)(channels->sums_end - channels->sums), channels->output++,
                   channels->step);
}

/* Length of a run: an even number, as large as the working memory allows, chosen so that the runs of a row have about
   the same length. 0: there is not enough memory for two pixels. */
static int32_t run_of(int32_t outputs, int32_t pairs) {
  const int32_t room = (PHINETS_ARMV6M_BUFFER - 4 * pairs) / (4 * pairs) / 2 * 2;
  const int32_t most = room < PHINETS_RUN ? room : PHINETS_RUN;
  if (most < 2) return 0;
  const int32_t runs = (outputs + most - 1) / most;
  return ((outputs + runs - 1) / runs + 1) / 2 * 2;
}

static void product_begin(phinets_armv6m_product *product, const phinets_convolution *layer, int32_t taps,
                          uint32_t *words, int32_t *sums, int32_t n, int8_t *output) {
  const int32_t filters = layer->output.channels;
  phinets_armv6m_channels_begin(&product->channels, &layer->requantization, sums, n, output, filters);
  product->filter = words;
  product->pairs = (taps + 1) >> 1;
  product->pixels = words + product->pairs;
  product->weights = layer->weights;
  product->taps = taps;
  product->sums = sums;
  product->sums_end = sums + (n + 1) / 2 * 2;
  product->zero_point = 0;
  product->filters = filters;
}

int phinets_armv6m_pointwise_row(const phinets_convolution *layer, const int8_t *input, int8_t *output) {
  uint32_t words[PHINETS_ARMV6M_BUFFER / 4];
  int32_t sums[PHINETS_RUN];
  const int32_t taps = layer->input.channels, pairs = (taps + 1) >> 1, width = layer->output.width;
  const int32_t run = run_of(width, pairs);
  if (width < 2 || run == 0) return 0;
  for (int32_t first = 0; first < width; first += run) {
    const int32_t n = width - first < run ? width - first : run;
    phinets_armv6m_product product;
    product_begin(&product, layer, taps, words, sums, n, output + first * layer->output.channels);
    uint32_t *to = words + pairs;
    for (int32_t i = 0; i < n; i += 2, input += 2 * taps, to += 2 * pairs)
      phinets_armv6m_pack(input, i + 1 < n ? input + taps : input, taps, to);
    phinets_armv6m_multiply_all(&product);
  }
  return 1;
}

/* Copies the window of output ox to `taps`, row by row, with the zero point outside the map. */
static void gather(const phinets_convolution *layer, const int8_t *const *rows, int32_t ox, int8_t *taps) {
  const int32_t width = layer->kernel_width, channels = layer->input.channels;
  const int32_t x = ox * layer->stride_x - layer->pad_left;
  const int32_t left = x < 0 ? -x : 0, right = x + width > layer->input.width ? layer->input.width - x : width;
  const int32_t run = width * channels;
  const int8_t zero = (int8_t)layer->input_zero_point;
  for (int32_t ky = 0; ky < layer->kernel_height; ky++, taps += run) {
    int32_t k = 0;
    if (rows[ky] != NULL && left < right) {
      for (; k < left * channels; k++) taps[k] = zero;
      for (const int8_t *p = rows[ky] + x * channels; k < right * channels; k++) taps[k] = p[k];
    }
    for (; k < run; k++) taps[k] = zero;
  }
}

int phinets_armv6m_conv2d_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output) {
  enum { MOST_TAPS = 512 };
  uint32_t words[PHINETS_ARMV6M_BUFFER / 4];
  int32_t sums[PHINETS_RUN];
  int8_t windows[2][MOST_TAPS];
  const int32_t width = layer->output.width;
  const int32_t taps = layer->kernel_height * layer->kernel_width * layer->input.channels, pairs = (taps + 1) >> 1;
  const int32_t run = run_of(width, pairs);
  if (run == 0 || taps > MOST_TAPS) return 0;
  for (int32_t first = 0; first < width; first += run) {
    const int32_t n = width - first < run ? width - first : run;
    phinets_armv6m_product product;
    product_begin(&product, layer, taps, words, sums, n, output + first * layer->output.channels);
    product.zero_point = layer->input_zero_point;
    uint32_t *to = words + pairs;
    for (int32_t i = 0; i < n; i += 2, to += 2 * pairs) {
      gather(layer, rows, first + i, windows[0]);
      gather(layer, rows, first + (i + 1 < n ? i + 1 : i), windows[1]);
      phinets_armv6m_pack(windows[0], windows[1], taps, to);
    }
    phinets_armv6m_multiply_all(&product);
  }
  return 1;
}

int phinets_armv6m_depthwise_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output) {
  /* With room for unused sums before the first and after the last. */
  int32_t sums[4 + PHINETS_RUN + 2];
  const int32_t width = layer->output.width, channels = layer->output.channels, stride = layer->stride_x;
  const int32_t size = layer->kernel_width, most = size >> 1;
  const int32_t before = layer->pad_left, after = (width - 1) * stride + size - before - layer->input.width;
  if (layer->kernel_height != size || (size != 3 && size != 5) || stride > 2 || before > most || after > most) return 0;
  phinets_armv6m_depthwise d;
  const int8_t *any = NULL;
  d.present = 0;
  for (int32_t i = 0; i < size; i++)
    if (rows[i] != NULL) any = rows[i], d.present |= 1 << i;
  if (any == NULL) return 0;
  d.zero_point = layer->input_zero_point;
  d.pixel = channels;
  for (int32_t first = 0; first < width; first += PHINETS_RUN) {
    const int32_t n = width - first < PHINETS_RUN ? width - first : PHINETS_RUN;
    const int32_t x = first * stride - before;
    const int32_t end = x + (n - 1) * stride + size - layer->input.width;
    const int32_t left = x < 0 ? -x : 0, right = end > 0 ? end : 0;
    phinets_armv6m_channels_begin(&d.channels, &layer->requantization, sums + 4, n, output + first * channels,
                                  channels);
    d.weights = layer->weights;
    d.count = channels;
    d.padded = left + 4 * right;
    d.next = 0;
    for (int32_t i = 0; i < size; i++)
      d.rows[i * (size + 1)] = (uintptr_t)((rows[i] != NULL ? rows[i] : any) + (x + left) * channels);
    if (stride == 1) {
      d.sums = sums + 4 - (size - 1 - left);
      d.sums_end = sums + 4 + n - right;
      (size == 3 ? phinets_armv6m_slide : phinets_armv6m_slide_5)(&d);
    } else {
      d.sums = sums + 4 - (size == 5 && left < 2);
      d.sums_end = sums + 4 + n - (right > 0);
      (size == 3 ? phinets_armv6m_slide_strided : phinets_armv6m_slide_strided_5)(&d);
    }
  }
  return 1;
}

/* One sum by the exact formula. Called from assembly. */
int32_t phinets_armv6m_add_exactly(const phinets_armv6m_addition *addition, int8_t a, int8_t b);
int32_t phinets_armv6m_add_exactly(const phinets_armv6m_addition *addition, int8_t a, int8_t b) {
  const phinets_addition *layer = addition->layer;
  return phinets_sum_of(layer->a, layer->b, layer->output, 1 << layer->left_shift, a, b);
}

/* The factor of an operand times 2^21, with an error of at most 1. -1 if that is 2^29 or more, 0 if it is
   negligible. */
static int32_t addend(const phinets_scaling *operand, const phinets_scaling *output) {
  const int32_t right = -(10 + operand->shift + output->shift);
  if (right < 1 || right > 31) return right < 1 ? -1 : 0;
  return ((phinets_high_multiply(operand->multiplier, output->multiplier) >> (right - 1)) + 1) >> 1;
}

int phinets_armv6m_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  const int32_t s = -layer->output.shift;
  if (layer->left_shift != 20 || layer->a.shift > 0 || layer->b.shift > 0 || s < 8 || s > 31 || size < 1) return 0;
  const int32_t first = addend(&layer->a, &layer->output), second = addend(&layer->b, &layer->output);
  if (first < 0 || second < 0 || first > 5 << 19 || second > 5 << 19 || first + second > 5 << 20) return 0;
  /* Error bound: up to 1 per unit of a and b, and 2.5 * 2^-s quantisation steps for the roundings before the last. */
  const uint32_t off = 2 * 255 + (5u << 20 >> s) + 2;
  const int32_t zero = layer->a.zero_point * first + layer->b.zero_point * second;
  const phinets_armv6m_addition addition = {
      first, second, ((uint32_t)(layer->output.zero_point + 128) << 21) + (1u << 20) - off - (uint32_t)zero,
      -(2 * off + 2) << 11, size, layer,
  };
  phinets_armv6m_add_short(&addition, a, b, output);
  return 1;
}

/* One product by the exact formula. Called from assembly. */
int32_t phinets_armv6m_multiply_exactly(const phinets_armv6m_factors *factors, int8_t a, int8_t b);
int32_t phinets_armv6m_multiply_exactly(const phinets_armv6m_factors *factors, int8_t a, int8_t b) {
  return phinets_product_of(factors->a_zero_point, factors->b_zero_point, factors->layer->output, a, b);
}

int phinets_armv6m_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a,
                            const int8_t *b, int8_t *output) {
  const int32_t s = -layer->output.shift;
  if (s < 6 || s > 20 || pixels < 1 || channels < 1) return 0;
  /* Error bound: up to 1 per unit of a for the factor; the two roundings move a boundary by half of 2^-s steps. */
  const uint32_t off = 255 + (1u << 20 >> s) + 2;
  const phinets_armv6m_factors factors = {
      ((layer->output.multiplier >> (s + 1)) + 1) >> 1,
      ((uint32_t)(layer->output.zero_point + 128) << 21) + (1u << 20) - off,
      -(2 * off + 2) << 11, layer->a_zero_point, layer->b_zero_point, channels, pixels, layer,
  };
  phinets_armv6m_multiply_short(&factors, a, b, output);
  return 1;
}

#endif
