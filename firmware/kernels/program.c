#include "phinets_program.h"

#include <stddef.h>
#include <string.h>

/* Follows the schedule until it ends or needs an input row that is not yet available. */
static void advance(phinets_state *state) {
  const phinets_program *program = state->program;
  const int wide = program->wide;
  const int32_t input_row = wide ? 65535 : 255;
  for (; state->entry < program->entries; state->entry++) {
    const uint8_t *at = program->schedule + (state->entry << wide);
    const int32_t number = wide ? at[0] | at[1] << 8 : at[0];
    if (number == input_row) {
      if (state->taken == state->given) return;
      state->taken++;
      continue;
    }
    const phinets_step *step = program->steps + number;
    const int32_t y = state->next[number]++;
    for (;; step++) {
      step->run(step, state, y);
      if (!step->more) break;
    }
  }
}

void phinets_program_begin(phinets_state *state, int8_t *output) {
  const phinets_program *program = state->program;
  state->banks[PHINETS_INPUT_BANK] = state->banks[program->input_bank] + program->input_offset;
  state->banks[PHINETS_OUTPUT_BANK] = output;
  state->slots = program->input_rows > 0 ? program->input_rows : 1;
  state->entry = state->taken = state->given = 0;
  memset(state->next, 0, (size_t)program->step_count * sizeof state->next[0]);
}

int phinets_program_push_rows(phinets_state *state, const int8_t *rows, int32_t count) {
  const phinets_program *program = state->program;
  for (; count > 0 && state->given < program->input_height; count--, rows += program->input_row_bytes) {
    if (program->input_rows == 0) {
      state->banks[PHINETS_INPUT_BANK] = (int8_t *)(uintptr_t)rows; /* only read, and only in this call */
    } else {
      int8_t *to = state->banks[PHINETS_INPUT_BANK] + state->given % state->slots * program->input_row_bytes;
      if (to != rows) memcpy(to, rows, (size_t)program->input_row_bytes);
    }
    state->given++;
    advance(state);
  }
  return state->entry == program->entries;
}

void phinets_program_run(phinets_state *state, const int8_t *input, int8_t *output) {
  phinets_program_begin(state, output);
  state->banks[PHINETS_INPUT_BANK] = (int8_t *)(uintptr_t)input; /* only read */
  state->slots = state->given = state->program->input_height;
  advance(state);
}

void phinets_window(const phinets_step *step, const phinets_state *state, int32_t y, const int8_t **rows) {
  const phinets_rows *window = &step->rows;
  int32_t from = y * window->stride - window->before;
  for (int32_t i = 0; i < window->size; i++, from++)
    rows[i] = from >= 0 && from < window->height ? phinets_row(state, &step->input, from) : NULL;
}
