/*
 * Fixed-point rescaling of int32 accumulators, bit-exact with TensorFlow Lite Micro's default ("double rounding")
 * MultiplyByQuantizedMultiplier: tensorflow/lite/kernels/internal/common.h and gemmlowp fixedpoint/fixedpoint.h.
 *
 * Every function is exact for any int32 accumulator; multipliers are Q31 in 0..2^31-1, shifts are powers of two in
 * -31..30, positive to the left.
 */
#ifndef PHINETS_REQUANTIZE_H
#define PHINETS_REQUANTIZE_H

#include <stdint.h>

#if defined(__ARM_FEATURE_SAT)
#include <arm_acle.h>
#endif

#if (-1 >> 1) != -1
#error "the kernels need an arithmetic right shift of negative numbers"
#endif

/* gemmlowp's SaturatingRoundingDoublingHighMul: round(a * b / 2^31), halves up. It saturates for INT32_MIN squared
   only, which cannot happen because b >= 0. */
static inline int32_t phinets_high_multiply(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* gemmlowp's RoundingDivideByPOT: x / 2^exponent rounded to nearest, halves away from zero. x > INT32_MIN, exponent in
   1..31. Subtracting the sign first makes "halves up" the same thing; the last step adds 1 where x + 2^(exponent-1)
   could overflow. */
static inline int32_t phinets_rounding_shift(int32_t x, int32_t exponent) {
  x += x >> 31;
  return ((x >> (exponent - 1)) + 1) >> 1;
}

/* MultiplyByQuantizedMultiplier: x * multiplier / 2^31 * 2^shift. */
static inline int32_t phinets_rescale(int32_t x, int32_t multiplier, int32_t shift) {
  if (shift < 0) return phinets_rounding_shift(phinets_high_multiply(x, multiplier), -shift);
  return phinets_high_multiply((int32_t)((uint32_t)x << shift), multiplier);
}

static inline int32_t phinets_clamp(int32_t x, int32_t lowest, int32_t highest) {
  return x < lowest ? lowest : x > highest ? highest : x;
}

/* To -128..127: one instruction on Arm, for which compilers do not recognise the comparison. */
static inline int32_t phinets_saturate(int32_t x) {
#if defined(__ARM_FEATURE_SAT)
  return __ssat(x, 8);
#else
  return phinets_clamp(x, -128, 127);
#endif
}

/* A rescaled value to int8. shift is the one it was rescaled with: after a right shift x is below 2^30 and the sum
   cannot overflow, after a left shift x may be anything. */
static inline int32_t phinets_offset(int32_t x, int32_t zero_point, int32_t shift) {
  if (shift >= 0) x = phinets_clamp(x, -256, 255);
  return phinets_saturate(x + zero_point);
}

#endif
