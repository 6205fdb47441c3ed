/*
 * int8 kernels. Each call computes one row of a layer's output from the input rows that it needs. Portable C99: no
 * heap, no recursion, no floating point, no library beyond memcpy, memset and memmove. Maps are
 * [height][width][channels] (NHWC, batch 1), rows are [width][channels], and real = scale * (q - zero_point). int8
 * buffers need no alignment; working memory is on the stack, in arrays of fixed size. Input and output must not overlap
 * unless the comment of a function allows it.
 *
 * Every kernel is bit-exact with the TensorFlow Lite Micro int8 reference kernel named in its comment
 * (in tensorflow/lite/kernels/internal/reference/integer_ops/ unless another path is given).
 *
 * Arguments are not checked. The caller guarantees that no accumulator overflows int32; the generator (`emitC`) proves
 * this when it writes a model.
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

/* Requantisation of int32 accumulators to int8: rescale per channel, add the zero point, saturate to -128..127, then
   apply the activation table. */
typedef struct {
  const int32_t *bias;       /* [channels]; each kernel says what is folded into it */
  const int32_t *multiplier; /* [channels] Q31 */
  const int8_t *shift;       /* [channels] power of two, positive to the left */
  int32_t zero_point;        /* of the output, -128..127 */
  const int8_t *table; /* fused activation: 256 entries for q = -128..127; NULL: none */
} phinets_requantization;

typedef struct {
  phinets_map input, output;
  int32_t kernel_height, kernel_width;
  int32_t stride_y, stride_x;
  int32_t pad_top, pad_left; /* pixels; bottom and right padding follow from the shapes */
  int32_t input_zero_point;
  const int8_t *weights; /* each kernel gives the layout */
  phinets_requantization requantization;
} phinets_convolution;

/* One row of a convolution with any kernel size, stride and padding, in one group. weights
   [filters][kernel_height][kernel_width][channels]; the bias is the layer's own. rows: [kernel_height]; rows[i] is the
   input row that row i of the kernel reads, NULL if it lies outside the map. output: output.width * output.channels
   bytes. conv.h ConvPerChannel. */
void phinets_conv2d_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output);

/* One row of a grouped convolution: filter f reads only the input channels of its group, f * groups / filters. `groups`
   divides the input channels and the filters. weights [filters][kernel_height][kernel_width][channels / groups]; the
   rest is as in phinets_conv2d_row. */
void phinets_grouped_row(const phinets_convolution *layer, int32_t groups, const int8_t *const *rows, int8_t *output);

/* One row (output.width pixels) of a 1x1 convolution with stride 1 and no padding, or a dense layer (a map of one
   pixel). weights [filters][channels]; the bias of each filter also includes -input_zero_point * sum(its weights).
   input: [output.width][input.channels]. conv.h ConvPerChannel, fully_connected.h FullyConnectedPerChannel. */
void phinets_pointwise_row(const phinets_convolution *layer, const int8_t *input, int8_t *output);

/* One row of a depthwise convolution (one filter per channel) with any kernel size, stride and padding. weights
   [channels][kernel_height][kernel_width]; the bias is the layer's own; rows and output as in phinets_conv2d_row.
   depthwise_conv.h DepthwiseConvPerChannel. */
void phinets_depthwise_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output);

/* Scaling of an operand or of the result of an element-wise kernel. */
typedef struct {
  int32_t zero_point;
  int32_t multiplier; /* Q31 */
  int32_t shift;      /* power of two, positive to the left */
} phinets_scaling;

typedef struct {
  phinets_scaling a, b; /* from each operand to the common scale; shifts are 0 or negative */
  int32_t left_shift;   /* fractional bits of the common scale: 20 */
  phinets_scaling output;
} phinets_addition;

/* output[i] = a[i] + b[i] in real values, for `size` elements. output may be a or b. add.h Add. */
void phinets_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);

/* output[i] = a[i] - b[i]; otherwise as phinets_add. sub.h SubElementwise. */
void phinets_subtract(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);

/* output[i] = the larger (maximum) or smaller (minimum) of a[i] and b[i], for `size` elements that share one scale and
   zero point. output may be a or b. ../maximum_minimum.h. */
void phinets_maximum(int32_t size, const int8_t *a, const int8_t *b, int8_t *output);
void phinets_minimum(int32_t size, const int8_t *a, const int8_t *b, int8_t *output);

/* Broadcasts an input to a row of `width` pixels of `channels` values. `pixel` and `channel` are the strides of the
   input in bytes; a stride of 0 repeats the value along that axis. */
void phinets_repeat_row(int32_t width, int32_t channels, int32_t pixel, int32_t channel, const int8_t *in, int8_t *out);

typedef struct {
  int32_t a_zero_point, b_zero_point;
  phinets_scaling output;
} phinets_product;

/* output[p][c] = a[p][c] * b[c] in real values, for `pixels` pixels of `channels` channels: a map times one value per
   channel. With pixels = 1 it multiplies two arrays of the same shape. output may be a; if pixels is 1 it may also be
   b. mul.h Mul. */
void phinets_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a, const int8_t *b,
                      int8_t *output);

typedef struct {
  phinets_map input;
  int32_t input_zero_point;
  phinets_scaling output;
} phinets_average;

/* Global mean over height and width: output[c] = mean of input[..][..][c]. Call phinets_sum_row once per input row
   ([width][channels]), with `first` nonzero for the first row, which resets `sums` ([channels]); then call
   phinets_mean_end once. Its output ([channels]) may lie at the start of sums. The output multiplier includes the
   factor 1 / (height * width). reduce.h QuantizedMeanOrSum. */
void phinets_sum_row(const phinets_average *layer, int first, const int8_t *row, int32_t *sums);
void phinets_mean_end(const phinets_average *layer, const int32_t *sums, int8_t *output);

/* One row of max pooling over size x size windows without padding. rows: [size]; rows[i] is the input row that row i of
   the windows reads. `stride`: horizontal step in pixels. pooling.h MaxPool. */
void phinets_max_pool_row(phinets_map input, phinets_map output, int32_t size, const int8_t *const *rows,
                          int32_t stride, int8_t *out);

typedef struct {
  phinets_map input, output;
  int32_t kernel_height, kernel_width;
  int32_t stride_x, pad_left;
} phinets_pooling;

/* One row of average pooling: the mean of each window over its pixels inside the map (at least one), rounded to
   nearest, halves away from zero. rows as in phinets_conv2d_row. pooling.h AveragePool. */
void phinets_average_pool_row(const phinets_pooling *layer, const int8_t *const *rows, int8_t *output);

/* One row of max pooling with padding: the largest value of each window's pixels inside the map; otherwise as
   phinets_average_pool_row. pooling.h MaxPool. */
void phinets_max_window_row(const phinets_pooling *layer, const int8_t *const *rows, int8_t *output);

/* Average pooling whose single window is the whole map: call it once after phinets_sum_row has added every row. Rounds
   as phinets_average_pool_row. output ([channels]) may lie at the start of sums. */
void phinets_average_end(phinets_map input, const int32_t *sums, int8_t *output);

/* Softmax over `channels` values (1..4095): output[c] = e[largest - input[c]] / (sum of e over all channels), with
   scale 1/256 and zero point -128. `exponentials` is e: 256 Q31 values, e[d] for an input d quantisation steps below
   the largest. output may be input. ../softmax.h Softmax. */
void phinets_softmax(const int32_t *exponentials, int32_t channels, const int8_t *input, int8_t *output);

/* Applies a function of one value (hard-swish, sigmoid and others) to `size` elements: output[i] =
   table[input[i] + 128]. table: 256 entries. output may be input. */
void phinets_lookup(const int8_t *table, int32_t size, const int8_t *input, int8_t *output);

/* Copies `bytes` bytes of each of `pixels` pixels. The pixels are in_pitch bytes apart in the input and out_pitch bytes
   apart in the output. ../concatenation.h Concatenation. */
void phinets_copy_pixels(int32_t pixels, int32_t bytes, const int8_t *in, int32_t in_pitch, int8_t *out,
                         int32_t out_pitch);

/* The two input rows or columns that an output row or column is interpolated from. `weight` is that of `upper`, in
   units of 1/1024 (0..1024). */
typedef struct {
  int16_t lower, upper, weight;
} phinets_tap;

/* One row of nearest-neighbour resizing: output pixel x is pixel columns[x].lower of `row`. columns: [width]. output:
   [width][channels]. ../resize_nearest_neighbor.h ResizeNearestNeighbor. */
void phinets_resize_nearest_row(int32_t width, int32_t channels, const phinets_tap *columns, const int8_t *row,
                                int8_t *output);

/* One row of bilinear resizing: interpolates between rows[0] and rows[1], `weight` / 1024 being that of rows[1], and
   between the two columns of each tap. Rounds to nearest, halves away from zero. ../resize_bilinear.h
   ResizeBilinearInteger. */
void phinets_resize_bilinear_row(int32_t width, int32_t channels, const phinets_tap *columns, const int8_t *const *rows,
                                 int32_t weight, int8_t *output);

/* One row of a padded map: `left` pixels of `value` (the zero point), the input row, then `value` to the end of the
   output row. If `in` is NULL, the whole row is padding (above or below the input). ../pad.h Pad. */
void phinets_pad_row(phinets_map input, phinets_map output, int32_t left, int8_t value, const int8_t *in, int8_t *out);

#ifdef __cplusplus
}
#endif

#endif
