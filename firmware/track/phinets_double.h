/*
 * For sources that compute in double precision, which include it first. It ensures that each operation is rounded to
 * IEEE 754 binary64, or stops the compilation. The TypeScript library computes in this way, so the results are the same
 * to the last bit.
 */
#ifndef PHINETS_DOUBLE_H
#define PHINETS_DOUBLE_H

#include <float.h>

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(_M_FP_FAST) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "PhiNets: compile detection and tracking without -ffast-math (-Ofast, /fp:fast): boxes and tracks would differ"
#endif

#if DBL_MANT_DIG != 53 || DBL_MAX_EXP != 1024
#error "PhiNets: detection and tracking need a double of 64 bits: boxes and tracks would differ"
#endif

/* x87 registers have 64 bits of mantissa. With a negative value the precision is unspecified. */
#if defined(FLT_EVAL_METHOD) && (FLT_EVAL_METHOD == 2 || FLT_EVAL_METHOD < 0)
#error "PhiNets: double must be rounded to double (on 32-bit x86: -msse2 -mfpmath=sse): boxes and tracks would differ"
#endif

/* No fused multiply-add: a product must be rounded before it is added, or the last bit would differ. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#endif
