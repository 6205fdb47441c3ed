/* Shared by depthwise3.c and depthwise5.c: finding the windows of a row, and the loop in C. */
#ifndef PHINETS_DSP_DEPTHWISE_H
#define PHINETS_DSP_DEPTHWISE_H

#include "dsp_instructions.h"
#include "phinets_dsp.h"

#if defined(__GNUC__)
#define PHINETS_DSP_INLINE static inline __attribute__((always_inline))
#else
#define PHINETS_DSP_INLINE static inline
#endif

/* Unrolling keeps the taps of small windows in registers. */
#if defined(__GNUC__) && !defined(__clang__)
#define PHINETS_DSP_UNROLL _Pragma("GCC unroll 8")
#else
#define PHINETS_DSP_UNROLL
#endif

/* Addresses of the windows of a row. */
typedef struct {
  const phinets_dsp_depthwise *layer;
  const int8_t *rows[5]; /* the first pixel of the first channel's first window */
  int32_t moves[5];      /* bytes from a channel to the next; 0 for rows outside the map, which share a plane */
} phinets_dsp_windows;

/* kernel: 3 or 5. bytes: 1 for planes8, 0 for planes16. */
static inline void phinets_dsp_find_windows(const phinets_dsp_depthwise *layer, int kernel, int bytes,
                                            const void *const *rows, void *scratch, phinets_dsp_windows *windows) {
  const int32_t width4 = (layer->input_width + 3) & ~3, pad = kernel / 2;
  const int32_t plane = bytes ? layer->input_width + pad : 2 * (width4 + 2);
  const int32_t first = bytes ? pad - layer->pad_left : 2 * (2 - layer->pad_left);
  int filled = 0;
  windows->layer = layer;
  for (int i = 0; i < kernel; i++) {
    windows->moves[i] = rows[i] ? plane : 0;
    windows->rows[i] = (const int8_t *)(rows[i] ? rows[i] : scratch) + first;
    if (rows[i] || filled) continue;
    filled = 1;
    if (bytes) memset(scratch, layer->input_zero_point, (size_t)(2 * (width4 + 8)));
    else
      for (int32_t k = 0; k < width4 + 8; k++) ((int16_t *)scratch)[k] = (int16_t)layer->input_zero_point;
  }
}

/* Adds one row of taps to the sums of four neighbouring windows. */
PHINETS_DSP_INLINE void phinets_dsp_add_taps(int kernel, int bytes, int stride, const int32_t *taps, const void *row,
                                             int32_t *sums) {
  const int8_t *row8 = (const int8_t *)row;
  const int16_t *row16 = (const int16_t *)row;
  PHINETS_DSP_UNROLL for (int j = 0; j < 4; j++)
    PHINETS_DSP_UNROLL for (int k = 0; k < kernel; k++)
      sums[j] += taps[k] * (bytes ? row8[j * stride + k] : row16[j * stride + k]);
}

/* Stores four outputs of a channel as halfwords in quads: low halves if (channel & 2) == 0. Channels with low halves
   must be stored before those with the high halves of the same words. */
PHINETS_DSP_INLINE void phinets_dsp_store_quad(int32_t channel, const int32_t *outputs, int32_t *quad) {
  quad += channel / 4 * 8 + (channel & 1) * 4;
  PHINETS_DSP_UNROLL for (int j = 0; j < 4; j++)
    quad[j] = phinets_pkhbt(channel & 2 ? quad[j] : outputs[j], channel & 2 ? outputs[j] : 0);
}

/* Computes a row for all channels. groups: groups of four channels in a row of quads; 0: those of the layer. One of
   quads and map8 is NULL. Inlined, so that literal arguments are constants in the loop. */
PHINETS_DSP_INLINE void phinets_dsp_depthwise_loop(const phinets_dsp_windows *windows, int kernel, int bytes,
                                                   int stride, int32_t groups, int32_t *quads, int8_t *map8) {
  const phinets_dsp_depthwise layer = *windows->layer;
  const int32_t *words = layer.weights;
  const int32_t quad_words = groups ? groups * 8 : (layer.channels + 3) / 4 * 8;
  for (int32_t c = 0; c < layer.channels; c++) {
    int32_t taps[25];
    for (int r = 0; r < kernel; r++, words += kernel == 3 ? 2 : 4)
      for (int k = 0; k < kernel; k++) { /* (a b) (b c), or (a b) (c d) (b c) (d e) */
        const int32_t word = words[kernel == 3 ? k / 2 : k == 4 ? 3 : k / 2];
        const int high = k == kernel - 1 || (k & 1);
        taps[r * kernel + k] = (high ? word : (int32_t)((uint32_t)word << 16)) >> 16;
      }
    const phinets_dsp_channel constants = layer.constants[c];
    for (int32_t x = 0; x < layer.width; x += 4) {
      int32_t sums[4] = {constants.bias, constants.bias, constants.bias, constants.bias};
      for (int r = 0; r < kernel; r++) {
        const int8_t *row = windows->rows[r] + c * windows->moves[r] + x * stride * (bytes ? 1 : 2);
        phinets_dsp_add_taps(kernel, bytes, stride, taps + r * kernel, row, sums);
      }
      PHINETS_DSP_UNROLL for (int j = 0; j < 4; j++) {
        sums[j] = phinets_dsp_quantize(sums[j], constants.multiplier, constants.power, layer.zero_point);
        if (layer.table) sums[j] = layer.table[sums[j]];
      }
      if (quads) phinets_dsp_store_quad(c, sums, quads + x / 4 * quad_words);
      else
        PHINETS_DSP_UNROLL for (int j = 0; j < 4; j++) *map8++ = (int8_t)sums[j];
    }
  }
}

PHINETS_DSP_INLINE void phinets_dsp_depthwise_strides(const phinets_dsp_windows *windows, int kernel, int bytes,
                                                      int32_t groups, int32_t *quads, int8_t *map8) {
  if (windows->layer->stride == 1) phinets_dsp_depthwise_loop(windows, kernel, bytes, 1, groups, quads, map8);
  else phinets_dsp_depthwise_loop(windows, kernel, bytes, 2, groups, quads, map8);
}

#endif
