/*
 * What the kernel tests have in common: random numbers, memory whose surroundings are watched, one line of result. Runs
 * on a PC and, by semihosting, on an emulated core.
 */
#ifndef TESTING_H
#define TESTING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "phinets_kernels.h"

/* ---- random numbers ---- */

void seed_random(uint32_t seed);
uint32_t random_word(void);
/* lowest..highest, both included */
int32_t between(int32_t lowest, int32_t highest);
int chance(int32_t percent);
/* A Q31 multiplier, 2^30..2^31 - 1, its ends more often than others. */
int32_t random_multiplier(void);

/* ---- memory of a case ---- */

/* `bytes` bytes, and `slack` more behind them that may be read. On a PC a block of its own, so that the sanitizer sees
   what goes beyond it; on a core, bytes around it that check_surroundings looks at. At a multiple of 8. */
void *take(int32_t bytes, int32_t slack);
/* The same, filled: with any bytes, or sometimes with extremes only. */
int8_t *random_bytes(int32_t bytes, int32_t slack);
/* Nothing was written around any block; behind `block`, `spill` bytes may have been. */
void check_surroundings(const void *block, int32_t spill);
/* Ends a case: its memory is taken back. */
void end_case(void);

/* ---- results ---- */

void print(const char *text);
void print_number(int32_t number);
/* What differs is told for the first few. */
void expect_equal(const char *what, int32_t index, int32_t actual, int32_t expected);
void expect_bytes(const char *what, const int8_t *actual, const int8_t *expected, int32_t count);

/* ---- tests: `cases` random layers of each kind ---- */

void rows_test(int32_t cases);
void dsp_product_test(int32_t cases);
void dsp_depthwise_test(int32_t cases);
void helium_test(int32_t cases);

#endif
