/*
 * Functions for single instructions of the DSP extension (Arm v7-M Architecture Reference Manual, chapter A7), and the
 * same in portable C for other machines. A word with two int16 has the first in its low half; bottom is the low half,
 * top the high half. Sums wrap around, as in the instructions.
 */
#ifndef PHINETS_DSP_INSTRUCTIONS_H
#define PHINETS_DSP_INSTRUCTIONS_H

#include <stdint.h>
#include <string.h>

#if (-1 >> 1) != -1
#error "the kernels need an arithmetic right shift of negative numbers"
#endif

#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "these kernels need a little-endian core: elsewhere words of four int8 would be in the wrong order"
#endif

/* Optimises a time-critical function for speed even under -Os. */
#if defined(__GNUC__) && !defined(__clang__)
#define PHINETS_DSP_FAST __attribute__((optimize("O2")))
#else
#define PHINETS_DSP_FAST
#endif

#if defined(__ARM_FEATURE_DSP)

#define PHINETS_DSP_1(name, instruction)                       \
  static inline int32_t phinets_##name(int32_t a) {            \
    int32_t result;                                            \
    __asm__(instruction : "=r"(result) : "r"(a));              \
    return result;                                             \
  }
#define PHINETS_DSP_2(name, instruction)                       \
  static inline int32_t phinets_##name(int32_t a, int32_t b) { \
    int32_t result;                                            \
    __asm__(instruction : "=r"(result) : "r"(a), "r"(b));      \
    return result;                                             \
  }
#define PHINETS_DSP_3(name)                                               \
  static inline int32_t phinets_##name(int32_t a, int32_t b, int32_t c) { \
    int32_t result;                                                       \
    __asm__(#name " %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(c)); \
    return result;                                                        \
  }

PHINETS_DSP_3(smlad)  /* c + bottom(a) * bottom(b) + top(a) * top(b) */
PHINETS_DSP_3(smladx) /* c + bottom(a) * top(b) + top(a) * bottom(b) */
PHINETS_DSP_3(smlabb) /* c + bottom(a) * bottom(b) */
PHINETS_DSP_3(smlabt) /* c + bottom(a) * top(b) */
PHINETS_DSP_3(smlatb) /* c + top(a) * bottom(b) */
PHINETS_DSP_3(smlatt) /* c + top(a) * top(b) */
PHINETS_DSP_3(smmlar) /* ((c << 32) + a * b + 2^31) >> 32 */
PHINETS_DSP_3(smmlsr) /* ((c << 32) - a * b + 2^31) >> 32 */
PHINETS_DSP_3(usada8) /* c + the absolute differences of four unsigned bytes */
PHINETS_DSP_1(ssat8, "ssat %0, #8, %1")
PHINETS_DSP_1(ssat16_8, "ssat16 %0, #8, %1") /* both halves to -128..127 */
PHINETS_DSP_1(sxtb16, "sxtb16 %0, %1")            /* bytes 0 and 2 to int16 */
PHINETS_DSP_1(sxtb16_8, "sxtb16 %0, %1, ror #8")  /* bytes 1 and 3 to int16 */
PHINETS_DSP_2(sxtab16, "sxtab16 %0, %1, %2")           /* a + bytes 0 and 2 of b, by halves */
PHINETS_DSP_2(sxtab16_8, "sxtab16 %0, %1, %2, ror #8") /* a + bytes 1 and 3 of b, by halves */
PHINETS_DSP_2(pkhbt, "pkhbt %0, %1, %2, lsl #16")      /* bottom(a), bottom(b) */
PHINETS_DSP_2(pkhtb, "pkhtb %0, %2, %1, asr #16")      /* top(a), top(b) */

#undef PHINETS_DSP_1
#undef PHINETS_DSP_2
#undef PHINETS_DSP_3

/* Four bytes from any address, the first in the low byte. */
static inline int32_t phinets_word(const void *from) {
  int32_t word;
  memcpy(&word, from, 4);
  return word;
}

#else

static inline int32_t phinets_bottom(int32_t a) { return (int32_t)(int16_t)(uint16_t)((uint32_t)a & 0xffffu); }
static inline int32_t phinets_top(int32_t a) { return (int32_t)(int16_t)(uint16_t)((uint32_t)a >> 16); }
static inline int32_t phinets_byte(int32_t a, int i) {
  return (int32_t)(int8_t)(uint8_t)((uint32_t)a >> 8 * i & 0xffu);
}
static inline int32_t phinets_sum(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

static inline int32_t phinets_smlabb(int32_t a, int32_t b, int32_t c) {
  return phinets_sum(c, phinets_bottom(a) * phinets_bottom(b));
}
static inline int32_t phinets_smlabt(int32_t a, int32_t b, int32_t c) {
  return phinets_sum(c, phinets_bottom(a) * phinets_top(b));
}
static inline int32_t phinets_smlatb(int32_t a, int32_t b, int32_t c) {
  return phinets_sum(c, phinets_top(a) * phinets_bottom(b));
}
static inline int32_t phinets_smlatt(int32_t a, int32_t b, int32_t c) {
  return phinets_sum(c, phinets_top(a) * phinets_top(b));
}
static inline int32_t phinets_smlad(int32_t a, int32_t b, int32_t c) {
  return phinets_smlatt(a, b, phinets_smlabb(a, b, c));
}
static inline int32_t phinets_smladx(int32_t a, int32_t b, int32_t c) {
  return phinets_smlatb(a, b, phinets_smlabt(a, b, c));
}
static inline int32_t phinets_smmlar(int32_t a, int32_t b, int32_t c) {
  return (int32_t)(uint32_t)((((uint64_t)(uint32_t)c << 32) + (uint64_t)((int64_t)a * b) + 0x80000000u) >> 32);
}
static inline int32_t phinets_smmlsr(int32_t a, int32_t b, int32_t c) {
  return (int32_t)(uint32_t)((((uint64_t)(uint32_t)c << 32) - (uint64_t)((int64_t)a * b) + 0x80000000u) >> 32);
}
static inline int32_t phinets_usada8(int32_t a, int32_t b, int32_t c) {
  for (int i = 0; i < 4; i++) {
    const int32_t d = (phinets_byte(a, i) & 255) - (phinets_byte(b, i) & 255);
    c = phinets_sum(c, d < 0 ? -d : d);
  }
  return c;
}
static inline int32_t phinets_ssat8(int32_t a) { return a > 127 ? 127 : a < -128 ? -128 : a; }
static inline int32_t phinets_pkhbt(int32_t a, int32_t b) {
  return (int32_t)(((uint32_t)a & 0xffffu) | (uint32_t)b << 16);
}
static inline int32_t phinets_pkhtb(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a >> 16 | ((uint32_t)b & 0xffff0000u));
}
static inline int32_t phinets_ssat16_8(int32_t a) {
  return phinets_pkhbt(phinets_ssat8(phinets_bottom(a)), phinets_ssat8(phinets_top(a)));
}
static inline int32_t phinets_sxtb16(int32_t a) { return phinets_pkhbt(phinets_byte(a, 0), phinets_byte(a, 2)); }
static inline int32_t phinets_sxtb16_8(int32_t a) { return phinets_pkhbt(phinets_byte(a, 1), phinets_byte(a, 3)); }
static inline int32_t phinets_sxtab16(int32_t a, int32_t b) {
  return phinets_pkhbt(phinets_bottom(a) + phinets_byte(b, 0), phinets_top(a) + phinets_byte(b, 2));
}
static inline int32_t phinets_sxtab16_8(int32_t a, int32_t b) {
  return phinets_pkhbt(phinets_bottom(a) + phinets_byte(b, 1), phinets_top(a) + phinets_byte(b, 3));
}

/* Four bytes from any address, the first in the low byte. */
static inline int32_t phinets_word(const void *from) {
  const uint8_t *p = (const uint8_t *)from;
  return (int32_t)(p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

#endif

/* TensorFlow Lite's rescaling with double rounding, exact for |accumulator| < 2^30 and a right shift of 1..31; see
   phinets_dsp.h. Adds the zero point, does not saturate. */
static inline int32_t phinets_dsp_rescale(int32_t accumulator, int32_t multiplier, int32_t power, int32_t zero_point) {
  const int32_t x = phinets_smmlar(accumulator, multiplier, accumulator); /* round(accumulator * m / 2^31) */
  return phinets_smmlsr(x + (x >> 31), power, zero_point);                /* halves away from zero */
}

static inline int32_t phinets_dsp_quantize(int32_t accumulator, int32_t multiplier, int32_t power, int32_t zero_point) {
  return phinets_ssat8(phinets_dsp_rescale(accumulator, multiplier, power, zero_point));
}

#endif
