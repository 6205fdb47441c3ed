/*
 * Steps of a program (phinets_program.h) that run the portable kernels (phinets_kernels.h). Each step looks up the
 * addresses of its rows, then calls the kernel of the same name to compute row y of its output. step->layer points to
 * the kernel's parameters, of the type given below.
 */
#ifndef PHINETS_STEPS_H
#define PHINETS_STEPS_H

#include "phinets_kernels.h"
#include "phinets_program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Types of `layer`. conv2d, depthwise and pointwise have a phinets_convolution; mean and average_map a phinets_average;
   average_pool and max_window a phinets_pooling; the others have one of the structs below. */

/* grouped */
typedef struct {
  phinets_convolution convolution;
  int32_t groups;
} phinets_step_groups;

/* add, subtract */
typedef struct {
  phinets_addition addition;
  int32_t size; /* bytes of a row */
} phinets_step_addition;

/* multiply */
typedef struct {
  phinets_product product;
  int32_t pixels, channels; /* of a row; see phinets_multiply */
} phinets_step_product;

/* maximum, minimum */
typedef struct {
  int32_t size; /* bytes of a row */
} phinets_step_values;

/* repeat */
typedef struct {
  const int8_t *constant;        /* the values to repeat; NULL: the step's input */
  int32_t width, channels;       /* of a row of the output */
  int32_t row, pixel, channel;   /* strides of the input in bytes; 0 along an axis of size 1, which is repeated */
} phinets_step_repetition;

/* lookup */
typedef struct {
  const int8_t *table;
  int32_t size; /* bytes of a row */
} phinets_step_table;

/* max_pool */
typedef struct {
  phinets_map input, output;
  int32_t size, stride;
} phinets_step_pool;

/* softmax */
typedef struct {
  const int32_t *exponentials;
  int32_t pixels, channels; /* of a row */
} phinets_step_exponentials;

/* An input of a concatenation. If it has row y - before, that row supplies `bytes` bytes of each pixel of output row y,
   from byte `offset` of the pixel. */
typedef struct {
  phinets_ring ring;
  int32_t bytes, offset;
  int16_t before, height;
} phinets_step_part;

/* concat */
typedef struct {
  const phinets_step_part *parts;
  int32_t count;
  int32_t pixels, bytes; /* pixels of an output row, bytes of a pixel; the row may count as one pixel */
} phinets_step_parts;

/* slice */
typedef struct {
  int32_t first;                /* offset in the input row of the first byte to copy */
  int32_t pixels, bytes, pitch; /* number of blocks to copy, bytes of each, and their distance in the input */
} phinets_step_slicing;

/* resize_nearest, resize_bilinear */
typedef struct {
  int32_t width, channels; /* of the output */
  const phinets_tap *rows, *columns; /* [output height], [output width] */
} phinets_step_resizing;

/* reshape */
typedef struct {
  int32_t size; /* bytes of a row of the output */
} phinets_step_reshaping;

/* pad: see phinets_pad_row */
typedef struct {
  phinets_map input, output;
  int32_t left;
  int32_t value;
} phinets_step_padding;

void phinets_step_conv2d(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_grouped(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_depthwise(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_pointwise(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_add(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_multiply(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_subtract(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_maximum(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_minimum(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_repeat(const phinets_step *step, const phinets_state *state, int32_t y);
/* y counts rows of the input. Until the last row, the output buffer holds the int32 sums, so it needs 4 bytes per
   channel and alignment for int32. */
void phinets_step_mean(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_max_pool(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_average_pool(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_max_window(const phinets_step *step, const phinets_state *state, int32_t y);
/* y and the output buffer are as for phinets_step_mean. */
void phinets_step_average_map(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_softmax(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_lookup(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_concat(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_slice(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_resize_nearest(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_resize_bilinear(const phinets_step *step, const phinets_state *state, int32_t y);
/* The input's rows must be contiguous, without gaps, from row 0. */
void phinets_step_reshape(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_pad(const phinets_step *step, const phinets_state *state, int32_t y);

#ifdef __cplusplus
}
#endif

#endif
