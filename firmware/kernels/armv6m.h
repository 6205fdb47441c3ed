/*
 * Kernels for Armv6-M (Cortex-M0, M0+, M1) and Armv8-M Baseline (M23), whose only multiplication gives the low 32 bits
 * of 32 x 32. The loops are in assembly (armv6m_*.S) and bit-exact with the portable kernels, which call them.
 * armv6m.c prepares the loops and explains why they are exact; armv6m_loops.c has the same loops in C.
 *
 * A run is a sequence of neighbouring outputs of a row, with all channels. Because registers are scarce, the loops read
 * their parameters from a struct in memory ("the table"); armv6m_offsets.h has the offsets of its members.
 */
#ifndef PHINETS_ARMV6M_H
#define PHINETS_ARMV6M_H

#include "phinets_kernels.h"

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__) || defined(PHINETS_ARMV6M_IN_C)
#define PHINETS_ARMV6M 1
#endif

#if defined(PHINETS_ARMV6M)

#ifdef __cplusplus
extern "C" {
#endif

/* Working memory of a run, in bytes, on the stack. */
enum { PHINETS_ARMV6M_BUFFER = 4096 };

/* Requantisation of a run's accumulators to int8, one channel after the other. */
typedef struct {
  const int32_t *bias, *multiplier; /* of the next channel */
  const int8_t *shift;
  int8_t *output; /* of the next channel, pixel 0 */
  const int8_t *table;
  const int32_t *sums, *sums_end; /* one per output */
  int32_t step;                   /* bytes from an output to the next */
  uint32_t base;                  /* ((zero point + 128) << 22) + 2^21 - 1 */
  int32_t zero_point;             /* zero point + 128 */
  /* of the current channel: */
  int32_t current_multiplier, right_shift;
  uint32_t added; /* added to each accumulator, so that only saturating ones are negative; 0: exact computation only */
  uint32_t start; /* initial value of the accumulators: bias + added */
} phinets_armv6m_channels;

/* Initialises the table for `count` outputs, `step` bytes apart. The loops then write the channels to output,
   output + 1, ... */
void phinets_armv6m_channels_begin(phinets_armv6m_channels *channels, const phinets_requantization *requantization,
                                   const int32_t *sums, int32_t count, int8_t *output, int32_t step);

/* Table of a matrix product: 1x1 convolutions, and others whose windows were gathered. */
typedef struct {
  phinets_armv6m_channels channels;
  const uint32_t *pixels; /* packed */
  uint32_t *filter;       /* working memory for a packed filter: `pairs` words */
  const int8_t *weights;
  int32_t taps, pairs; /* bytes of a filter, and half of that, rounded up */
  int32_t *sums, *sums_end; /* an even number of outputs */
  int32_t zero_point;       /* of the input; 0 if the biases include it */
  int32_t filters;
} phinets_armv6m_product;

/* Computes a run for all filters. Changes the table. */
void phinets_armv6m_multiply_all(phinets_armv6m_product *product);

/* Packs two pixels of `taps` bytes: 2 words per pair of taps. */
void phinets_armv6m_pack(const int8_t *first, const int8_t *second, int32_t taps, uint32_t *words);

/* Table of a 3x3 or 5x5 depthwise convolution with stride 1 or 2. */
typedef struct {
  phinets_armv6m_channels channels;
  const int8_t *weights;
  int32_t present;    /* bit i: row i of the kernel lies inside the map */
  int32_t zero_point; /* of the input */
  int32_t count;      /* number of channels */
  int32_t pixel;      /* bytes from a pixel to the next */
  int32_t padded;     /* columns of the first window left of the map + 4 * columns of the last one right of it */
  int32_t next;       /* offset of the next channel in the rows, from the first pixel read inside the map */
  int32_t *sums, *sums_end; /* address of the first completed sum, and limit for the last one */
  uint32_t right;     /* contribution of one column right of the map */
  uintptr_t rows[5 * 6]; /* for each kernel row: address of its first pixel, then its weights */
} phinets_armv6m_depthwise;

/* Compute a run for all channels: 3x3, 3x3 with stride 2, 5x5, 5x5 with stride 2. They change the table. */
void phinets_armv6m_slide(phinets_armv6m_depthwise *depthwise);
void phinets_armv6m_slide_strided(phinets_armv6m_depthwise *depthwise);
void phinets_armv6m_slide_5(phinets_armv6m_depthwise *depthwise);
void phinets_armv6m_slide_strided_5(phinets_armv6m_depthwise *depthwise);

/* Sum of two rows: output = a * x + b * y + base in units of 2^-21 quantisation steps. If the fractional bits, shifted
   left by 11, are at least `near`, a rounding boundary is too near, and the output is computed exactly from `layer`. */
typedef struct {
  int32_t a, b;
  uint32_t base, near;
  int32_t size;
  const phinets_addition *layer;
} phinets_armv6m_addition;

void phinets_armv6m_add_short(const phinets_armv6m_addition *addition, const int8_t *a, const int8_t *b,
                              int8_t *output);

/* Product of a row with one factor per channel; base and near as for sums. */
typedef struct {
  int32_t scale; /* in units of 2^-29 quantisation steps */
  uint32_t base, near;
  int32_t a_zero_point, b_zero_point;
  int32_t channels, pixels;
  const phinets_product *layer;
} phinets_armv6m_factors;

void phinets_armv6m_multiply_short(const phinets_armv6m_factors *factors, const int8_t *a, const int8_t *b,
                                   int8_t *output);

/* As the portable kernels of these names. Each returns 1 if it supports the layer and has written the output, else 0
   and the portable kernel must compute it. */
int phinets_armv6m_conv2d_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output);
int phinets_armv6m_pointwise_row(const phinets_convolution *layer, const int8_t *input, int8_t *output);
int phinets_armv6m_depthwise_row(const phinets_convolution *layer, const int8_t *const *rows, int8_t *output);
int phinets_armv6m_add(const phinets_addition *layer, int32_t size, const int8_t *a, const int8_t *b, int8_t *output);
int phinets_armv6m_multiply(const phinets_product *layer, int32_t pixels, int32_t channels, const int8_t *a,
                            const int8_t *b, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif

#endif
