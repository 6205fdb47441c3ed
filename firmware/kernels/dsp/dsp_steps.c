#include "phinets_dsp_steps.h"

void phinets_step_dsp_quads_nhwc(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_row *layer = step->layer;
  phinets_dsp_quads_nhwc(layer->width, layer->channels, phinets_row(state, &step->input, y),
                         (int32_t *)(void *)phinets_row(state, &step->output, y));
}

void phinets_step_dsp_quads_window(const phinets_step *step, const phinets_state *state, int32_t y) {
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_dsp_quads_window(step->layer, rows, (int32_t *)(void *)phinets_row(state, &step->output, y));
}

/* Number of rows that step y computes, of `height` in all and `rows` per step. */
static int32_t rows_of(int32_t y, int32_t rows, int32_t height) {
  const int32_t left = height - y * rows;
  return left < rows ? left : rows;
}

void phinets_step_dsp_nhwc_window(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_windows_of_rows *layer = step->layer;
  const int8_t *rows[PHINETS_MAX_WINDOW];
  for (int32_t row = y * layer->rows, left = rows_of(y, layer->rows, layer->height); left > 0; left--, row++) {
    phinets_window(step, state, row, rows);
    phinets_dsp_nhwc_window(&layer->window, rows, phinets_row(state, &step->output, row));
  }
}

void phinets_step_dsp_depthwise_nhwc(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_taps_of_rows *layer = step->layer;
  const int8_t *rows[PHINETS_MAX_WINDOW];
  for (int32_t row = y * layer->rows, left = rows_of(y, layer->rows, layer->height); left > 0; left--, row++) {
    phinets_window(step, state, row, rows);
    phinets_dsp_depthwise_nhwc(&layer->taps, rows, phinets_row(state, &step->output, row),
                               phinets_scratch(state, step));
  }
}

void phinets_step_dsp_quads_scaled(const phinets_step *step, const phinets_state *state, int32_t y) {
  phinets_dsp_quads_scaled(step->layer, phinets_row(state, &step->input, y), phinets_row(state, &step->second, 0),
                           (int32_t *)(void *)phinets_row(state, &step->output, y));
}

static const int32_t *quads(const phinets_step *step, const phinets_state *state, int32_t y) {
  return (const int32_t *)(const void *)phinets_row(state, &step->input, y);
}

void phinets_step_dsp_product_nhwc(const phinets_step *step, const phinets_state *state, int32_t y) {
  phinets_dsp_product_nhwc(step->layer, quads(step, state, y), phinets_row(state, &step->output, y));
}

void phinets_step_dsp_conv2d(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_convolution *layer = step->layer;
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_dsp_window window = layer->window;
  phinets_dsp_product product = layer->product;
  int32_t *tile = (int32_t *)(void *)phinets_scratch(state, step);
  int8_t *output = phinets_row(state, &step->output, y);
  phinets_window(step, state, y, rows);
  for (int32_t x = 0; x < layer->product.width; x += layer->tile) {
    const int32_t left = layer->product.width - x;
    window.width = product.width = left < layer->tile ? left : layer->tile;
    window.pad_left = layer->window.pad_left - x * layer->window.stride_x; /* negative: the tile begins inside the map */
    phinets_dsp_quads_window(&window, rows, tile);
    phinets_dsp_product_nhwc(&product, tile, output + x * product.filters);
  }
}

void phinets_step_dsp_quads_rows(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_quads_of_rows *layer = step->layer;
  phinets_dsp_quads_nhwc(layer->width * rows_of(y, layer->rows, layer->height), layer->channels,
                         phinets_row(state, &step->input, y * layer->rows),
                         (int32_t *)(void *)phinets_row(state, &step->output, y));
}

void phinets_step_dsp_product_rows(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_product_of_rows *layer = step->layer;
  phinets_dsp_product product = layer->product;
  product.width *= rows_of(y, layer->rows, layer->height);
  phinets_dsp_product_nhwc(&product, quads(step, state, y), phinets_row(state, &step->output, y * layer->rows));
}

void phinets_step_dsp_product_planes16(const phinets_step *step, const phinets_state *state, int32_t y) {
  phinets_dsp_product_planes16(step->layer, quads(step, state, y),
                               (int16_t *)(void *)phinets_row(state, &step->output, y));
}

void phinets_step_dsp_product_planes8(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_product8 *layer = step->layer;
  phinets_dsp_product_planes8(&layer->product, quads(step, state, y), layer->pad,
                              phinets_row(state, &step->output, y));
}

void phinets_step_dsp_dense(const phinets_step *step, const phinets_state *state, int32_t y) {
  phinets_dsp_dense(step->layer, phinets_row(state, &step->input, 0), phinets_row(state, &step->output, y),
                    (int32_t *)(void *)phinets_scratch(state, step));
}

void phinets_step_dsp_dense_uniform(const phinets_step *step, const phinets_state *state, int32_t y) {
  phinets_dsp_dense_uniform(step->layer, phinets_row(state, &step->input, 0), phinets_row(state, &step->output, y),
                            (int32_t *)(void *)phinets_scratch(state, step));
}

void phinets_step_dsp_planes16(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_row *layer = step->layer;
  phinets_dsp_planes16(layer->width, layer->channels, layer->zero_point, phinets_row(state, &step->input, y),
                       (int16_t *)(void *)phinets_row(state, &step->output, y));
}

void phinets_step_dsp_planes8(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_row *layer = step->layer;
  phinets_dsp_planes8(layer->width, layer->channels, layer->zero_point, layer->pad,
                      phinets_row(state, &step->input, y), phinets_row(state, &step->output, y));
}

void phinets_step_dsp_nhwc(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_row *layer = step->layer;
  phinets_dsp_nhwc(layer->width, layer->channels, phinets_row(state, &step->input, y),
                   phinets_row(state, &step->output, y));
}

/* The step of a depthwise kernel with planes of type `from` and output of type `to`. */
#define DEPTHWISE(name, from, to)                                                                               \
  void phinets_step_dsp_##name(const phinets_step *step, const phinets_state *state, int32_t y) {           \
    const int8_t *bytes[PHINETS_MAX_WINDOW];                                                                    \
    const from *rows[5];                                                                                        \
    phinets_window(step, state, y, bytes);                                                                    \
    for (int32_t i = 0; i < step->rows.size; i++) rows[i] = (const from *)(const void *)bytes[i];               \
    phinets_dsp_##name(step->layer, rows, (to *)(void *)phinets_row(state, &step->output, y),                 \
                       phinets_scratch(state, step));                                                         \
  }
DEPTHWISE(depthwise3_planes16_quads, int16_t, int32_t)
DEPTHWISE(depthwise3_planes16_map8, int16_t, int8_t)
DEPTHWISE(depthwise3_planes8_quads, int8_t, int32_t)
DEPTHWISE(depthwise3_planes8_map8, int8_t, int8_t)
DEPTHWISE(depthwise5_planes16_quads, int16_t, int32_t)
DEPTHWISE(depthwise5_planes16_map8, int16_t, int8_t)
DEPTHWISE(depthwise5_planes8_quads, int8_t, int32_t)
DEPTHWISE(depthwise5_planes8_map8, int8_t, int8_t)

void phinets_step_dsp_mean(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_average *layer = step->layer;
  int8_t *output = phinets_row(state, &step->output, 0);
  int32_t *sums = (int32_t *)(void *)output;
  phinets_dsp_sum_row(layer->width, layer->average.input.channels, y == 0, phinets_row(state, &step->input, y), sums);
  if (y == layer->average.input.height - 1) phinets_mean_end(&layer->average, sums, output);
}

void phinets_step_dsp_add(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_dsp_sum *layer = step->layer;
  phinets_dsp_add(&layer->addition, layer->size, phinets_row(state, &step->input, y),
                  phinets_row(state, &step->second, y), phinets_row(state, &step->output, y));
}
