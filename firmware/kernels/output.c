#include "output.h"

#include "requantize.h"

/* Three loops, so that nothing is decided an output. Left shifts are rare: they need scales that grow. */
void phinets_quantize(const phinets_requantization *r, int32_t c, const int32_t *accumulators, int32_t count,
                      int8_t *output, int32_t step) {
  const int32_t multiplier = r->multiplier[c], shift = r->shift[c], zero_point = r->zero_point;
  const int32_t *end = accumulators + count;
  if (shift >= 0) {
    for (; accumulators < end; output += step) {
      const int32_t q = phinets_offset(phinets_rescale(*accumulators++, multiplier, shift), zero_point, shift);
      *output = r->table ? r->table[q + 128] : (int8_t)q;
    }
  } else if (r->table) {
    const int8_t *table = r->table + 128;
    for (; accumulators < end; output += step)
      *output = table[phinets_offset(phinets_rescale(*accumulators++, multiplier, shift), zero_point, shift)];
  } else {
    for (; accumulators < end; output += step)
      *output = (int8_t)phinets_offset(phinets_rescale(*accumulators++, multiplier, shift), zero_point, shift);
  }
}
