/* What the Helium kernels share: whether the core has the vectors, the rescaling, copies and fills of few bytes. */
#ifndef PHINETS_HELIUM_INSTRUCTIONS_H
#define PHINETS_HELIUM_INSTRUCTIONS_H

#include "speed.h"

#include "phinets_helium.h"
#include "requantize.h"

#if defined(__ARM_FEATURE_MVE)
#define PHINETS_HELIUM
#include <arm_mve.h>

/* Four accumulators to their results, without the zero point; see phinets_helium.h. */
static inline int32x4_t phinets_helium_rescale(int32x4_t x, int32_t multiplier, int32_t shift) {
  /* The accumulator's sign stands for the result's: they differ for a result of 0 alone, which stays 0. */
  return vrshlq_n_s32(vqrdmlahq_n_s32(vshrq_n_s32(x, 31), x, multiplier), shift);
}

static inline int32x4_t phinets_helium_saturate(int32x4_t x) {
  return vminq_s32(vmaxq_s32(x, vdupq_n_s32(-128)), vdupq_n_s32(127));
}
#else
#include <string.h>
#endif

/* `size` bytes, of which C libraries for small chips copy one at a time. */
static inline void phinets_helium_copy(int8_t *to, const int8_t *from, int32_t size) {
#if defined(PHINETS_HELIUM)
  for (; size >= 16; size -= 16, to += 16, from += 16) vst1q_s8(to, vld1q_s8(from));
  if (size > 0) {
    const mve_pred16_t lanes = vctp8q((uint32_t)size);
    vstrbq_p_s8(to, vldrbq_z_s8(from, lanes), lanes);
  }
#else
  if (size > 0) memcpy(to, from, (size_t)size);
#endif
}

static inline void phinets_helium_fill(int8_t *to, int8_t value, int32_t size) {
#if defined(PHINETS_HELIUM)
  for (; size >= 16; size -= 16, to += 16) vst1q_s8(to, vdupq_n_s8(value));
  if (size > 0) vstrbq_p_s8(to, vdupq_n_s8(value), vctp8q((uint32_t)size));
#else
  if (size > 0) memset(to, value, (size_t)size);
#endif
}

#endif
