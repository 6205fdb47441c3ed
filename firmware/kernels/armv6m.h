/*
 * The kernels on Armv6-M (Cortex-M0, M0+, M1) and Armv8-M Baseline (M23), whose only multiplication is 32 x 32 -> the
 * low 32 bits: loops in assembly (armv6m_*.S), the same bits as the portable kernels. armv6m.c prepares them and says
 * why they are exact.
 *
 * armv6m_loops.c has the same loops in C.
 *
 * A run is a number of neighbouring outputs of a row, all channels. The loops find what they need in a table in memory,
 * because they have no register left for it; offsets of its members are in armv6m_offsets.h.
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

/* Working memory of a run on the stack, bytes. */
enum { PHINETS_ARMV6M_BUFFER = 4096 };

/* From accumulators to int8, the channels of a run one after the other. */
typedef struct {
  const int32_t *bias, *multiplier; /* of the next channel */
  const int8_t *shift;
  int8_t *output; /* of the next channel, pixel 0 */
  const int8_t *table;
  const int32_t *sums, *sums_end; /* one an output */
  int32_t step;                   /* bytes from an output to the next */
  uint32_t base;                  /* ((zero point + 128) << 22) + 2^21 - 1 */
  int32_t zero_point;             /* + 128 */
  /* of the current channel */
  int32_t current_multiplier, right_shift;
  uint32_t added; /* to every accumulator, so that those that do not saturate are not negative; 0: the long way */
  uint32_t start; /* what its accumulators start from: the bias + added */
} phinets_armv6m_channels;

void phinets_armv6m_channels_begin(phinets_armv6m_channels *channels, const phinets_requantization *requantization,
                                   const int32_t *sums, int32_t count, int8_t *output, int32_t step);

/* 1x1 convolutions, and others whose windows were gathered. */
typedef struct {
  phinets_armv6m_channels channels;
  const uint32_t *pixels; /* packed */
  uint32_t *filter;       /* room for a packed filter */
  const int8_t *weights;
  int32_t taps, pairs; /* bytes of a filter, and half of that, rounded up */
  int32_t *sums, *sums_end; /* an even number of outputs */
  int32_t zero_point;       /* of the input; where it is 0 the biases hold it already */
  int32_t filters;
} phinets_armv6m_product;

void phinets_armv6m_multiply_all(phinets_armv6m_product *product);

/* Two pixels of `taps` bytes, packed: 2 words a pair of taps. */
void phinets_armv6m_pack(const int8_t *first, const int8_t *second, int32_t taps, uint32_t *words);

/* 3x3 and 5x5 depthwise convolutions of stride 1 and 2. */
typedef struct {
  phinets_armv6m_channels channels;
  const int8_t *weights;
  int32_t present;    /* bit i: row i of the kernel lies inside the map */
  int32_t zero_point; /* of the input */
  int32_t count;      /* of channels */
  int32_t pixel;      /* bytes from a pixel to the next */
  int32_t padded;     /* columns left of the map in the first window, and 4 times those right of it in the last one */
  int32_t next;       /* offset of the next channel in the rows, from the first pixel inside the map that is read */
  int32_t *sums, *sums_end; /* where the first completed sum goes, and where the last may */
  uint32_t right;     /* what a window of one column right of the map still gets */
  uintptr_t rows[5 * 6]; /* for each row of the kernel: where it reads, and its weights */
} phinets_armv6m_depthwise;

void phinets_armv6m_slide(phinets_armv6m_depthwise *depthwise);
void phinets_armv6m_slide_strided(phinets_armv6m_depthwise *depthwise);
void phinets_armv6m_slide_5(phinets_armv6m_depthwise *depthwise);
void phinets_armv6m_slide_strided_5(phinets_armv6m_depthwise *depthwise);

/* Sums of two rows: output = a * x + b * y + base, 2^21 a step. */
typedef struct {
  int32_t a, b;
  uint32_t base, near;
  int32_t size;
  const phinets_addition *layer;
} phinets_armv6m_addition;

void phinets_armv6m_add_short(const phinets_armv6m_addition *addition, const int8_t *a, const int8_t *b,
                              int8_t *output);

/* Products of a row with a factor a channel. */
typedef struct {
  int32_t scale; /* 2^29 a step */
  uint32_t base, near;
  int32_t a_zero_point, b_zero_point;
  int32_t channels, pixels;
  const phinets_product *layer;
} phinets_armv6m_factors;

void phinets_armv6m_multiply_short(const phinets_armv6m_factors *factors, const int8_t *a, const int8_t *b,
                                   int8_t *output);

/* Whether there is an own way for a layer; if so the row is made. */
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
