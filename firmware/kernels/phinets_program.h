/*
 * Runs a network as a program: kernels that each compute one row, ring buffers of rows between them, and a fixed
 * schedule, which the generator computes in advance. No heap, no recursion, no decisions at run time.
 *
 * Each value (tensor) of the network is a ring buffer of rows: row y lies in slot y % rows. Consecutive steps that
 * compute the same row form a group. An entry of the schedule is the index of a group's first step, which advances the
 * group by one row, or the largest number that an entry can hold, which means that one more input row is needed.
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

/* Memory banks that hold values: input, output and up to 4 arenas. Input and output may be the application's own
   buffers. */
enum { PHINETS_INPUT_BANK, PHINETS_OUTPUT_BANK, PHINETS_ARENA_BANK, PHINETS_BANKS = PHINETS_ARENA_BANK + 4 };

typedef struct {
  int32_t offset; /* of row 0 in its bank, bytes */
  int32_t stride; /* bytes from a row to the next */
  int16_t rows;   /* slots of the ring; 0: those of the input (phinets_state.slots) */
  int16_t bank;   /* index into phinets_state.banks */
} phinets_ring;

/* The input rows that output row y needs: y * stride - before and the size - 1 rows after it, clipped to the input map
   of `height` rows. */
typedef struct {
  int16_t size, stride, before, height;
} phinets_rows;

typedef struct phinets_state phinets_state;
typedef struct phinets_step phinets_step;

struct phinets_step {
  void (*run)(const phinets_step *step, const phinets_state *state, int32_t y); /* computes row y */
  const void *layer; /* parameters of the kernel; the type depends on `run` */
  phinets_ring input, second, output;
  phinets_rows rows;
  int32_t scratch;      /* offset of the kernel's working memory in scratch_bank, bytes */
  int16_t scratch_bank;
  int16_t more; /* 1: the next step in the table belongs to the same group */
};

typedef struct {
  const phinets_step *steps;
  const uint8_t *schedule;
  int32_t step_count;
  int32_t entries; /* of the schedule */
  int32_t input_height, input_row_bytes;
  int32_t input_rows; /* slots of the input's ring, which starts at input_offset in input_bank; 0: each row is read from
                         the caller's memory */
  int32_t input_offset;
  int16_t input_bank;
  int16_t wide; /* 1: schedule entries have two bytes, low byte first (for more than 255 steps); 0: one byte */
} phinets_program;

/* State of one inference. Before the first call set program, next and the arena banks, as the generated
   <name>_context_init does. A state must not be used by two tasks at once. */
struct phinets_state {
  const phinets_program *program;
  int8_t *banks[PHINETS_BANKS];
  int16_t *next;        /* [step_count]: the row that each group computes next */
  int32_t entry;        /* index of the current schedule entry */
  int32_t taken;        /* input rows that the schedule has consumed */
  int32_t given;        /* input rows available so far */
  int32_t slots;        /* rows of the buffer at banks[PHINETS_INPUT_BANK] */
};

/* Starts an inference that writes its result to `output`, which must stay valid until the output is complete. */
void phinets_program_begin(phinets_state *state, int8_t *output);

/* Passes the next `count` rows of the input, input_row_bytes each and contiguous, and computes as far as they allow.
   The rows are not needed after the call. Returns 1 if the output is complete, else 0: more rows are needed. Rows past
   the last row of the input are ignored. */
int phinets_program_push_rows(phinets_state *state, const int8_t *rows, int32_t count);

/* Runs a whole inference (no phinets_program_begin needed). `input` holds input_height rows of input_row_bytes and is
   read in place. */
void phinets_program_run(phinets_state *state, const int8_t *input, int8_t *output);

/* ---- for steps ---- */

/* Address of row y of a value. */
static inline int8_t *phinets_row(const phinets_state *state, const phinets_ring *ring, int32_t y) {
  const int32_t rows = ring->rows == 0 ? state->slots : ring->rows;
  if (y >= rows) y %= rows;
  return state->banks[ring->bank] + ring->offset + y * ring->stride;
}

/* Address of a step's working memory. */
static inline int8_t *phinets_scratch(const phinets_state *state, const phinets_step *step) {
  return state->banks[step->scratch_bank] + step->scratch;
}

/* Largest number of rows in a window: the largest kernel height. */
enum { PHINETS_MAX_WINDOW = 16 };

/* Writes the addresses of the step->rows.size input rows that output row y needs to `rows`, NULL for rows outside the
   map. `rows` has room for PHINETS_MAX_WINDOW addresses. */
void phinets_window(const phinets_step *step, const phinets_state *state, int32_t y, const int8_t **rows);

#ifdef __cplusplus
}
#endif

#endif
