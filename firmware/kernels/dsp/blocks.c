/* The steps on both sides of a ring of channel blocks (phinets_dsp_steps.h): a product and the depthwise layer that
   reads it, block by block. */
#include "phinets_dsp_steps.h"

#include <stddef.h>

/* Progress within a row of the depthwise layer. */
typedef struct {
  const phinets_step *step;
  phinets_dsp_depthwise part; /* of the next block: its channels, weights and constants */
  int32_t left;               /* channels still to compute */
  int32_t slots[3];           /* next slot of each row of the window; -1: outside the map */
  int32_t groups;
  int32_t *output;
  void *scratch;
} windows;

static int32_t blocks_of(const phinets_dsp_depthwise_blocks *layer) {
  return (layer->depthwise.channels + layer->block - 1) / layer->block;
}

/* Starts row y of the depthwise layer. */
static void begin(windows *w, const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_depthwise_blocks *layer = step->layer;
  const int32_t blocks = blocks_of(layer);
  int32_t row = y * step->rows.stride - step->rows.before;
  w->step = step;
  w->part = layer->depthwise;
  w->left = layer->depthwise.channels;
  for (int i = 0; i < 3; i++, row++) w->slots[i] = row >= 0 && row < step->rows.height ? row * blocks : -1;
  w->groups = (w->left + 3) / 4;
  w->output = (int32_t *)(void *)phinets_row(state, &step->output, y);
  w->scratch = phinets_scratch(state, step);
}

static void next_block(windows *w, const phinets_state *state) {
  const int32_t block = ((const phinets_dsp_depthwise_blocks *)w->step->layer)->block;
  const int8_t *rows[3];
  for (int i = 0; i < 3; i++) rows[i] = w->slots[i] < 0 ? NULL : phinets_row(state, &w->step->input, w->slots[i]++);
  w->part.channels = w->left < block ? w->left : block;
  phinets_dsp_depthwise3_planes8_part(&w->part, w->groups, rows, w->output, w->scratch);
  w->left -= block;
  w->part.weights += 6 * block;
  w->part.constants += block;
  w->output += 2 * block; /* four channels of a quad take eight words */
}

void phinets_step_dsp_product_blocks(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_product_blocks *layer = step->layer;
  const phinets_step *reader = step + layer->reader;
  const phinets_dsp_depthwise_blocks *depthwise = reader->layer;
  const int32_t *quads = (const int32_t *)(const void *)phinets_row(state, &step->input, y);
  const int32_t block = depthwise->block;
  const int32_t first = y - 2 + reader->rows.before; /* stride * the reader's row whose window ends at y */
  const int completes = first >= 0 && first % reader->rows.stride == 0;
  phinets_dsp_product part = layer->product.product;
  int32_t left = part.filters, slot = y * blocks_of(depthwise);
  windows w;
  if (completes) begin(&w, reader, state, first / reader->rows.stride);
  for (; left > 0; left -= block, slot++) {
    part.filters = left < block ? left : block;
    phinets_dsp_product_planes8(&part, quads, layer->product.pad, phinets_row(state, &step->output, slot));
    part.weights = (const int8_t *)part.weights + block * part.groups * (part.bytes ? 4 : 8);
    part.channels += block;
    if (completes) next_block(&w, state);
  }
}

void phinets_step_dsp_depthwise3_blocks(const phinets_step *step, const phinets_state *state, int32_t y) {
  windows w;
  if (y * step->rows.stride - step->rows.before + 3 <= step->rows.height) return;
  begin(&w, step, state, y);
  while (w.left > 0) next_block(&w, state);
}
