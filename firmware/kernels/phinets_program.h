/*
 * A network as a program: kernels that make a row each, rings of rows between them, and the order in which they run,
 * which the generator has worked out once. Nothing is decided here: no heap, no recursion, no scheduler.
 *
 * A value of the network is a ring of rows: row y lies in slot y % rows. Steps that follow each other within one row form
 * a group; an entry of the schedule is the number of a group's first step, or the largest number that an entry can be: one
 * more row of the input is needed.
 */
#ifndef PHINETS_PROGRAM_H
#define PHINETS_PROGRAM_H

#include <limits.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if INT_MAX < 2147483647
#error "PhiNets needs an int of 32 bits: with 16 bits int8 products would overflow, and results would differ"
#endif

/* Where values lie. The input and the outputs may be the application's own buffers. */
enum { PHINETS_INPUT_BANK, PHINETS_OUTPUT_BANK, PHINETS_ARENA_BANK, PHINETS_BANKS = PHINETS_ARENA_BANK + 4 };

typedef struct {
  int32_t offset; /* of row 0 in its bank, bytes */
  int32_t stride; /* bytes from a row to the next */
  int16_t rows;   /* 0: as many as the input has, where it is the application's whole picture */
  int16_t bank;
} phinets_ring;

/* Rows of an input that make row y: y * stride - before and the size - 1 after it, inside the map of `height` rows. */
typedef struct {
  int16_t size, stride, before, height;
} phinets_rows;

typedef struct phinets_state phinets_state;
typedef struct phinets_step phinets_step;

struct phinets_step {
  void (*run)(const phinets_step *step, const phinets_state *state, int32_t y);
  const void *layer; /* what its kernel needs */
  phinets_ring input, second, output;
  phinets_rows rows;
  int32_t scratch;      /* offset of the kernel's working memory */
  int16_t scratch_bank;
  int16_t more; /* 1: the next step of the table belongs to the same group */
};

typedef struct {
  const phinets_step *steps;
  const uint8_t *schedule;
  int32_t step_count;
  int32_t entries; /* of the schedule */
  int32_t input_height, input_row_bytes;
  int32_t input_rows; /* rows of the input's ring, which lies at input_offset of input_bank; 0: a row is read where the
                         caller has it */
  int32_t input_offset;
  int16_t input_bank;
  int16_t wide; /* 1: entries of the schedule have two bytes, low first: there are more than 255 steps */
} phinets_program;

struct phinets_state {
  const phinets_program *program;
  int8_t *banks[PHINETS_BANKS];
  int16_t *next;        /* [steps]: the row that a group makes next */
  int32_t entry;        /* of the schedule */
  int32_t taken;        /* input rows that the schedule has asked for */
  int32_t given;        /* input rows that are there */
  int32_t slots;        /* rows that lie at banks[PHINETS_INPUT_BANK] */
};

/* Starts an inference whose result goes to `output`. */
void phinets_program_begin(phinets_state *state, int8_t *output);

/* `count` more rows of the input, one after the other. Returns 1 when the output is complete, else 0: more are needed.
   Rows after the input's last are left alone. */
int phinets_program_push_rows(phinets_state *state, const int8_t *rows, int32_t count);

/* A whole inference; `input` is read where it is. */
void phinets_program_run(phinets_state *state, const int8_t *input, int8_t *output);

/* ---- for steps ---- */

/* Row y of a value. */
static inline int8_t *phinets_row(const phinets_state *state, const phinets_ring *ring, int32_t y) {
  const int32_t rows = ring->rows == 0 ? state->slots : ring->rows;
  if (y >= rows) y %= rows;
  return state->banks[ring->bank] + ring->offset + y * ring->stride;
}

static inline int8_t *phinets_scratch(const phinets_state *state, const phinets_step *step) {
  return state->banks[step->scratch_bank] + step->scratch;
}

/* Most rows of a window. */
enum { PHINETS_MAX_WINDOW = 16 };

/* The rows of the input that make row y; NULL outside the map. */
void phinets_window(const phinets_step *step, const phinets_state *state, int32_t y, const int8_t **rows);

#ifdef __cplusplus
}
#endif

#endif
