#include "phinets_steps.h"

void phinets_step_conv2d(const phinets_step *step, const phinets_state *state, int32_t y) {
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_conv2d_row(step->layer, rows, phinets_row(state, &step->output, y));
}

void phinets_step_grouped(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_groups *layer = step->layer;
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_grouped_row(&layer->convolution, layer->groups, rows, phinets_row(state, &step->output, y));
}

void phinets_step_depthwise(const phinets_step *step, const phinets_state *state, int32_t y) {
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_depthwise_row(step->layer, rows, phinets_row(state, &step->output, y));
}

void phinets_step_pointwise(const phinets_step *step, const phinets_state *state, int32_t y) {
  phinets_pointwise_row(step->layer, phinets_row(state, &step->input, y), phinets_row(state, &step->output, y));
}

void phinets_step_add(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_addition *layer = step->layer;
  phinets_add(&layer->addition, layer->size, phinets_row(state, &step->input, y),
              phinets_row(state, &step->second, y), phinets_row(state, &step->output, y));
}

void phinets_step_multiply(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_product *layer = step->layer;
  phinets_multiply(&layer->product, layer->pixels, layer->channels, phinets_row(state, &step->input, y),
                   phinets_row(state, &step->second, y), phinets_row(state, &step->output, y));
}

void phinets_step_subtract(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_addition *layer = step->layer;
  phinets_subtract(&layer->addition, layer->size, phinets_row(state, &step->input, y),
                   phinets_row(state, &step->second, y), phinets_row(state, &step->output, y));
}

void phinets_step_maximum(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_values *layer = step->layer;
  phinets_maximum(layer->size, phinets_row(state, &step->input, y), phinets_row(state, &step->second, y),
                  phinets_row(state, &step->output, y));
}

void phinets_step_minimum(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_values *layer = step->layer;
  phinets_minimum(layer->size, phinets_row(state, &step->input, y), phinets_row(state, &step->second, y),
                  phinets_row(state, &step->output, y));
}

void phinets_step_repeat(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_repetition *layer = step->layer;
  const int8_t *input =
      layer->constant != NULL ? layer->constant + y * layer->row : phinets_row(state, &step->input, layer->row == 0 ? 0 : y);
  phinets_repeat_row(layer->width, layer->channels, layer->pixel, layer->channel, input,
                     phinets_row(state, &step->output, y));
}

void phinets_step_mean(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_average *layer = step->layer;
  int8_t *output = phinets_row(state, &step->output, 0);
  int32_t *sums = (int32_t *)(void *)output;
  phinets_sum_row(layer, y == 0, phinets_row(state, &step->input, y), sums);
  if (y == layer->input.height - 1) phinets_mean_end(layer, sums, output);
}

void phinets_step_max_pool(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_pool *layer = step->layer;
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_max_pool_row(layer->input, layer->output, layer->size, rows, layer->stride,
                       phinets_row(state, &step->output, y));
}

void phinets_step_average_pool(const phinets_step *step, const phinets_state *state, int32_t y) {
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_average_pool_row(step->layer, rows, phinets_row(state, &step->output, y));
}

void phinets_step_max_window(const phinets_step *step, const phinets_state *state, int32_t y) {
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_max_window_row(step->layer, rows, phinets_row(state, &step->output, y));
}

void phinets_step_average_map(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_average *layer = step->layer;
  int8_t *output = phinets_row(state, &step->output, 0);
  int32_t *sums = (int32_t *)(void *)output;
  phinets_sum_row(layer, y == 0, phinets_row(state, &step->input, y), sums);
  if (y == layer->input.height - 1) phinets_average_end(layer->input, sums, output);
}

void phinets_step_softmax(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_exponentials *layer = step->layer;
  const int8_t *input = phinets_row(state, &step->input, y);
  int8_t *output = phinets_row(state, &step->output, y);
  for (int32_t i = 0; i < layer->pixels; i++, input += layer->channels, output += layer->channels)
    phinets_softmax(layer->exponentials, layer->channels, input, output);
}

void phinets_step_lookup(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_table *layer = step->layer;
  phinets_lookup(layer->table, layer->size, phinets_row(state, &step->input, y),
                 phinets_row(state, &step->output, y));
}

void phinets_step_concat(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_parts *layer = step->layer;
  int8_t *output = phinets_row(state, &step->output, y);
  const phinets_step_part *part = layer->parts, *end = part + layer->count;
  for (; part < end; part++) {
    const int32_t row = y - part->before;
    if (row < 0 || row >= part->height) continue;
    phinets_copy_pixels(layer->pixels, part->bytes, phinets_row(state, &part->ring, row), part->bytes,
                        output + part->offset, layer->bytes);
  }
}

void phinets_step_slice(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_slicing *layer = step->layer;
  const int8_t *row;
  phinets_window(step, state, y, &row);
  phinets_copy_pixels(layer->pixels, layer->bytes, row + layer->first, layer->pitch,
                      phinets_row(state, &step->output, y), layer->bytes);
}

void phinets_step_resize_nearest(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_resizing *layer = step->layer;
  phinets_resize_nearest_row(layer->width, layer->channels, layer->columns,
                             phinets_row(state, &step->input, layer->rows[y].lower),
                             phinets_row(state, &step->output, y));
}

void phinets_step_resize_bilinear(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_resizing *layer = step->layer;
  const phinets_tap *tap = layer->rows + y;
  const int8_t *rows[2];
  rows[0] = phinets_row(state, &step->input, tap->lower);
  rows[1] = phinets_row(state, &step->input, tap->upper);
  phinets_resize_bilinear_row(layer->width, layer->channels, layer->columns, rows, tap->weight,
                              phinets_row(state, &step->output, y));
}

void phinets_step_reshape(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_reshaping *layer = step->layer;
  phinets_copy_pixels(1, layer->size, phinets_row(state, &step->input, 0) + y * layer->size, 0,
                      phinets_row(state, &step->output, y), 0);
}

void phinets_step_pad(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_padding *layer = step->layer;
  const int8_t *row;
  phinets_window(step, state, y, &row);
  phinets_pad_row(layer->input, layer->output, layer->left, (int8_t)layer->value, row,
                  phinets_row(state, &step->output, y));
}
