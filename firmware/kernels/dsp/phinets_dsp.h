/*
 * Row kernels for cores with the DSP extension (Cortex-M4, M7, M33, M55). A call makes one row of a layer's output. The
 * inner loops are assembly (dsp_*.S), because a compiler cannot hold their 14 registers; the same loops in C, which run
 * everywhere else, define them. Arithmetic: TensorFlow Lite Micro's int8 reference kernels, bit for bit.
 *
 * Requantisation, exact in three instructions and a saturation:
 *   x = SMMLAR(acc, multiplier, acc)       round(acc * m / 2^31)
 *   x = x + (x >> 31)                      halves away from zero
 *   q = SMMLSR(x, power, zero_point)       round(x / 2^s) + zero_point
 *   q = SSAT8(q), then looked up where the layer has a table
 *
 * Layouts of a row of W pixels and C channels; W4 is W rounded up to a multiple of 4:
 *   nhwc      int8 [W][C]
 *   planes16  int16, a plane a channel: two halfwords of padding, then W4 pixels; two more halfwords follow the last plane.
 *             Padding, and pixels W..W4-1, hold the zero point. The right padding of a plane is the left one of the next.
 *   planes8   int8, a plane a channel: pad bytes of padding (1 for 3x3, 2 for 5x5), then W pixels; pad more follow the
 *             last plane. Padding holds the zero point.
 *   map8      int8 [C][W4]: what squeeze-and-excite scales; pixels W..W4-1 hold anything
 *   quads     int16: four neighbouring pixels x0..x3, channels in groups of four k..k+3, 8 words a group:
 *             (x0[k] x0[k+2]) (x1[k] x1[k+2]) (x2..) (x3..) (x0[k+1] x0[k+3]) (x1..) (x2..) (x3..), the first of a pair in
 *             the low half; G = ceil(C / 4) groups a quad, W4 / 4 quads. Channels from C on meet zero weights.
 * Rows start at multiples of 8 bytes. Kernels may read up to 32 bytes beyond a row; they never write beyond it, except that a
 * row of planes8 may be overwritten up to 7 bytes beyond its end.
 */
#ifndef PHINETS_DSP_H
#define PHINETS_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of one output channel. The generator guarantees |accumulator| < 2^30 and a right shift of 1..31. */
typedef struct {
  int32_t bias;       /* with -input_zero_point * sum(weights) folded in */
  int32_t multiplier; /* twice the Q31 multiplier, as a wrapped word */
  int32_t power;      /* -(2^(32 - right shift)) */
} phinets_dsp_channel;

/* ---- matrix products: 1x1 and general convolutions ---- */

typedef struct {
  int32_t width;   /* output pixels of a row */
  int32_t groups;  /* of four products: ceil(inputs / 4) */
  int32_t filters;
  const void *weights; /* a filter after the other: 2 * groups words (w[k] w[k+2]) (w[k+1] w[k+3]), or 4 * groups bytes */
  const phinets_dsp_channel *channels; /* [filters] */
  const int8_t *table;                 /* the middle of 256 entries, or NULL */
  int32_t zero_point;                  /* of the output */
  int32_t bytes;                       /* 1 where the weights are bytes */
  int32_t padding; /* planes: what padding holds, the value that stands for 0 after the table */
} phinets_dsp_product;

/* One row of quads times all filters, filters outside and pixels inside: a filter's weights stay in the cache. In planes,
   padding and lanes beyond width get `padding`. */
void phinets_dsp_product_nhwc(const phinets_dsp_product *layer, const int32_t *quads, int8_t *output);
void phinets_dsp_product_planes16(const phinets_dsp_product *layer, const int32_t *quads, int16_t *output);
void phinets_dsp_product_planes8(const phinets_dsp_product *layer, const int32_t *quads, int32_t pad, int8_t *output);

/* Rows to quads. */
void phinets_dsp_quads_nhwc(int32_t width, int32_t channels, const int8_t *row, int32_t *quads);
void phinets_dsp_quads_map8(int32_t width, int32_t channels, const int8_t *row, int32_t *quads);

/* A row of the map that squeeze-and-excite scales, times its factors (one a channel), to quads. mul.h Mul. */
typedef struct {
  int32_t width, channels;
  int32_t a_zero_point, b_zero_point; /* of the map and of the factors */
  int32_t multiplier, power;          /* as in phinets_dsp_channel */
  int32_t zero_point;
} phinets_dsp_scale;
void phinets_dsp_quads_scaled(const phinets_dsp_scale *layer, const int8_t *row, const int8_t *factors, int32_t *quads);

/* The windows of a row of a general convolution, as quads of kernel_height * kernel_width * channels values, in the
   order of the filters (OHWI). rows[i] is the input row (nhwc) that kernel row i reads, NULL outside the map. What lies
   outside is the zero point, which the bias has folded in. */
typedef struct {
  int32_t width; /* output pixels of a row */
  int32_t input_width, channels;
  int32_t kernel_height, kernel_width;
  int32_t stride_x, pad_left;
  int32_t zero_point; /* of the input */
} phinets_dsp_window;
void phinets_dsp_quads_window(const phinets_dsp_window *layer, const int8_t *const *rows, int32_t *quads);
/* The same windows as pixels (nhwc), which several rows together become quads from. */
void phinets_dsp_nhwc_window(const phinets_dsp_window *layer, const int8_t *const *rows, int8_t *output);

/* A dense layer, or a 1x1 convolution of one pixel: `bytes` weights, input int8 [inputs]. scratch: 8 * groups bytes. */
void phinets_dsp_dense(const phinets_dsp_product *layer, const int8_t *input, int8_t *output, int32_t *scratch);
/* The same where all filters are rescaled alike: their constants but for the bias stand once. */
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
  const int32_t *weights; /* 3x3: 6 words a channel, (a b) (b c) for each row of taps a b c; 5x5: 20 words, (a b) (c d) (b c)
                             (d e) for each row a b c d e */
  const phinets_dsp_channel *constants; /* [channels] */
  const int8_t *table;                  /* the middle of 256 entries, or NULL */
  int32_t zero_point;                   /* of the output */
  int32_t input_zero_point;
} phinets_dsp_depthwise;

/* One row. rows[i] is the input row that kernel row i reads (planes16 or planes8, as the name says), NULL outside the map.
   `scratch` holds a plane of the zero point: 2 * (W4 + 8) bytes of the input's width. */
void phinets_dsp_depthwise3_planes16_quads(const phinets_dsp_depthwise *layer, const int16_t *const *rows, int32_t *output,
                                           void *scratch);
void phinets_dsp_depthwise3_planes16_map8(const phinets_dsp_depthwise *layer, const int16_t *const *rows, int8_t *output,
                                          void *scratch);
void phinets_dsp_depthwise3_planes8_quads(const phinets_dsp_depthwise *layer, const int8_t *const *rows, int32_t *output,
                                          void *scratch);
void phinets_dsp_depthwise3_planes8_map8(const phinets_dsp_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                         void *scratch);
/* The layer's channels are some of a row of quads of `groups` times four, a multiple of four before the others. */
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

/* The same on pixels: any window, at least four channels. */
typedef struct {
  int32_t width; /* output pixels of a row */
  int32_t channels;
  int32_t input_width; /* pixels of an input row */
  int32_t kernel_height, kernel_width;
  int32_t stride_x, pad_left;
  const int32_t *weights; /* four channels after the other, each tap by tap: (w[c] w[c+2]) (w[c+1] w[c+3]). The last four
                             are channels - 4 and on: they may overlap those before */
  const phinets_dsp_channel *constants; /* [channels] */
  const int8_t *table;                  /* the middle of 256 entries, or NULL */
  int32_t zero_point;                   /* of the output */
  int32_t input_zero_point;
} phinets_dsp_taps;

/* One row, nhwc to nhwc; rows[i] is NULL outside the map. `scratch` holds addresses and a pixel of the zero point: 4 bytes
   for each tap and two more; and the channels, rounded up to a multiple of 4. */
void phinets_dsp_depthwise_nhwc(const phinets_dsp_taps *layer, const int8_t *const *rows, int8_t *output, void *scratch);

/* nhwc to planes16 and planes8, padding included: what a depthwise layer reads whose input no DSP kernel made. */
void phinets_dsp_planes16(int32_t width, int32_t channels, int32_t zero_point, const int8_t *row, int16_t *output);
void phinets_dsp_planes8(int32_t width, int32_t channels, int32_t zero_point, int32_t pad, const int8_t *row,
                         int8_t *output);
/* map8 to nhwc. */
void phinets_dsp_nhwc(int32_t width, int32_t channels, const int8_t *row, int8_t *output);

/* ---- element by element ---- */

/* sums[c] += the row's pixels of channel c; `first` starts them from 0. map8. */
void phinets_dsp_sum_row(int32_t width, int32_t channels, int first, const int8_t *row, int32_t *sums);

/* Addition in TensorFlow Lite's common scale of 20 bits. An operand whose multiplier is 1/2 needs no rescaling there: its
   shift is 0. a and b: value = round((q - zero_point) * 2^20 * multiplier / 2^31 / 2^shift), shift 0 (multiplier 2^30:
   exact) or 1..31. */
typedef struct {
  int32_t zero_point;
  int32_t multiplier; /* doubled and wrapped, as in phinets_dsp_channel */
  int32_t shift;      /* to the right, 0..31 */
} phinets_dsp_operand;
typedef struct {
  phinets_dsp_operand a, b;
  int32_t multiplier, power, zero_point; /* of the sum, as in phinets_dsp_channel */
} phinets_dsp_addition;
void phinets_dsp_add(const phinets_dsp_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
