#include "speed.h" /* first */

#include "output.h"

/* The loops are short and have no branch per output. Left shifts, which are rare, take the general way. */
#define RIGHT(sum, multiplier, shift) phinets_rounding_shift(phinets_high_multiply(sum, multiplier), -(shift))

void phinets_quantize(const phinets_requantization *r, int32_t c, const int32_t *sums, int32_t count, int8_t *output,
                      int32_t step) {
  const int32_t multiplier = r->multiplier[c], shift = r->shift[c], zero_point = r->zero_point;
  const int32_t *end = sums + count;
  if (shift >= 0) {
    for (; sums < end; output += step) {
      const int32_t q = phinets_offset(phinets_rescale(*sums++, multiplier, shift), zero_point, shift);
      *output = r->table ? r->table[q + 128] : (int8_t)q;
    }
  } else if (r->table) {
    const int8_t *table = r->table;
    for (; sums < end; output += step)
      *output = table[phinets_saturate_unsigned(RIGHT(*sums++, multiplier, shift) + zero_point + 128)];
  } else {
    for (; sums < end; output += step)
      *output = (int8_t)phinets_saturate(RIGHT(*sums++, multiplier, shift) + zero_point);
  }
}

void phinets_quantize_pair(const phinets_requantization *r, int32_t c, const int32_t *sums, int32_t count,
                           int8_t *output, int32_t step) {
  const int32_t multiplier0 = r->multiplier[c], multiplier1 = r->multiplier[c + 1];
  const int32_t shift0 = r->shift[c], shift1 = r->shift[c + 1];
  const int32_t *end = sums + count;
  if (shift0 >= 0 || shift1 >= 0) {
    phinets_quantize(r, c, sums, count, output, step);
    phinets_quantize(r, c + 1, sums + PHINETS_RUN, count, output + 1, step);
  } else if (r->table) {
    const int8_t *table = r->table;
    const int32_t zero_point = r->zero_point + 128;
    for (; sums < end; sums++, output += step) {
      output[0] = table[phinets_saturate_unsigned(RIGHT(sums[0], multiplier0, shift0) + zero_point)];
      output[1] = table[phinets_saturate_unsigned(RIGHT(sums[PHINETS_RUN], multiplier1, shift1) + zero_point)];
    }
  } else {
    const int32_t zero_point = r->zero_point;
    for (; sums < end; sums++, output += step) {
      output[0] = (int8_t)phinets_saturate(RIGHT(sums[0], multiplier0, shift0) + zero_point);
      output[1] = (int8_t)phinets_saturate(RIGHT(sums[PHINETS_RUN], multiplier1, shift1) + zero_point);
    }
  }
}
