/*
 * Row kernels for cores with Helium, the vectors of Armv8.1-M (Cortex-M55, M85). A call makes one row of a layer's output;
 * rows are NHWC, int8 [width][channels], as those of the portable kernels. The inner loops of products and depthwise layers
 * are assembly (helium_*.S), because a compiler cannot hold their eight accumulators, which must be even registers; the same
 * in C, which runs everywhere else, defines them. Arithmetic: TensorFlow Lite Micro's int8 reference kernels, bit for bit.
 *
 * A channel's rescaling is three words: bias, with -input_zero_point * sum(weights) folded in; a Q31 multiplier in
 * 2^30..2^31 - 1; a shift in -31..-1, to the right. With |accumulator| < 2^30 this is TensorFlow Lite's double rounding:
 *   x = VQRDMULH(accumulator, multiplier)   round(accumulator * multiplier / 2^31)
 *   x = x + (x >> 31)                       halves away from zero; the accumulator's sign serves as well
 *   q = saturate(VRSHL(x, shift) + zero_point)
 * The generator chooses the portable kernels where a network needs more.
 */
#ifndef PHINETS_HELIUM_H
#define PHINETS_HELIUM_H

#include <stdint.h>

#include "phinets_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A 1x1 convolution, a dense layer (width 1), or the products of a convolution's windows. Filters go in fours; the last four
   overlap those before them, and fewer than four are filled up with zeros.
   weights: [fours][ceil(inputs / 16)][4 filters][16], the inputs right-aligned: zeros come first.
   channels: [fours][bias, multiplier, shift][4]. */
typedef struct {
  int32_t width, inputs, filters;
  const int8_t *weights;
  const int32_t *channels;
  const int8_t *table; /* its middle: table[q], q = -128..127; NULL where there is none */
  int32_t zero_point;
} phinets_helium_product;

/* `pixels` pixels of layer->inputs bytes each, one after the other. Reads nothing beside them. */
void phinets_helium_product_row(const phinets_helium_product *layer, int32_t pixels, const int8_t *input,
                                int8_t *output);

/* A convolution of any window: its windows are copied to `scratch`, PHINETS_HELIUM_WINDOWS pixels at a time. */
typedef struct {
  phinets_helium_product product; /* inputs: kernel_height * kernel_width * channels */
  int32_t input_width, channels;
  int32_t kernel_height, kernel_width, stride_x, pad_left;
  int32_t zero_point; /* of the input */
} phinets_helium_convolution;

enum { PHINETS_HELIUM_WINDOWS = 8 };

/* rows[i] is the row that row i of the kernel reads, NULL outside the map. scratch: min(width, 8) * inputs bytes. */
void phinets_helium_conv2d_row(const phinets_helium_convolution *layer, const int8_t *const *rows, int8_t *output,
                               int8_t *scratch);

/* One filter a channel, 3x3 or 5x5, stride 1 or 2. A load brings a window's taps: of sixteen channels at a time, pixels are
   put into `scratch` as words of four rows [pixel][16][4].
   weights, 3x3: [channels][16]: column by column its three rows and 0; then zeros.
   5x5: [channels][32]: column by column the first four rows; then four columns of the last row; its fifth and zeros.
   constants: [channels][bias, multiplier, shift]. */
typedef struct {
  int32_t width, channels, input_width, stride, pad_left;
  const int8_t *weights;
  const int32_t *constants;
  const int8_t *table; /* as above */
  int32_t zero_point, input_zero_point;
} phinets_helium_depthwise;

/* Outputs of a channel that share its words; of 5x5 with stride 2 fewer, for the scratch. */
enum { PHINETS_HELIUM_RUN = 16, PHINETS_HELIUM_SHORT_RUN = 8 };

/* scratch, at a multiple of 4: with n the outputs of a run, width up to the run's length, and at least 4, or 8 from 5 on,
   pixels = (n - 1) * stride + size; 64 bytes each, 144 for 5x5, and 48 more there. */
void phinets_helium_depthwise3_row(const phinets_helium_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                   int8_t *scratch);
void phinets_helium_depthwise5_row(const phinets_helium_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                   int8_t *scratch);

/* As the portable kernels of these names; shifts are to the right. */
void phinets_helium_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);
void phinets_helium_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a,
                             const int8_t *b, int8_t *output);
void phinets_helium_sum_row(const phinets_average *layer, int first, const int8_t *row, int32_t *sums);

/* output[i] = table[input[i]]; output may be input. */
void phinets_helium_lookup(const int8_t *table, int32_t size, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
