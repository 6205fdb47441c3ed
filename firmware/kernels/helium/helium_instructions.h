/* Shared by the Helium kernels: detection of the extension, rescaling, and copies and fills of few bytes. */
#ifndef PHINETS_HELIUM_INSTRUCTIONS_H
#define PHINETS_HELIUM_INSTRUCTIONS_H

#include "speed.h"

#include "phinets_helium.h"
#include "requantize.h"

#if defined(__ARM_FEATURE_MVE)
#define PHINETS_HELIUM
#include <arm_mve.h>

/* Rescales four accumulators, without adding the zero point; see phinets_helium.h. */
static inline int32x4_t phinets_helium_rescale(int32x4_t x, int32_t multiplier, int32_t shift) {
  /* Uses the sign of the accumulator for that of the product: they differ only if the product is 0, and the result is
     then 0 either way. */
  return vrshlq_n_s32(vqrdmlahq_n_s32(vshrq_n_s32(x, 31), x, multiplier), shift);
}

static inline int32x4_t phinets_helium_saturate(int32x4_t x) {
  return vminq_s32(vmaxq_s32(x, vdupq_n_s32(-128)), vdupq_n_s32(127));
}
#else
#include <string.h>
#endif

/* Copies `size` bytes. The memcpy of C libraries for small chips copies only one byte at a time. */
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
