#include "phinets_helium_steps.h"

void phinets_step_helium_product(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_helium_product *layer = step->layer;
  phinets_helium_product_row(layer, layer->width, phinets_row(state, &step->input, y),
                             phinets_row(state, &step->output, y));
}

void phinets_step_helium_conv2d(const phinets_step *step, const phinets_state *state, int32_t y) {
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_helium_conv2d_row(step->layer, rows, phinets_row(state, &step->output, y), phinets_scratch(state, step));
}

void phinets_step_helium_depthwise3(const phinets_step *step, const phinets_state *state, int32_t y) {
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_helium_depthwise3_row(step->layer, rows, phinets_row(state, &step->output, y), phinets_scratch(state, step));
}

void phinets_step_helium_depthwise5(const phinets_step *step, const phinets_state *state, int32_t y) {
  const int8_t *rows[PHINETS_MAX_WINDOW];
  phinets_window(step, state, y, rows);
  phinets_helium_depthwise5_row(step->layer, rows, phinets_row(state, &step->output, y), phinets_scratch(state, step));
}

void phinets_step_helium_add(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_addition *layer = step->layer;
  phinets_helium_add(&layer->addition, layer->size, phinets_row(state, &step->input, y),
                     phinets_row(state, &step->second, y), phinets_row(state, &step->output, y));
}

void phinets_step_helium_multiply(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_product *layer = step->layer;
  phinets_helium_multiply(&layer->product, layer->pixels, layer->channels, phinets_row(state, &step->input, y),
                          phinets_row(state, &step->second, y), phinets_row(state, &step->output, y));
}

static int sum_row(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_average *layer = step->layer;
  int32_t *sums = (int32_t *)(void *)phinets_row(state, &step->output, 0);
  phinets_helium_sum_row(layer, y == 0, phinets_row(state, &step->input, y), sums);
  return y == layer->input.height - 1;
}

void phinets_step_helium_mean(const phinets_step *step, const phinets_state *state, int32_t y) {
  if (!sum_row(step, state, y)) return;
  int8_t *output = phinets_row(state, &step->output, 0);
  phinets_mean_end(step->layer, (const int32_t *)(const void *)output, output);
}

void phinets_step_helium_average_map(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_average *layer = step->layer;
  if (!sum_row(step, state, y)) return;
  int8_t *output = phinets_row(state, &step->output, 0);
  phinets_average_end(layer->input, (const int32_t *)(const void *)output, output);
}

void phinets_step_helium_lookup(const phinets_step *step, const phinets_state *state, int32_t y) {
  const phinets_step_table *layer = step->layer;
  phinets_helium_lookup(layer->table + 128, layer->size, phinets_row(state, &step->input, y),
                        phinets_row(state, &step->output, y));
}
