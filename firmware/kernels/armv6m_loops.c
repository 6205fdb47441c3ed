/* The loops of armv6m_*.S in C, as their definition and for tests on other machines (-DPHINETS_ARMV6M_IN_C). */
#include "armv6m.h"

#if defined(PHINETS_ARMV6M_IN_C)

#include "output.h"

/* armv6m_quantize.S */

void phinets_armv6m_quantize_exactly(phinets_armv6m_channels *channels);

static void next_channel(phinets_armv6m_channels *r) {
  r->current_multiplier = *r->multiplier++;
  r->right_shift = -*r->shift++;
  r->added = 0;
  if (r->current_multiplier >= 1 << 30 && r->right_shift >= 1 && r->right_shift <= 21)
    r->added = 1u << (r->right_shift + 9);
  r->start = (uint32_t)*r->bias++ + r->added;
}

static int8_t stored(const phinets_armv6m_channels *r, int32_t index) {
  return r->table ? r->table[index] : (int8_t)(index - 128);
}

static void quantize(phinets_armv6m_channels *r) {
  if (r->added == 0) {
    phinets_armv6m_quantize_exactly(r);
    return;
  }
  const int32_t s = r->right_shift, n = s < 6 ? s : 6;
  const uint32_t half = 1u << (n + 9), moved = (1u << 21) >> s;
  const uint32_t multiplier = (((uint32_t)r->current_multiplier >> (n + 8)) + 1) >> 1;
  const uint32_t offset = r->base - moved - half / 2 - half * multiplier;
  const uint32_t error = (half + 2 * moved + 4 + (s > n ? multiplier : 0)) << 10;
  int8_t *to = r->output++;
  for (const int32_t *sum = r->sums; sum < r->sums_end; sum++, to += r->step) {
    const int32_t accumulator = (int32_t)((uint32_t)*sum - r->added);
    const uint32_t a = (uint32_t)*sum >> (s - n), p = a * multiplier + offset;
    if (a < 2 * half && (p << 10) + error < error) {
      const int32_t q = phinets_rescale(accumulator, r->current_multiplier, -s) + r->zero_point;
      *to = stored(r, phinets_clamp(q, 0, 255));
    } else if (a >= 2 * half || p >> 22 > 255) {
      *to = stored(r, accumulator < 0 ? 0 : 255);
    } else {
      *to = stored(r, (int32_t)(p >> 22));
    }
  }
}

/* armv6m_product.S */

static uint32_t packed(int32_t a, int32_t b) { return (uint32_t)a - ((uint32_t)b << 16); }

void phinets_armv6m_pack(const int8_t *first, const int8_t *second, int32_t taps, uint32_t *words) {
  for (int32_t k = 0; k < taps; k += 2, words += 2) {
    words[0] = packed(first[k], k + 1 < taps ? first[k + 1] : 0);
    words[1] = packed(second[k], k + 1 < taps ? second[k + 1] : 0);
  }
}

/* Sum of the two products: the high half plus the carry from the low half; see armv6m.c. */
static uint32_t two_products(uint32_t pixels, uint32_t weights) {
  const uint32_t word = pixels * weights;
  return (uint32_t)((int32_t)word >> 16) + (word >> 15 & 1);
}

void phinets_armv6m_multiply_all(phinets_armv6m_product *p) {
  for (; p->filters > 0; p->filters--, p->weights += p->taps) {
    next_channel(&p->channels);
    int32_t weights = 0;
    for (int32_t k = 0; k < p->taps; k++) weights += p->weights[k];
    for (int32_t k = 0; k < p->taps; k += 2)
      p->filter[k / 2] = 0 - packed(k + 1 < p->taps ? p->weights[k + 1] : 0, p->weights[k]);
    const uint32_t start = p->channels.start - (uint32_t)(p->zero_point * weights);
    const uint32_t *x = p->pixels;
    for (int32_t *sum = p->sums; sum < p->sums_end; sum += 2) {
      uint32_t a = start, b = start;
      for (int32_t k = 0; k < p->pairs; k++, x += 2)
        a += two_products(x[0], p->filter[k]), b += two_products(x[1], p->filter[k]);
      sum[0] = (int32_t)a, sum[1] = (int32_t)b;
    }
    quantize(&p->channels);
  }
}

/* armv6m_depthwise.S */

/* Goes window by window; the assembly goes column by column and adds each column to the windows that contain it. */
static void slide(phinets_armv6m_depthwise *d, int32_t size, int32_t stride) {
  const int32_t left = d->padded & 3, right = d->padded >> 2;
  for (; d->count > 0; d->count--, d->weights += size * size, d->next++) {
    next_channel(&d->channels);
    const int32_t n = (int32_t)(d->channels.sums_end - d->channels.sums);
    int32_t *sums = d->sums_end - n + (stride == 1 ? right : right > 0);
    for (int32_t i = 0; i < n; i++) {
      uint32_t sum = d->channels.start;
      for (int32_t ky = 0; ky < size; ky++) {
        const int8_t *row = (const int8_t *)d->rows[ky * (size + 1)];
        if ((d->present >> ky & 1) == 0) continue;
        for (int32_t kx = 0; kx < size; kx++) {
          const int32_t column = i * stride + kx, last = (n - 1) * stride + size - right;
          if (column < left || column >= last) continue;
          sum += (uint32_t)((row[d->next + (column - left) * d->pixel] - d->zero_point) * d->weights[ky * size + kx]);
        }
      }
      sums[i] = (int32_t)sum;
    }
    quantize(&d->channels);
  }
}

void phinets_armv6m_slide(phinets_armv6m_depthwise *d) { slide(d, 3, 1); }
void phinets_armv6m_slide_strided(phinets_armv6m_depthwise *d) { slide(d, 3, 2); }
void phinets_armv6m_slide_5(phinets_armv6m_depthwise *d) { slide(d, 5, 1); }
void phinets_armv6m_slide_strided_5(phinets_armv6m_depthwise *d) { slide(d, 5, 2); }

/* armv6m_elementwise.S */

int32_t phinets_armv6m_add_exactly(const phinets_armv6m_addition *addition, int8_t a, int8_t b);
int32_t phinets_armv6m_multiply_exactly(const phinets_armv6m_factors *factors, int8_t a, int8_t b);

void phinets_armv6m_add_short(const phinets_armv6m_addition *addition, const int8_t *a, const int8_t *b,
                              int8_t *output) {
  for (int32_t i = 0; i < addition->size; i++) {
    const uint32_t p = (uint32_t)(a[i] * addition->a + b[i] * addition->b) + addition->base;
    if (p << 11 >= addition->near) output[i] = (int8_t)phinets_armv6m_add_exactly(addition, a[i], b[i]);
    else output[i] = (int8_t)(phinets_clamp((int32_t)p >> 21, 0, 255) - 128);
  }
}

void phinets_armv6m_multiply_short(const phinets_armv6m_factors *factors, const int8_t *a, const int8_t *b,
                                   int8_t *output) {
  const int32_t size = factors->channels * factors->pixels;
  for (int32_t c = 0; c < factors->channels; c++) {
    const int8_t other = b[c];
    const int32_t factor = ((other - factors->b_zero_point) * factors->scale + 128) >> 8;
    for (int32_t i = c; i < size; i += factors->channels) {
      const int32_t product = (a[i] - factors->a_zero_point) * factor;
      const uint32_t p = (uint32_t)product + factors->base;
      if (p << 11 >= factors->near) output[i] = (int8_t)phinets_armv6m_multiply_exactly(factors, a[i], other);
      else if (p >> 21 <= 255) output[i] = (int8_t)((int32_t)(p >> 21) - 128);
      else output[i] = product < 0 ? -128 : 127;
    }
  }
}

#endif
