/* The last step of every convolution kernel: accumulators to int8. */
#ifndef PHINETS_OUTPUT_H
#define PHINETS_OUTPUT_H

#include "phinets_kernels.h"

/* Outputs of one channel that a kernel accumulates before it rescales them: the constants of the one loop and those of
   the other are not in registers at the same time. */
enum { PHINETS_RUN = 64 };

/* Rescales `count` accumulators of channel `c`, adds the zero point, saturates, and looks the result up where the layer
   has a table. The outputs are `step` bytes apart. */
void phinets_quantize(const phinets_requantization *r, int32_t c, const int32_t *accumulators, int32_t count,
                      int8_t *output, int32_t step);

#endif
