/*
 * Fixed-point rescaling of int32 accumulators, bit-exact with TensorFlow Lite Micro's default ("double rounding")
 * MultiplyByQuantizedMultiplier: tensorflow/lite/kernels/internal/common.h and gemmlowp fixedpoint/fixedpoint.h.
 *
 * Unless stated otherwise, every function is exact for any int32 accumulator. Multipliers are Q31 in 0..2^31-1, shifts
 * are powers of two in -31..30, positive to the left.
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

/* gemmlowp's SaturatingRoundingDoublingHighMul: round(a * b / 2^31), halves up. gemmlowp saturates only for INT32_MIN
   squared, which cannot occur because b >= 0. */
static inline int32_t phinets_high_multiply(int32_t a, int32_t b) {
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__) /* no 64-bit product: multiply 16-bit halves */
  const int32_t a_low = a & 0xffff, b_low = b & 0xffff, a_high = a >> 16, b_high = b >> 16;
  const int32_t middle0 = a_high * b_low + (int32_t)((uint32_t)a_low * (uint32_t)b_low >> 16), middle1 = a_low * b_high;
  const int32_t low = (middle0 & 0xffff) + (middle1 & 0xffff);
  const int32_t high = a_high * b_high + (middle0 >> 16) + (middle1 >> 16) + (low >> 16);
  return (int32_t)((uint32_t)high << 1) + (low >> 15 & 1) + (low >> 14 & 1);
#else
  const int64_t product = (int64_t)a * b;
  const uint32_t low = (uint32_t)product;
  return (int32_t)(((uint32_t)(product >> 32) << 1) + (low >> 31) + (low >> 30 & 1));
#endif
}

/* gemmlowp's RoundingDivideByPOT: x / 2^exponent rounded to nearest, halves away from zero. x > INT32_MIN, exponent in
   1..31. Subtracting 1 from a negative x first turns this into rounding halves up. Shifting by exponent - 1 and then
   adding 1 avoids the overflow of x + 2^(exponent-1). */
static inline int32_t phinets_rounding_shift(int32_t x, int32_t exponent) {
  x += x >> 31;
  return ((x >> (exponent - 1)) + 1) >> 1;
}

/* MultiplyByQuantizedMultiplier: x * multiplier / 2^31 * 2^shift. */
static inline int32_t phinets_rescale(int32_t x, int32_t multiplier, int32_t shift) {
  if (shift < 0) return phinets_rounding_shift(phinets_high_multiply(x, multiplier), -shift);
  return phinets_high_multiply((int32_t)((uint32_t)x << shift), multiplier);
}

/* x limited to lowest..highest. */
static inline int32_t phinets_clamp(int32_t x, int32_t lowest, int32_t highest) {
  return x < lowest ? lowest : x > highest ? highest : x;
}

/* Saturate to -128..127 and to 0..255. On Arm each is one instruction, which compilers do not find from comparisons. */
#if defined(__ARM_FEATURE_SAT)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* in GCC's __ssat */
static inline int32_t phinets_saturate(int32_t x) { return __ssat(x, 8); }
static inline int32_t phinets_saturate_unsigned(int32_t x) { return (int32_t)__usat(x, 8); }
#pragma GCC diagnostic pop
#else
static inline int32_t phinets_saturate(int32_t x) { return phinets_clamp(x, -128, 127); }
static inline int32_t phinets_saturate_unsigned(int32_t x) { return phinets_clamp(x, 0, 255); }
#endif

/* Adds the zero point to a rescaled value x and saturates to int8. `shift` is the one x was rescaled with: after a
   right shift |x| is at most 2^30, so the sum cannot overflow; after a left shift x may be any int32 and is clamped
   first. */
static inline int32_t phinets_offset(int32_t x, int32_t zero_point, int32_t shift) {
  if (shift >= 0) x = phinets_clamp(x, -256, 255);
  return phinets_saturate(x + zero_point);
}

#endif
