/*
 * Row kernels for cores with Helium, the vector extension of Armv8.1-M (Cortex-M55, M85). Each call computes one row of
 * a layer's output. Rows are NHWC, int8 [width][channels], like those of the portable kernels. The inner loops of
 * products and depthwise layers are in assembly (helium_*.S), because they need eight accumulators in even registers,
 * which compilers do not manage. Equivalent loops in C define them and run on all other machines. Results are bit-exact
 * with TensorFlow Lite Micro's int8 reference kernels.
 *
 * A channel's requantisation is three words: the bias, with -input_zero_point * sum(weights) folded in; a Q31
 * multiplier in 2^30..2^31 - 1; a shift in -31..-1 (to the right). With |accumulator| < 2^30 this is TensorFlow Lite's
 * double rounding:
 *   x = VQRDMULH(accumulator, multiplier)   round(accumulator * multiplier / 2^31)
 *   x = x + (x >> 31)                       halves away from zero; the accumulator's sign serves as well
 *   q = saturate(VRSHL(x, shift) + zero_point)
 * The generator uses the portable kernels for networks outside these ranges.
 */
#ifndef PHINETS_HELIUM_H
#define PHINETS_HELIUM_H

#include <stdint.h>

#include "phinets_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A 1x1 convolution, a dense layer (width 1), or the products of the windows of a convolution. Filters are in groups of
   four, fours = ceil(filters / 4). The last group overlaps the one before if necessary; fewer than four filters are
   completed with zeros.
   weights: [fours][ceil(inputs / 16)][4 filters][16], with zeros before the inputs (right-aligned).
   channels: [fours][bias, multiplier, shift][4]. */
typedef struct {
  int32_t width, inputs, filters;
  const int8_t *weights;
  const int32_t *channels;
  const int8_t *table; /* activation: table[q] for q = -128..127; NULL: none */
  int32_t zero_point;  /* of the output, before the table */
} phinets_helium_product;

/* Products of `pixels` contiguous pixels of layer->inputs bytes with all filters. Reads nothing beyond the pixels.
   output: [pixels][filters]. */
void phinets_helium_product_row(const phinets_helium_product *layer, int32_t pixels, const int8_t *input,
                                int8_t *output);

/* A convolution with any window. Windows are copied to `scratch`, those of PHINETS_HELIUM_WINDOWS pixels at a time. */
typedef struct {
  phinets_helium_product product; /* inputs: kernel_height * kernel_width * channels */
  int32_t input_width, channels;
  int32_t kernel_height, kernel_width, stride_x, pad_left;
  int32_t zero_point; /* of the input */
} phinets_helium_convolution;

enum { PHINETS_HELIUM_WINDOWS = 8 };

/* One row of a convolution. rows[i] is the input row that kernel row i reads, NULL outside the map. scratch:
   min(width, PHINETS_HELIUM_WINDOWS) * inputs bytes. */
void phinets_helium_conv2d_row(const phinets_helium_convolution *layer, const int8_t *const *rows, int8_t *output,
                               int8_t *scratch);

/* A depthwise convolution, 3x3 or 5x5, with stride 1 or 2. For sixteen channels at a time, pixels are copied to
   `scratch` as words with the pixels of four rows, [pixel][16][4], so that one load gets all taps of a window.
   weights, 3x3: [channels][16]: for each column its three rows and 0; then zeros.
   weights, 5x5: [channels][32]: for each column its first four rows; then the last row's five columns; then zeros.
   constants: [channels][bias, multiplier, shift]. */
typedef struct {
  int32_t width, channels, input_width, stride, pad_left;
  const int8_t *weights;
  const int32_t *constants;
  const int8_t *table; /* as in phinets_helium_product */
  int32_t zero_point, input_zero_point;
} phinets_helium_depthwise;

/* Outputs per run, the unit for which words are prepared in scratch; 5x5 with stride 2 uses short runs to save
   scratch. */
enum { PHINETS_HELIUM_RUN = 16, PHINETS_HELIUM_SHORT_RUN = 8 };

/* One row of a depthwise convolution. rows[i] is the input row that kernel row i reads, NULL outside the map. scratch:
   at a multiple of 4. Its size follows from n = min(width, outputs per run), rounded up to 4, or to 8 if above 4 and
   below 8, and pixels = (n - 1) * stride + size: 64 * pixels bytes for 3x3, 144 * pixels + 48 for 5x5. */
void phinets_helium_depthwise3_row(const phinets_helium_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                   int8_t *scratch);
void phinets_helium_depthwise5_row(const phinets_helium_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                   int8_t *scratch);

/* As the portable kernels of these names (phinets_kernels.h); all shifts must be to the right (or 0 for operands of an
   addition). */
void phinets_helium_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);
void phinets_helium_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a,
                             const int8_t *b, int8_t *output);
void phinets_helium_sum_row(const phinets_average *layer, int first, const int8_t *row, int32_t *sums);

/* output[i] = table[input[i]] for `size` elements; `table` points to the entry for 0. output may be input. */
void phinets_helium_lookup(const int8_t *table, int32_t size, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
