/* The last step of every convolution kernel: accumulator to int8. */
#ifndef PHINETS_OUTPUT_H
#define PHINETS_OUTPUT_H

#include "phinets_kernels.h"
#include "requantize.h"

/* One channel's constants, copied out of the layer: an int8_t store may alias anything, so that the compiler would
   have to read them again after each output. */
typedef struct {
  int32_t bias, multiplier, shift;
  int32_t zero_point, lowest, highest; /* the clamps apply before the zero point is added: no overflow is possible */
  const int8_t *table;                 /* at its entry for 0, or NULL */
} phinets_channel;

static inline phinets_channel phinets_channel_of(const phinets_requantization *r, int32_t c) {
  return (phinets_channel){
      .bias = r->bias[c],
      .multiplier = r->multiplier[c],
      .shift = r->shift[c],
      .zero_point = r->zero_point,
      .lowest = r->lowest - r->zero_point,
      .highest = r->highest - r->zero_point,
      .table = r->table ? r->table + 128 : NULL,
  };
}

static inline int8_t phinets_quantize(const phinets_channel *channel, int32_t accumulator) {
  int32_t q = phinets_rescale(accumulator, channel->multiplier, channel->shift);
  q = phinets_clamp(q, channel->lowest, channel->highest) + channel->zero_point;
  return channel->table ? channel->table[q] : (int8_t)q;
}

#endif
