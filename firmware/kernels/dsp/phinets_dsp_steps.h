/* Steps of a program that run the DSP kernels: they find a row's addresses, and call. */
#ifndef PHINETS_DSP_STEPS_H
#define PHINETS_DSP_STEPS_H

#include "phinets_dsp.h"
#include "phinets_kernels.h"
#include "phinets_program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a step's `layer` points to: products and dense layers have a phinets_dsp_product, depthwise ones a
   phinets_dsp_depthwise, dense_uniform a phinets_dsp_uniform, quads_window a phinets_dsp_window, quads_scaled a phinets_dsp_scale; these the others. */
typedef struct {
  phinets_dsp_product product;
  int32_t pad; /* pixels of padding of the row of planes8 */
} phinets_dsp_product8;

typedef struct {
  int32_t width, channels;
  int32_t zero_point; /* of what planes are padded with */
  int32_t pad;        /* planes8 */
} phinets_dsp_row;

typedef struct {
  phinets_average average;
  int32_t width;
} phinets_dsp_average;

typedef struct {
  phinets_dsp_addition addition;
  int32_t size; /* bytes of a row */
} phinets_dsp_sum;

/* One row or several at a time, so that these are quads without gaps: step y makes the rows from y * rows on. They follow
   each other in the rings without a gap. */
typedef struct {
  int32_t width, channels; /* of a row */
  int32_t rows, height;    /* of a step, and of the map */
} phinets_dsp_quads_of_rows;

typedef struct {
  phinets_dsp_product product;
  int32_t rows, height;
} phinets_dsp_product_of_rows;

typedef struct {
  phinets_dsp_window window;
  int32_t rows, height;
} phinets_dsp_windows_of_rows;

typedef struct {
  phinets_dsp_taps taps;
  int32_t rows, height;
} phinets_dsp_taps_of_rows;

/* A general convolution, `tile` pixels of a row at a time: scratch holds the windows of so many, 2 bytes a value. */
typedef struct {
  phinets_dsp_window window; /* of the whole row, as the product */
  phinets_dsp_product product;
  int32_t tile; /* a multiple of 4 */
} phinets_dsp_convolution;

/* A ring between a product and the depthwise 3x3 layer that alone reads it, in blocks of channels: block b of row y lies in
   slot (y * blocks + b) % slots, each a row of planes8 of its own. As soon as the last row of a window has a block, the
   depthwise layer makes its channels of it, so that the block takes the place of the oldest row's: the ring holds two rows
   and a block, not three rows. */
typedef struct {
  phinets_dsp_product8 product;
  int32_t reader; /* steps from here to the depthwise one in the program's table */
} phinets_dsp_product_blocks;

typedef struct {
  phinets_dsp_depthwise depthwise;
  int32_t block; /* channels of a block, a multiple of 4; the last may have fewer */
} phinets_dsp_depthwise_blocks;

void phinets_step_dsp_product_blocks(const phinets_step *step, const phinets_state *state, int32_t y);
/* What its rows have been made with is not made again: what is left are those whose window ends below the map. */
void phinets_step_dsp_depthwise3_blocks(const phinets_step *step, const phinets_state *state, int32_t y);

void phinets_step_dsp_quads_rows(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_product_rows(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_nhwc_window(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise_nhwc(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_conv2d(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_quads_nhwc(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_quads_window(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_quads_scaled(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_product_nhwc(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_product_planes16(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_product_planes8(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_dense(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_dense_uniform(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_planes16(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_planes8(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_nhwc(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise3_planes16_quads(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise3_planes16_map8(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise3_planes8_quads(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise3_planes8_map8(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise5_planes16_quads(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise5_planes16_map8(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise5_planes8_quads(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_depthwise5_planes8_map8(const phinets_step *step, const phinets_state *state, int32_t y);
/* Takes row y of its input; the output's bytes hold int32 sums until the last. */
void phinets_step_dsp_mean(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_add(const phinets_step *step, const phinets_state *state, int32_t y);

#ifdef __cplusplus
}
#endif

#endif
