/*
 * Depthwise 5x5, one row of all channels: planes16 or planes8 to quads or map8. Cores with the DSP extension use the
 * loops of dsp_depthwise5.S, except for stride 1 on planes16 with one pixel of left padding, which has no loop there
 * and runs in C.
 */
#include "dsp_depthwise.h"

#if defined(__ARM_FEATURE_DSP)

/* Arguments of the assembly; it depends on the order. Each channel first advances the pointers of the rows, and that of
   the output if it is quads. */
typedef struct {
  int32_t zero_point;
  const int8_t *table;
  int32_t step; /* bytes from a quad to the next */
  const int32_t *weights_end, *weights;
  uintptr_t moves[5]; /* from the end of a channel's windows to the next channel's */
  uintptr_t rows[5];
  uintptr_t output;
  const phinets_dsp_channel *constants;
  uint32_t deltas;
  uintptr_t row_bytes; /* from the last row's first window to its end */
  int32_t odd;         /* loops that compute two quads: 1 to start with the second */
} phinets_dsp_depthwise5_call;

typedef void row_loop(const phinets_dsp_depthwise5_call *call);
row_loop phinets_dsp_depthwise5_s1_quads, phinets_dsp_depthwise5_s1_quads_table;
row_loop phinets_dsp_depthwise5_s1_map8, phinets_dsp_depthwise5_s1_map8_table;
row_loop phinets_dsp_depthwise5_s2_quads, phinets_dsp_depthwise5_s2_quads_table;
row_loop phinets_dsp_depthwise5_s2_map8, phinets_dsp_depthwise5_s2_map8_table;
row_loop phinets_dsp_depthwise5_s2_odd_quads, phinets_dsp_depthwise5_s2_odd_quads_table;
row_loop phinets_dsp_depthwise5_s2_odd_map8, phinets_dsp_depthwise5_s2_odd_map8_table;
row_loop phinets_dsp_depthwise5_bytes_s1_quads, phinets_dsp_depthwise5_bytes_s1_quads_table;
row_loop phinets_dsp_depthwise5_bytes_s1_map8, phinets_dsp_depthwise5_bytes_s1_map8_table;
row_loop phinets_dsp_depthwise5_bytes_s2_quads, phinets_dsp_depthwise5_bytes_s2_quads_table;
row_loop phinets_dsp_depthwise5_bytes_s2_map8, phinets_dsp_depthwise5_bytes_s2_map8_table;

/* Selects the loop of a kind: with or without a table, to quads or to map8. */
#define LOOP(kind)                                                                                             \
  (quads ? layer->table ? phinets_dsp_depthwise5_##kind##_quads_table : phinets_dsp_depthwise5_##kind##_quads \
         : layer->table ? phinets_dsp_depthwise5_##kind##_map8_table : phinets_dsp_depthwise5_##kind##_map8)

/* quad_bytes: bytes of an input row from one quad of outputs to the next. pairs: the loop computes two at a time. */
static void run(const phinets_dsp_windows *windows, row_loop *loop, int32_t quad_bytes, int pairs, int32_t *quads,
                int8_t *map8) {
  const phinets_dsp_depthwise *layer = windows->layer;
  const int32_t count = (layer->width + 3) / 4, odd = pairs ? count & 1 : 0, row_bytes = (count + odd) * quad_bytes;
  const uintptr_t first = (uintptr_t)(-odd * quad_bytes); /* the second quad's pointers are a quad behind */
  phinets_dsp_depthwise5_call call;
  call.zero_point = layer->zero_point;
  call.table = layer->table;
  call.step = (layer->channels + 3) / 4 * 32;
  call.row_bytes = (uintptr_t)row_bytes;
  call.weights_end = layer->weights + 20 * layer->channels;
  call.weights = layer->weights;
  call.constants = layer->constants;
  /* Channels 0, 1, 2, 3 of a quad are at bytes 0, 16, 2, 18; the next four start 14 bytes after the last. These deltas
     are the bytes of a word, lowest first. */
  call.deltas = 0x10f2100eu;
  call.output = quads ? (uintptr_t)quads - 14 : (uintptr_t)map8;
  call.odd = odd;
  for (int i = 0; i < 5; i++) {
    call.moves[i] = (uintptr_t)(windows->moves[i] - row_bytes);
    call.rows[i] = (uintptr_t)windows->rows[i] + first - call.moves[i];
  }
  loop(&call);
}

#endif

/* One of quads and map8 is NULL. */
PHINETS_DSP_INLINE void row_of_planes16(const phinets_dsp_depthwise *layer, const int16_t *const *rows, void *scratch,
                                        int32_t *quads, int8_t *map8) {
  const void *const all[5] = {rows[0], rows[1], rows[2], rows[3], rows[4]};
  phinets_dsp_windows windows;
  phinets_dsp_find_windows(layer, 5, 0, all, scratch, &windows);
#if defined(__ARM_FEATURE_DSP)
  if (layer->pad_left & 1) {
    if (layer->stride == 1) {
      phinets_dsp_depthwise_loop(&windows, 5, 0, 1, 0, quads, map8);
      return;
    }
    for (int i = 0; i < 5; i++) windows.rows[i] -= 2; /* the word in which the window starts */
    run(&windows, LOOP(s2_odd), 16, 0, quads, map8);
  } else {
    if (layer->stride == 1) run(&windows, LOOP(s1), 8, 1, quads, map8);
    else run(&windows, LOOP(s2), 16, 0, quads, map8);
  }
#else
  phinets_dsp_depthwise_strides(&windows, 5, 0, 0, quads, map8);
#endif
}

PHINETS_DSP_INLINE void row_of_planes8(const phinets_dsp_depthwise *layer, const int8_t *const *rows, void *scratch,
                                       int32_t *quads, int8_t *map8) {
  const void *const all[5] = {rows[0], rows[1], rows[2], rows[3], rows[4]};
  phinets_dsp_windows windows;
  phinets_dsp_find_windows(layer, 5, 1, all, scratch, &windows);
#if defined(__ARM_FEATURE_DSP)
  if (layer->stride == 1) run(&windows, LOOP(bytes_s1), 4, 0, quads, map8);
  else run(&windows, LOOP(bytes_s2), 8, 0, quads, map8);
#else
  phinets_dsp_depthwise_strides(&windows, 5, 1, 0, quads, map8);
#endif
}

PHINETS_DSP_FAST void phinets_dsp_depthwise5_planes16_quads(const phinets_dsp_depthwise *layer,
                                                            const int16_t *const *rows, int32_t *output,
                                                            void *scratch) {
  row_of_planes16(layer, rows, scratch, output, 0);
}

PHINETS_DSP_FAST void phinets_dsp_depthwise5_planes16_map8(const phinets_dsp_depthwise *layer,
                                                           const int16_t *const *rows, int8_t *output, void *scratch) {
  row_of_planes16(layer, rows, scratch, 0, output);
}

PHINETS_DSP_FAST void phinets_dsp_depthwise5_planes8_quads(const phinets_dsp_depthwise *layer,
                                                           const int8_t *const *rows, int32_t *output, void *scratch) {
  row_of_planes8(layer, rows, scratch, output, 0);
}

PHINETS_DSP_FAST void phinets_dsp_depthwise5_planes8_map8(const phinets_dsp_depthwise *layer, const int8_t *const *rows,
                                                          int8_t *output, void *scratch) {
  row_of_planes8(layer, rows, scratch, 0, output);
}
