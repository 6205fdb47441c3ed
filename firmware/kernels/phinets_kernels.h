/*
 * int8 kernels: each makes one row of a layer's output from the rows of its input that it needs. Portable C99: no heap,
 * no recursion, no floating point, no library beyond memcpy, memset and memmove. Maps are [height][width][channels]
 * (NHWC, batch 1), rows [width][channels]. real = scale * (q - zero_point).
 *
 * The arithmetic of every kernel is that of TensorFlow Lite Micro's int8 reference kernel named beside it
 * (tensorflow/lite/kernels/internal/reference/integer_ops/ unless another path is given), bit for bit.
 *
 * The caller guarantees what the generator (`emitC`) proves when it writes a model: no accumulator leaves int32.
 */
#ifndef PHINETS_KERNELS_H
#define PHINETS_KERNELS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#if INT_MAX < 2147483647
#error "the kernels need an int of 32 bits: with 16 bits a product of two int8 overflows"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int32_t height, width, channels;
} phinets_map;

/* From int32 accumulators to int8: rescaled per channel, moved to the zero point, saturated, then looked up. */
typedef struct {
  const int32_t *bias;       /* [channels]; see each kernel for what is folded into it */
  const int32_t *multiplier; /* [channels] Q31 */
  const int8_t *shift;       /* [channels] power of two, positive to the left */
  int32_t zero_point;
  const int8_t *table; /* 256 entries for q = -128..127: a fused activation; NULL where there is none */
} phinets_requantization;

typedef struct {
  phinets_map input, output;
  int32_t kernel_height, kernel_width;
  int32_t stride_y, stride_x;
  int32_t pad_top, pad_left; /* bottom and right follow from the shapes */
  int32_t input_zero_point;
  const int8_t *weights;
  phinets_requantization requantization;
} phinets_convolution;

/* Any kernel, stride and padding, one group. weights [filters][kernel_height][kernel_width][channels]; the bias is the
   layer's own. rows[i] is the row of the input that row i of the kernel reads, NULL outside the map. conv.h
   ConvPerChannel. */
void phinets_conv2d_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output);

/* The same in groups: filter f reads the channels of its group, f * groups / filters. weights
   [filters][kernel_height][kernel_width][channels / groups]. */
void phinets_grouped_row(const phinets_convolution *layer, int32_t groups, const int8_t *const *rows, int8_t *output);

/* A 1x1 convolution of stride 1 without padding, or a dense layer (a map of one pixel): output.width pixels. weights
   [filters][channels]; the bias holds -input_zero_point * sum(weights) as well. conv.h ConvPerChannel, fully_connected.h
   FullyConnectedPerChannel. */
void phinets_pointwise_row(const phinets_convolution *layer, const int8_t *input, int8_t *output);

/* One filter a channel, any kernel, stride and padding. weights [channels][kernel_height][kernel_width]; the bias is
   the layer's own; rows as of phinets_conv2d_row. depthwise_conv.h DepthwiseConvPerChannel. */
void phinets_depthwise_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output);

/* An operand or the result of an element-wise kernel. */
typedef struct {
  int32_t zero_point;
  int32_t multiplier; /* Q31 */
  int32_t shift;      /* power of two, positive to the left */
} phinets_scaling;

typedef struct {
  phinets_scaling a, b; /* to the common scale; their shifts are not positive */
  int32_t left_shift;   /* head room of the common scale: 20 */
  phinets_scaling output;
} phinets_addition;

/* output[i] = a[i] + b[i], `size` bytes each. output may be a or b. add.h Add. */
void phinets_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);

/* output[i] = a[i] - b[i], as phinets_add. sub.h SubElementwise. */
void phinets_subtract(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);

/* The larger, and the smaller, of a[i] and b[i]; output may be a or b. ../maximum_minimum.h. */
void phinets_maximum(int32_t size, const int8_t *a, const int8_t *b, int8_t *output);
void phinets_minimum(int32_t size, const int8_t *a, const int8_t *b, int8_t *output);

/* `width` pixels of `channels` values, of an input whose next pixel is `pixel` bytes on and whose next channel `channel`:
   0 where one is repeated. */
void phinets_repeat_row(int32_t width, int32_t channels, int32_t pixel, int32_t channel, const int8_t *in, int8_t *out);

typedef struct {
  int32_t a_zero_point, b_zero_point;
  phinets_scaling output;
} phinets_product;

/* output[p][c] = a[p][c] * b[c] for `pixels` pixels of `channels` channels: a map times one value a channel. With
   pixels = 1 it is the product of two equal shapes. output may be a, and b when pixels is 1. mul.h Mul. */
void phinets_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a, const int8_t *b,
                      int8_t *output);

typedef struct {
  phinets_map input;
  int32_t input_zero_point;
  phinets_scaling output;
} phinets_average;

/* output[c] = mean of input[..][..][c]; 1 / (height * width) is in the multiplier. reduce.h QuantizedMeanOrSum.
   From rows: sums[c] += row[..][c], starting from 0 where `first`, for each row; then phinets_mean_end, whose
   output may lie at the start of sums. */
void phinets_sum_row(const phinets_average *layer, int first, const int8_t *row, int32_t *sums);
void phinets_mean_end(const phinets_average *layer, const int32_t *sums, int8_t *output);

/* Largest value of each size x size window, no padding; rows[i] is the row that row i of the windows reads. pooling.h
   MaxPool. */
void phinets_max_pool_row(phinets_map input, phinets_map output, int32_t size, const int8_t *const *rows,
                          int32_t stride, int8_t *out);

typedef struct {
  phinets_map input, output;
  int32_t kernel_height, kernel_width;
  int32_t stride_x, pad_left;
} phinets_pooling;

/* Mean of each window over its pixels on the map, to the nearest, halves away from zero; rows as of phinets_conv2d_row.
   pooling.h AveragePool. */
void phinets_average_pool_row(const phinets_pooling *layer, const int8_t *const *rows, int8_t *output);

/* Largest of each window's pixels on the map. pooling.h MaxPool. */
void phinets_max_window_row(const phinets_pooling *layer, const int8_t *const *rows, int8_t *output);

/* The mean of one window that is the map: after phinets_sum_row of each row; output may lie at the start of sums. */
void phinets_average_end(phinets_map input, const int32_t *sums, int8_t *output);

/* output[c] = e[largest - input[c]] / sum of e, in 1/256 and less 128, for `channels` values, at most 4095; output may be
   input. e: 256 values of Q31. ../softmax.h Softmax. */
void phinets_softmax(const int32_t *exponentials, int32_t channels, const int8_t *input, int8_t *output);

/* output[i] = table[input[i] + 128]; output may be input. Functions of one value: hard-swish, sigmoid and others. */
void phinets_lookup(const int8_t *table, int32_t size, const int8_t *input, int8_t *output);

/* Copies `bytes` of each of `pixels` pixels, which lie in_pitch and out_pitch bytes apart. ../concatenation.h Concatenation. */
void phinets_copy_pixels(int32_t pixels, int32_t bytes, const int8_t *in, int32_t in_pitch, int8_t *out,
                         int32_t out_pitch);

/* Two positions of the input, and the second's weight in 1/1024. */
typedef struct {
  int16_t lower, upper, weight;
} phinets_tap;

/* A row of a resized map: its `width` pixels are those of `row` that the taps' first positions name.
   ../resize_nearest_neighbor.h ResizeNearestNeighbor. */
void phinets_resize_nearest_row(int32_t width, int32_t channels, const phinets_tap *columns, const int8_t *row,
                                int8_t *output);

/* The same between two rows, `weight` of the second, and between the taps' two columns; to the nearest, halves away from
   zero. ../resize_bilinear.h ResizeBilinearInteger. */
void phinets_resize_bilinear_row(int32_t width, int32_t channels, const phinets_tap *columns, const int8_t *const *rows,
                                 int32_t weight, int8_t *output);

/* Copies a map into a larger one filled with `value` (the zero point); in is NULL above and below it. ../pad.h Pad. */
void phinets_pad_row(phinets_map input, phinets_map output, int32_t left, int8_t value, const int8_t *in, int8_t *out);

#ifdef __cplusplus
}
#endif

#endif
