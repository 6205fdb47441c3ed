/* Element-wise kernels, sums over the rows of a map, and lookup tables: 4 to 16 values at a time with Helium, else in C
   like the portable kernels. Arithmetic: add.h Add, mul.h Mul, reduce.h QuantizedMeanOrSum. */
#include "helium_instructions.h" /* first */

#include <string.h>

/* Loops process whole vectors, and the remaining elements follow after the loop: with predicated loops, GCC 12 moves
   the predicate back and forth in each iteration. */

void phinets_helium_lookup(const int8_t *table, int32_t size, const int8_t *input, int8_t *output) {
#if defined(PHINETS_HELIUM)
  const int8_t *first = table - 128;
  const uint8x16_t sign = vdupq_n_u8(128);
  for (; size >= 16; size -= 16, input += 16, output += 16) {
    const uint8x16_t at = veorq_u8(vreinterpretq_u8_s8(vld1q_s8(input)), sign);
    vst1q_s8(output, vldrbq_gather_offset_s8(first, at));
  }
  if (size > 0) {
    const mve_pred16_t lanes = vctp8q((uint32_t)size);
    const uint8x16_t at = veorq_u8(vreinterpretq_u8_s8(vldrbq_z_s8(input, lanes)), sign);
    vstrbq_p_s8(output, vldrbq_gather_offset_z_s8(first, at, lanes), lanes);
  }
#else
  for (int32_t i = 0; i < size; i++) output[i] = table[input[i]];
#endif
}

#if defined(PHINETS_HELIUM)
/* Rescales an operand to the common scale. With a shift of 0 there is no second rounding, so the sign must not be
   added. */
static inline int32x4_t operand(phinets_scaling k, int32x4_t x) {
  x = vshlq_n_s32(vsubq_n_s32(x, k.zero_point), 20);
  return k.shift < 0 ? phinets_helium_rescale(x, k.multiplier, k.shift) : vqrdmulhq_n_s32(x, k.multiplier);
}

static inline int32x4_t result(phinets_scaling k, int32x4_t x) {
  return phinets_helium_saturate(vaddq_n_s32(phinets_helium_rescale(x, k.multiplier, k.shift), k.zero_point));
}

void phinets_helium_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  const phinets_addition k = *layer;
  for (; size >= 4; size -= 4, a += 4, b += 4, output += 4)
    vstrbq_s32(output, result(k.output, vaddq_s32(operand(k.a, vldrbq_s32(a)), operand(k.b, vldrbq_s32(b)))));
  if (size > 0) {
    const mve_pred16_t lanes = vctp32q((uint32_t)size);
    const int32x4_t x = operand(k.a, vldrbq_z_s32(a, lanes)), y = operand(k.b, vldrbq_z_s32(b, lanes));
    vstrbq_p_s32(output, result(k.output, vaddq_s32(x, y)), lanes);
  }
}

/* Eight products. The differences have nine bits, so the products are computed in 32 bits, even and odd lanes
   separately, and narrowed again. */
static inline int16x8_t products(const phinets_scaling *k, int16x8_t x, int16x8_t y) {
  const int32x4_t even = phinets_helium_rescale(vmullbq_int_s16(x, y), k->multiplier, k->shift);
  const int32x4_t odd = phinets_helium_rescale(vmulltq_int_s16(x, y), k->multiplier, k->shift);
  int16x8_t q = vqmovnbq_s32(vreinterpretq_s16_s32(even), even);
  q = vqaddq_n_s16(vqmovntq_s32(q, odd), (int16_t)k->zero_point);
  return vreinterpretq_s16_s8(vqmovnbq_s16(vreinterpretq_s8_s16(q), q));
}

/* The outer loop is over channels, so that the zero point is subtracted from each factor only once. */
void phinets_helium_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a,
                             const int8_t *b, int8_t *output) {
  const phinets_scaling k = layer->output;
  const int16_t a_zero = (int16_t)layer->a_zero_point, b_zero = (int16_t)layer->b_zero_point;
  int32_t c = 0;
  for (; c + 8 <= channels; c += 8, b += 8) {
    const int16x8_t y = vsubq_n_s16(vldrbq_s16(b), b_zero);
    const int8_t *from = a + c;
    int8_t *to = output + c;
    for (int32_t p = pixels; p > 0; p--, from += channels, to += channels)
      vstrbq_s16(to, products(&k, vsubq_n_s16(vldrbq_s16(from), a_zero), y));
  }
  if (c < channels) {
    const mve_pred16_t lanes = vctp16q((uint32_t)(channels - c));
    const int16x8_t y = vsubq_n_s16(vldrbq_z_s16(b, lanes), b_zero);
    a += c, output += c;
    for (; pixels > 0; pixels--, a += channels, output += channels)
      vstrbq_p_s16(output, products(&k, vsubq_n_s16(vldrbq_z_s16(a, lanes), a_zero), y), lanes);
  }
}
#else
void phinets_helium_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output) {
  phinets_add(layer, size, a, b, output);
}

void phinets_helium_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a,
                             const int8_t *b, int8_t *output) {
  phinets_multiply(layer, pixels, channels, a, b, output);
}
#endif

void phinets_helium_sum_row(const phinets_average *layer, int first, const int8_t *row, int32_t *sums) {
#if defined(PHINETS_HELIUM)
  const int32_t channels = layer->input.channels, width = layer->input.width;
  for (int32_t c = 0; c < channels; c += 8) {
    const int32_t left = channels - c;
    const mve_pred16_t eight = vctp16q((uint32_t)left), low = vctp32q((uint32_t)left);
    const mve_pred16_t high = vctp32q(left > 4 ? (uint32_t)(left - 4) : 0);
    int32x4_t a = first ? vdupq_n_s32(0) : vldrwq_z_s32(sums + c, low);
    int32x4_t b = first || left <= 4 ? vdupq_n_s32(0) : vldrwq_z_s32(sums + c + 4, high);
    const int8_t *p = row + c;
    for (int32_t x = width; x > 0;) {
      /* At most as many bytes as an int16 sum can hold. */
      int32_t run = x < 255 ? x : 255;
      x -= run;
      int16x8_t sum = vdupq_n_s16(0);
      if (left >= 8)
        for (; run > 0; run--, p += channels) sum = vaddq_s16(sum, vldrbq_s16(p));
      else
        for (; run > 0; run--, p += channels) sum = vaddq_s16(sum, vldrbq_z_s16(p, eight));
      int16_t halves[8];
      vst1q_s16(halves, sum);
      a = vaddq_s32(a, vldrhq_s32(halves));
      b = vaddq_s32(b, vldrhq_s32(halves + 4));
    }
    vstrwq_p_s32(sums + c, a, low);
    if (left > 4) vstrwq_p_s32(sums + c + 4, b, high);
  }
#else
  phinets_sum_row(layer, first, row, sums);
#endif
}
