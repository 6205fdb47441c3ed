#include "phinets_kernels.h"
#include "requantize.h"
#include "speed.h"

/* gemmlowp's SaturatingRoundingMultiplyByPOT for positive exponents: x * 2^bits, saturated. */
static int32_t shift_left(int32_t x, int32_t bits) {
  const int32_t most = (int32_t)(0x7fffffffu >> bits);
  if (x > most) return INT32_MAX;
  if (x < -most) return INT32_MIN;
  return (int32_t)((uint32_t)x << bits);
}

/* 1 / (1 + x) in Q31, for half = (1 + x) / 2 in Q31: three Newton-Raphson steps in Q29 from 48/17 - 32/17 * half. */
static int32_t one_over_one_plus(int32_t half) {
  int32_t x = 1515870810 + phinets_high_multiply(-1010580540, half);
  for (int32_t i = 0; i < 3; i++) {
    const int32_t error = (1 << 29) - phinets_high_multiply(half, x);
    x += shift_left(phinets_high_multiply(error, x), 2);
  }
  return shift_left(x, 1);
}

void phinets_softmax(const int32_t *exponentials, int32_t channels, const int8_t *input, int8_t *output) {
  int32_t largest = -128, sum = 0, head_room = 0;
  uint32_t scaled;
  for (int32_t c = 0; c < channels; c++)
    if (input[c] > largest) largest = input[c];
  for (int32_t c = 0; c < channels; c++) sum += phinets_rounding_shift(exponentials[largest - input[c]], 12);
  for (scaled = (uint32_t)sum; scaled < 0x80000000u; scaled <<= 1) head_room++;
  const int32_t reciprocal = one_over_one_plus((int32_t)(scaled >> 1)), shift = 35 - head_room;
  for (int32_t c = 0; c < channels; c++) {
    /* A shift by more than 31 bits leaves nothing. */
    const int32_t product = phinets_high_multiply(reciprocal, exponentials[largest - input[c]]);
    output[c] = (int8_t)phinets_saturate(shift > 31 ? -128 : phinets_rounding_shift(product, shift) - 128);
  }
}
