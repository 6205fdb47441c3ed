/*
 * Row kernels for cores with the DSP extension (Cortex-M4, M7, M33, M55). Each call computes one row of a layer's
 * output. The inner loops are in assembly (dsp_*.S), because they need all 14 registers, which compilers do not manage.
 * Equivalent loops in C define them and run on all other machines. Results are bit-exact with TensorFlow Lite Micro's
 * int8 reference kernels. Arguments are not checked: the generator ensures what is stated here.
 *
 * Requantisation, exact in three instructions and a saturation:
 *   x = SMMLAR(acc, multiplier, acc)       round(acc * m / 2^31)
 *   x = x + (x >> 31)                      halves away from zero
 *   q = SMMLSR(x, power, zero_point)       round(x / 2^s) + zero_point
 *   q = SSAT8(q), then the activation table, if the layer has one
 *
 * Layouts of a row of W pixels and C channels; W4 is W rounded up to a multiple of 4:
 *   nhwc      int8 [W][C]
 *   planes16  int16, one plane per channel: two halfwords of padding, then W4 pixels; after the last plane, two more
 *             halfwords of padding. Padding and pixels W..W4-1 hold the zero point. The right padding of a plane is the
 *             left padding of the next.
 *   planes8   int8, one plane per channel: pad bytes of padding (1 for 3x3, 2 for 5x5), then W pixels; after the last
 *             plane, pad more bytes. Padding holds the zero point.
 *   map8      int8 [C][W4], the input of the scaling in squeeze-and-excite; pixels W..W4-1 are undefined
 *   quads     int16: four neighbouring pixels x0..x3, with channels in groups of four, k..k+3, of 8 words each:
 *             (x0[k] x0[k+2]) (x1[k] x1[k+2]) (x2..) (x3..) (x0[k+1] x0[k+3]) (x1..) (x2..) (x3..), the first value of
 *             a pair in the low half. W4 / 4 quads of G = ceil(C / 4) groups. Channels from C on are undefined; their
 *             weights are zero.
 * Rows start at multiples of 8 bytes. Kernels may read up to 32 bytes beyond a row. They never write beyond one, except
 * for up to 7 bytes after a row of planes8.
 */
#ifndef PHINETS_DSP_H
#define PHINETS_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Requantisation of one output channel. The generator guarantees |accumulator| < 2^30 and a right shift of 1..31. */
typedef struct {
  int32_t bias;       /* with -input_zero_point * sum(weights) folded in */
  int32_t multiplier; /* twice the Q31 multiplier, as a wrapped word */
  int32_t power;      /* -(2^(32 - right shift)) */
} phinets_dsp_channel;

/* ---- matrix products: 1x1 and general convolutions ---- */

typedef struct {
  int32_t width;   /* output pixels of a row */
  int32_t groups;  /* groups of four inputs: ceil(inputs / 4) */
  int32_t filters;
  const void *weights; /* per filter: 2 * groups words (w[k] w[k+2]) (w[k+1] w[k+3]), or 4 * groups bytes */
  const phinets_dsp_channel *channels; /* [filters] */
  const int8_t *table;                 /* activation: pointer to the entry for 0 of 256, or NULL */
  int32_t zero_point;                  /* of the output, before the table */
  int32_t bytes;                       /* 1: weights are bytes; 0: words */
  int32_t padding; /* value of the padding of planes: the quantised 0 after the table */
} phinets_dsp_product;

/* Products of a row of quads with all filters, written as nhwc, planes16 or planes8 (with `pad` pixels of padding). The
   loop over pixels is inside the loop over filters, so that the weights of a filter stay in the cache. In planes,
   padding and pixels from width on get `padding`. conv.h ConvPerChannel. */
void phinets_dsp_product_nhwc(const phinets_dsp_product *layer, const int32_t *quads, int8_t *output);
void phinets_dsp_product_planes16(const phinets_dsp_product *layer, const int32_t *quads, int16_t *output);
void phinets_dsp_product_planes8(const phinets_dsp_product *layer, const int32_t *quads, int32_t pad, int8_t *output);

/* Convert a row from nhwc or map8 to quads. */
void phinets_dsp_quads_nhwc(int32_t width, int32_t channels, const int8_t *row, int32_t *quads);
void phinets_dsp_quads_map8(int32_t width, int32_t channels, const int8_t *row, int32_t *quads);

/* Scaling in squeeze-and-excite: multiplies a map8 row by factors, one per channel, and converts it to quads.
   mul.h Mul. */
typedef struct {
  int32_t width, channels;
  int32_t a_zero_point, b_zero_point; /* of the map and of the factors */
  int32_t multiplier, power;          /* as in phinets_dsp_channel */
  int32_t zero_point;
} phinets_dsp_scale;
void phinets_dsp_quads_scaled(const phinets_dsp_scale *layer, const int8_t *row, const int8_t *factors, int32_t *quads);

/* Copies the windows of a row of a general convolution to quads of kernel_height * kernel_width * channels values, in
   the order of the filters (OHWI). rows[i] is the input row (nhwc) that kernel row i reads, NULL outside the map.
   Values outside the map are the zero point, because it is folded into the bias of all taps. */
typedef struct {
  int32_t width; /* output pixels of a row */
  int32_t input_width, channels;
  int32_t kernel_height, kernel_width;
  int32_t stride_x, pad_left;
  int32_t zero_point; /* of the input */
} phinets_dsp_window;
void phinets_dsp_quads_window(const phinets_dsp_window *layer, const int8_t *const *rows, int32_t *quads);
/* Copies the same windows as nhwc pixels, so that several rows together can be converted to quads. */
void phinets_dsp_nhwc_window(const phinets_dsp_window *layer, const int8_t *const *rows, int8_t *output);

/* A dense layer, or a 1x1 convolution of one pixel, with weights as bytes. input: [inputs]; output: [filters]; scratch:
   8 * groups bytes. fully_connected.h FullyConnectedPerChannel. */
void phinets_dsp_dense(const phinets_dsp_product *layer, const int8_t *input, int8_t *output, int32_t *scratch);
/* The same if all filters have the same scaling, so that only the biases are per filter. */
typedef struct {
  phinets_dsp_product product; /* without channels */
  const int32_t *biases;       /* [filters] */
  int32_t multiplier, power;   /* as in phinets_dsp_channel */
} phinets_dsp_uniform;
void phinets_dsp_dense_uniform(const phinets_dsp_uniform *layer, const int8_t *input, int8_t *output, int32_t *scratch);

/* ---- depthwise ---- */

typedef struct {
  int32_t width;       /* output pixels of a row */
  int32_t channels;
  int32_t input_width; /* pixels of an input row */
  int32_t stride;      /* 1 or 2 */
  int32_t pad_left;    /* 3x3: 0 or 1; 5x5: 1 or 2 */
  const int32_t *weights; /* 3x3: 6 words per channel, (a b) (b c) for each row of taps a b c; 5x5: 20 words, (a b)
                             (c d) (b c) (d e) for each row a b c d e */
  const phinets_dsp_channel *constants; /* [channels] */
  const int8_t *table;                  /* as in phinets_dsp_product */
  int32_t zero_point;                   /* of the output */
  int32_t input_zero_point;
} phinets_dsp_depthwise;

/* One row of a 3x3 or 5x5 depthwise convolution; each name gives the layouts of the input and the output. rows[i] is
   the input row that kernel row i reads, NULL outside the map. scratch: 2 * (W4 + 8) bytes for the input's width, for a
   plane of the zero point. depthwise_conv.h DepthwiseConvPerChannel. */
void phinets_dsp_depthwise3_planes16_quads(const phinets_dsp_depthwise *layer, const int16_t *const *rows, int32_t *output,
                                           void *scratch);
void phinets_dsp_depthwise3_planes16_map8(const phinets_dsp_depthwise *layer, const int16_t *const *rows, int8_t *output,
                                          void *scratch);
void phinets_dsp_depthwise3_planes8_quads(const phinets_dsp_depthwise *layer, const int8_t *const *rows, int32_t *output,
                                          void *scratch);
void phinets_dsp_depthwise3_planes8_map8(const phinets_dsp_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                         void *scratch);
/* Computes some channels of a row of quads that has `groups` groups of four channels. `output` points to the first of
   them, whose channel number is a multiple of four. */
void phinets_dsp_depthwise3_planes8_part(const phinets_dsp_depthwise *layer, int32_t groups, const int8_t *const *rows,
                                         int32_t *output, void *scratch);
void phinets_dsp_depthwise5_planes16_quads(const phinets_dsp_depthwise *layer, const int16_t *const *rows, int32_t *output,
                                           void *scratch);
void phinets_dsp_depthwise5_planes16_map8(const phinets_dsp_depthwise *layer, const int16_t *const *rows, int8_t *output,
                                          void *scratch);
void phinets_dsp_depthwise5_planes8_quads(const phinets_dsp_depthwise *layer, const int8_t *const *rows, int32_t *output,
                                          void *scratch);
void phinets_dsp_depthwise5_planes8_map8(const phinets_dsp_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                         void *scratch);

/* A depthwise convolution on nhwc rows, with any window and at least four channels. */
typedef struct {
  int32_t width; /* output pixels of a row */
  int32_t channels;
  int32_t input_width; /* pixels of an input row */
  int32_t kernel_height, kernel_width;
  int32_t stride_x, pad_left;
  const int32_t *weights; /* for each group of four channels, per tap: (w[c] w[c+2]) (w[c+1] w[c+3]). The last group
                             starts at channels - 4 and may overlap the one before */
  const phinets_dsp_channel *constants; /* [channels] */
  const int8_t *table;                  /* as in phinets_dsp_product */
  int32_t zero_point;                   /* of the output */
  int32_t input_zero_point;
} phinets_dsp_taps;

/* One row, nhwc to nhwc; rows as above. scratch, for addresses and a pixel of the zero point: 4 * (taps + 2) bytes plus
   the number of channels rounded up to a multiple of 4. */
void phinets_dsp_depthwise_nhwc(const phinets_dsp_taps *layer, const int8_t *const *rows, int8_t *output, void *scratch);

/* Convert a row from nhwc to planes16 or planes8, padding included, for depthwise layers whose input was not computed
   by a DSP kernel. */
void phinets_dsp_planes16(int32_t width, int32_t channels, int32_t zero_point, const int8_t *row, int16_t *output);
void phinets_dsp_planes8(int32_t width, int32_t channels, int32_t zero_point, int32_t pad, const int8_t *row,
                         int8_t *output);
/* Converts a row from map8 to nhwc. */
void phinets_dsp_nhwc(int32_t width, int32_t channels, const int8_t *row, int8_t *output);

/* ---- element by element ---- */

/* Adds the pixels of each channel of a map8 row to sums[c]; `first` nonzero: sets sums[c] instead. For
   phinets_mean_end. */
void phinets_dsp_sum_row(int32_t width, int32_t channels, int first, const int8_t *row, int32_t *sums);

/* Addition in TensorFlow Lite's common scale with 20 fractional bits. Operands in that scale: round((q - zero_point) *
   2^20 * multiplier / 2^31 / 2^shift). The shift is 1..31, or 0 with a multiplier of 2^30 (1/2), where the result is
   exact without rescaling. */
typedef struct {
  int32_t zero_point;
  int32_t multiplier; /* doubled and wrapped, as in phinets_dsp_channel */
  int32_t shift;      /* to the right, 0..31 */
} phinets_dsp_operand;
typedef struct {
  phinets_dsp_operand a, b;
  int32_t multiplier, power, zero_point; /* of the sum, as in phinets_dsp_channel */
} phinets_dsp_addition;
/* output[i] = a[i] + b[i] for `size` elements; output may be a or b. add.h Add. */
void phinets_dsp_add(const phinets_dsp_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
