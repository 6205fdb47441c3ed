/*
 * Shared by the kernel tests: random numbers, memory blocks whose surroundings are checked, and reporting. Runs on a PC
 * and, with semihosting, on an emulated core.
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
/* A random integer in lowest..highest, inclusive. */
int32_t between(int32_t lowest, int32_t highest);
/* 1 with a probability of `percent` percent. */
int chance(int32_t percent);
/* A random Q31 multiplier in 2^30..2^31 - 1; the limits are more frequent than other values. */
int32_t random_multiplier(void);

/* ---- memory of a case ---- */

/* Allocates `bytes` bytes and `slack` more after them that may be read, at a multiple of 8. On a PC it is a separate
   heap block, so that the sanitizer detects accesses beyond it; on a core, check_surroundings checks the bytes around
   it. */
void *take(int32_t bytes, int32_t slack);
/* The same, filled with random bytes or sometimes with extreme values only. */
int8_t *random_bytes(int32_t bytes, int32_t slack);
/* Checks that nothing was written around any block, except up to `spill` bytes after `block`. */
void check_surroundings(const void *block, int32_t spill);
/* Ends a case and frees its memory. */
void end_case(void);

/* ---- results ---- */

void print(const char *text);
void print_number(int32_t number);
/* Count a value (or `count` values) and report the first few differences. */
void expect_equal(const char *what, int32_t index, int32_t actual, int32_t expected);
void expect_bytes(const char *what, const int8_t *actual, const int8_t *expected, int32_t count);

/* ---- tests: `cases` random layers of each kind ---- */

void rows_test(int32_t cases);
void dsp_product_test(int32_t cases);
void dsp_depthwise_test(int32_t cases);
void helium_test(int32_t cases);

#endif
