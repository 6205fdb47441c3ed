/*
 * Steps of a program (phinets_program.h) that run the DSP kernels (phinets_dsp.h). Each step looks up the addresses of
 * its rows, then calls the kernel of the same name to compute row y of its output. step->layer points to the kernel's
 * parameters, of the type given below.
 */
#ifndef PHINETS_DSP_STEPS_H
#define PHINETS_DSP_STEPS_H

#include "phinets_dsp.h"
#include "phinets_kernels.h"
#include "phinets_program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Types of `layer`. product_nhwc, product_planes16 and dense have a phinets_dsp_product; dense_uniform a
   phinets_dsp_uniform; depthwise3_* and depthwise5_* a phinets_dsp_depthwise; quads_window a phinets_dsp_window;
   quads_scaled a phinets_dsp_scale; the others have one of the structs below. */

/* product_planes8 */
typedef struct {
  phinets_dsp_product product;
  int32_t pad; /* pixels of padding in planes8 */
} phinets_dsp_product8;

/* quads_nhwc, planes16, planes8, nhwc */
typedef struct {
  int32_t width, channels;
  int32_t zero_point; /* value of the padding of planes */
  int32_t pad;        /* planes8: pixels of padding */
} phinets_dsp_row;

/* mean */
typedef struct {
  phinets_average average;
  int32_t width; /* pixels of a row */
} phinets_dsp_average;

/* add */
typedef struct {
  phinets_dsp_addition addition;
  int32_t size; /* bytes of a row */
} phinets_dsp_sum;

/* quads_rows, product_rows, nhwc_window, depthwise_nhwc: steps that process `rows` rows at a time, so that narrow rows
   fill whole quads. Step y computes the rows from y * rows on. The rows must be contiguous in their rings. */
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

/* conv2d: a general convolution, `tile` pixels of a row at a time. The step's scratch holds the windows of a tile as
   quads, 2 bytes per value. */
typedef struct {
  phinets_dsp_window window; /* of the whole row, like the product */
  phinets_dsp_product product;
  int32_t tile; /* a multiple of 4 */
} phinets_dsp_convolution;

/* product_blocks: a product whose only reader is a depthwise 3x3 layer. The ring between them holds blocks of channels:
   block b of row y lies in slot (y * blocks + b) % slots and is a planes8 row of its own. As soon as a block of the
   last row of a window is complete, the depthwise layer computes its output for the channels of that block, and the
   next block may overwrite that of the oldest row. The ring thus holds two rows and a block instead of three rows. */
typedef struct {
  phinets_dsp_product8 product;
  int32_t reader; /* number of steps from this one to the depthwise step in the program's table */
} phinets_dsp_product_blocks;

/* depthwise3_blocks */
typedef struct {
  phinets_dsp_depthwise depthwise;
  int32_t block; /* channels of a block, a multiple of 4; the last may have fewer */
} phinets_dsp_depthwise_blocks;

void phinets_step_dsp_product_blocks(const phinets_step *step, const phinets_state *state, int32_t y);
/* Computes only the rows whose window extends below the map; product_blocks has computed the others. */
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
/* y counts rows of the input. Until the last row, the output buffer holds the int32 sums, so it needs 4 bytes per
   channel and alignment for int32. */
void phinets_step_dsp_mean(const phinets_step *step, const phinets_state *state, int32_t y);
void phinets_step_dsp_add(const phinets_step *step, const phinets_state *state, int32_t y);

#ifdef __cplusplus
}
#endif

#endif
