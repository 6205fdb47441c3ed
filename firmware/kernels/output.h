/* The last step of the kernels: conversion of accumulators, sums and products to int8. */
#ifndef PHINETS_OUTPUT_H
#define PHINETS_OUTPUT_H

#include "phinets_kernels.h"
#include "requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Maximum number of outputs of one channel that a kernel accumulates before it rescales them. With separate loops, the
   constants of only one of them occupy registers at a time. */
enum { PHINETS_RUN = 64 };

/* Rescales `count` sums of channel `c`, adds the zero point, saturates and applies the activation table, if there is
   one. The outputs are `step` bytes apart. Does not add the bias. */
void phinets_quantize(const phinets_requantization *r, int32_t c, const int32_t *sums, int32_t count, int8_t *output,
                      int32_t step);

/* The same for channels c and c + 1; the sums of c + 1 start at sums[PHINETS_RUN], its outputs at output[1]. */
void phinets_quantize_pair(const phinets_requantization *r, int32_t c, const int32_t *sums, int32_t count,
                           int8_t *output, int32_t step);

/* One output of phinets_add: rescales a and b to the common scale, which has `unit` steps per quantisation step, adds
   them and rescales the sum. */
static inline int32_t phinets_sum_of(phinets_scaling first, phinets_scaling second, phinets_scaling result,
                                     int32_t unit, int32_t a, int32_t b) {
  const int32_t x = phinets_rescale((a - first.zero_point) * unit, first.multiplier, first.shift);
  const int32_t y = phinets_rescale((b - second.zero_point) * unit, second.multiplier, second.shift);
  const int32_t sum = phinets_rescale(x + y, result.multiplier, result.shift);
  return phinets_offset(sum, result.zero_point, result.shift);
}

/* One output of phinets_subtract. b is rescaled before it is subtracted, not negated first: rounding halves up is not
   symmetric. */
static inline int32_t phinets_difference_of(phinets_scaling first, phinets_scaling second, phinets_scaling result,
                                            int32_t unit, int32_t a, int32_t b) {
  const int32_t x = phinets_rescale((a - first.zero_point) * unit, first.multiplier, first.shift);
  const int32_t y = phinets_rescale((b - second.zero_point) * unit, second.multiplier, second.shift);
  const int32_t difference = phinets_rescale(x - y, result.multiplier, result.shift);
  return phinets_offset(difference, result.zero_point, result.shift);
}

/* One output of phinets_multiply. */
static inline int32_t phinets_product_of(int32_t a_zero, int32_t b_zero, phinets_scaling result, int32_t a, int32_t b) {
  const int32_t product = phinets_rescale((a - a_zero) * (b - b_zero), result.multiplier, result.shift);
  return phinets_offset(product, result.zero_point, result.shift);
}

#ifdef __cplusplus
}
#endif

#endif
