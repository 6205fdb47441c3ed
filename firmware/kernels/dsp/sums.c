/* Sums over the rows of a map for the mean (reduce.h QuantizedMeanOrSum), and addition (add.h Add). */
#include "dsp_instructions.h"
#include "phinets_dsp.h"

PHINETS_DSP_FAST void phinets_dsp_sum_row(int32_t width, int32_t channels, int first, const int8_t *row,
                                          int32_t *sums) {
  const int32_t width4 = (width + 3) & ~3;
  for (int32_t c = 0; c < channels; c++, row += width4) {
    int32_t sum = first ? 0 : sums[c];
#if defined(__ARM_FEATURE_DSP)
    /* Four bytes at a time, as unsigned q + 128. */
    const int32_t flip = (int32_t)0x80808080u;
    const int8_t *p = row, *const end = row + (width & ~3);
    sum -= 128 * width;
    for (; p != end; p += 4) sum = phinets_usada8(phinets_word(p) ^ flip, 0, sum);
    if (width & 3) { /* shift out the bytes beyond the width */
      const uint32_t last = (uint32_t)(phinets_word(p) ^ flip) << 8 * (4 - (width & 3));
      sum = phinets_usada8((int32_t)last, 0, sum);
    }
#else
    for (int32_t x = 0; x < width; x++) sum += row[x];
#endif
    sums[c] = sum;
  }
}

/* Addition of a rescaled operand and an exact one, which only needs a shift to the common scale. */
typedef struct {
  int32_t zero;              /* zero point of the rescaled operand, times 2^20 */
  int32_t multiplier, power; /* of the rescaled operand, as in phinets_dsp_channel */
  int32_t exact_zero;        /* zero point of the exact operand, times 2^19 */
  int32_t sum_multiplier, sum_power, sum_zero;
} phinets_dsp_add_constants;

#if defined(__ARM_FEATURE_DSP)
/* dsp_add.S. There is at least one element. */
void phinets_dsp_add_exact(const int8_t *rescaled, const int8_t *exact, int8_t *output, const int8_t *output_end,
                           const phinets_dsp_add_constants *constants);
#else
PHINETS_DSP_FAST static void phinets_dsp_add_exact(const int8_t *rescaled, const int8_t *exact, int8_t *output,
                                                   const int8_t *output_end,
                                                   const phinets_dsp_add_constants *constants) {
  const phinets_dsp_add_constants k = *constants;
  while (output != output_end) {
    const int32_t x = *rescaled++ * (1 << 20) - k.zero, y = *exact++ * (1 << 19) - k.exact_zero;
    const int32_t sum = phinets_dsp_rescale(x, k.multiplier, k.power, y);
    *output++ = (int8_t)phinets_dsp_quantize(sum, k.sum_multiplier, k.sum_power, k.sum_zero);
  }
}
#endif

static int32_t power_of(int32_t shift) { return (int32_t)(0u - (1u << (32 - shift))); }

/* Addition without an exact operand, which TensorFlow Lite does not produce. */
static void add_rescaled(const phinets_dsp_addition *layer, int32_t size, const int8_t *a, const int8_t *b,
                         int8_t *output) {
  const phinets_dsp_addition k = *layer;
  const int32_t a_power = power_of(k.a.shift), b_power = power_of(k.b.shift);
  for (int32_t i = 0; i < size; i++) {
    const int32_t x = phinets_dsp_rescale((a[i] - k.a.zero_point) * (1 << 20), k.a.multiplier, a_power, 0);
    const int32_t sum = phinets_dsp_rescale((b[i] - k.b.zero_point) * (1 << 20), k.b.multiplier, b_power, x);
    output[i] = (int8_t)phinets_dsp_quantize(sum, k.multiplier, k.power, k.zero_point);
  }
}

void phinets_dsp_add(const phinets_dsp_addition *layer, int32_t size, const int8_t *a, const int8_t *b,
                     int8_t *output) {
  const phinets_dsp_operand *rescaled = &layer->a, *exact = &layer->b;
  if (size <= 0) return;
  if (exact->shift != 0) {
    if (rescaled->shift != 0) {
      add_rescaled(layer, size, a, b, output);
      return;
    }
    const phinets_dsp_operand *operand = exact;
    const int8_t *values = b;
    exact = rescaled, b = a;
    rescaled = operand, a = values;
  }
  phinets_dsp_add_constants constants = {.zero = rescaled->zero_point * (1 << 20),
                                         .exact_zero = exact->zero_point * (1 << 19),
                                         .sum_multiplier = layer->multiplier,
                                         .sum_power = layer->power,
                                         .sum_zero = layer->zero_point};
  if (rescaled->shift != 0) {
    constants.multiplier = rescaled->multiplier;
    constants.power = power_of(rescaled->shift);
  } else { /* both are exact: multiply by 1, then halve */
    constants.multiplier = 0;
    constants.power = power_of(1);
  }
  phinets_dsp_add_exact(a, b, output, output + size, &constants);
}
