/*
 * Reference implementation of the kernels' arithmetic, value by value, as defined by TensorFlow Lite Micro's int8
 * reference kernels. Works on whole NHWC maps. The structs are those of the portable kernels, but biases never have
 * anything folded in.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "phinets_kernels.h"

/* MultiplyByQuantizedMultiplier with double rounding. */
int32_t reference_rescale(int32_t x, int32_t multiplier, int32_t shift);

void reference_convolution(const phinets_convolution *layer, int depthwise, const int8_t *input, int8_t *output);
void reference_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);
void reference_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a,
                        const int8_t *b, int8_t *output);
void reference_mean(const phinets_average *layer, const int8_t *input, int8_t *output);
void reference_max_pool(phinets_map input, phinets_map output, int32_t size, int32_t stride, const int8_t *in,
                        int8_t *out);

#endif
