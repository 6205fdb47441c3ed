/* Steps of a program that run the portable kernels: they find a row's addresses, and call. */
#ifndef PHINETS_STEPS_H
#define PHINETS_STEPS_H

#include "phinets_kernels.h"
#include "phinets_program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a step's `layer` points to: conv2d, depthwise and pointwise have a phinets_convolution, mean and average_map a
   phinets_average, average_pool and
   max_window a phinets_pooling, concat a phinets_step_parts. */
typedef struct {
  phinets_convolution convolution;
  int32_t groups;
} phinets_step_groups;

typedef struct {
  phinets_addition addition;
  int32_t size; /* bytes of a row */
} phinets_step_addition;

typedef struct {
  phinets_product product;
  int32_t pixels, channels; /* of a row; see phinets_multiply */
} phinets_step_product;

typedef struct {
  int32_t size; /* bytes of a row */
} phinets_step_values;

/* What is repeated: a constant, or where that is NULL the step's input. */
typedef struct {
  const int8_t *constant;
  int32_t width, channels;       /* of a row of the output */
  int32_t row, pixel, channel;   /* bytes to the input's next; 0 where it has one */
} phinets_step_repetition;

typedef struct {
  const int8_t *table;
  int32_t size; /* bytes of a row */
} phinets_step_table;

typedef struct {
  phinets_map input, output;
  int32_t size, stride;
} phinets_step_pool;

typedef struct {
  const int32_t *exponentials;
  int32_t pixels, channels; /* of a row */
} phinets_step_exponentials;

/* An input of a concatenation. Its row y - before, if it has that row, gives `bytes` of each pixel from `offset` on. */
typedef struct {
  phinets_ring ring;
  int32_t bytes, offset;
  int16_t before, height;
} phinets_step_part;

typedef struct {
  const phinets_step_part *parts;
  int32_t count;
  int32_t pixels, bytes; /* of a row, and of a pixel: what is put together as one */
} phinets_step_parts;

typedef struct {
  int32_t first;                /* byte of the input's row that the output's begins with */
  int32_t pixels, bytes, pitch; /* what is copied as one, and how far apart it lies in the input */
} phinets_step_slicing;

typedef struct {
  int32_t width, channels; /* of the output */
  const phinets_tap *rows, *columns;
} phinets_step_resizing;

typedef struct {
  int32_t size; /* bytes of a row of the output */
} phinets_step_reshaping;

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
/* Takes row y of its input; the output's bytes hold int32 sums until the last. */
void phinets_step_mean(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_max_pool(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_average_pool(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_max_window(const phinets_step *step, const phinets_state *state, int32_t y);
/* As phinets_step_mean. */
void phinets_step_average_map(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_softmax(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_lookup(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_concat(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_slice(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_resize_nearest(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_resize_bilinear(const phinets_step *step, const phinets_state *state, int32_t y);
/* The input's rows follow each other without a gap. */
void phinets_step_reshape(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_pad(const phinets_step *step, const phinets_state *state, int32_t y);

#ifdef __cplusplus
}
#endif

#endif
