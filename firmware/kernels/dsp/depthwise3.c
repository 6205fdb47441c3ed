/*
 * Depthwise 3x3, one row of all channels: planes16 or planes8 to quads or map8. Cores with the DSP extension use the
 * loops of dsp_depthwise3.S, except for stride 1 on planes16 without left padding, which has no loop there and runs
 * in C.
 */
#include "dsp_depthwise.h"

#if defined(__ARM_FEATURE_DSP)

/* Arguments of the assembly; it depends on the order. Each channel first advances the pointers of the rows, and that of
   the output if it is quads. */
typedef struct {
  uintptr_t rows[3];
  int32_t zero_point;
  const int8_t *table;
  int32_t step; /* bytes from a quad to the next */
  const phinets_dsp_channel *constants;
  uint32_t deltas;
  uintptr_t output;
  uintptr_t moves[3];  /* from the end of a channel's windows to the next channel's */
  uintptr_t row_bytes; /* from the first row's first window to its end */
  const phinets_dsp_channel *constants_end;
  uintptr_t weights; /* minus twice the address of the constants: a channel has 24 bytes of weights, 12 of constants */
  int32_t odd; /* loops that compute two quads: 1 to start with the second */
} phinets_dsp_depthwise3_call;

typedef void row_loop(const phinets_dsp_depthwise3_call *call);
row_loop phinets_dsp_depthwise3_s1_quads, phinets_dsp_depthwise3_s1_quads_table;
row_loop phinets_dsp_depthwise3_s1_map8, phinets_dsp_depthwise3_s1_map8_table;
row_loop phinets_dsp_depthwise3_s2_quads, phinets_dsp_depthwise3_s2_quads_table;
row_loop phinets_dsp_depthwise3_s2_map8, phinets_dsp_depthwise3_s2_map8_table;
row_loop phinets_dsp_depthwise3_s2_even_quads, phinets_dsp_depthwise3_s2_even_quads_table;
row_loop phinets_dsp_depthwise3_s2_even_map8, phinets_dsp_depthwise3_s2_even_map8_table;
row_loop phinets_dsp_depthwise3_bytes_s1_quads, phinets_dsp_depthwise3_bytes_s1_quads_table;
row_loop phinets_dsp_depthwise3_bytes_s1_map8, phinets_dsp_depthwise3_bytes_s1_map8_table;
row_loop phinets_dsp_depthwise3_bytes_s2_quads, phinets_dsp_depthwise3_bytes_s2_quads_table;
row_loop phinets_dsp_depthwise3_bytes_s2_map8, phinets_dsp_depthwise3_bytes_s2_map8_table;

/* Selects the loop of a kind: with or without a table, to quads or to map8. */
#define LOOP(kind)                                                                                             \
  (quads ? layer->table ? phinets_dsp_depthwise3_##kind##_quads_table : phinets_dsp_depthwise3_##kind##_quads \
         : layer->table ? phinets_dsp_depthwise3_##kind##_map8_table : phinets_dsp_depthwise3_##kind##_map8)

/* quad_bytes: bytes of an input row from one quad of outputs to the next. pairs: the loop computes two quads at a time.
   groups: groups of four channels in a row of quads; 0: those of the layer. */
PHINETS_DSP_INLINE void run_part(const phinets_dsp_windows *windows, row_loop *loop, int32_t quad_bytes, int pairs,
                                 int32_t groups, int32_t *quads, int8_t *map8) {
  const phinets_dsp_depthwise *layer = windows->layer;
  const int32_t count = (layer->width + 3) / 4, odd = pairs ? count & 1 : 0, row_bytes = (count - odd) * quad_bytes;
  const uintptr_t first = (uintptr_t)(odd * quad_bytes); /* the second quad's pointers are a quad ahead */
  phinets_dsp_depthwise3_call call;
  call.zero_point = layer->zero_point;
  call.table = layer->table;
  call.step = groups ? groups * 32 : (layer->channels + 3) / 4 * 32;
  call.row_bytes = (uintptr_t)row_bytes;
  call.constants_end = layer->constants + layer->channels;
  call.weights = (uintptr_t)layer->weights - 2 * (uintptr_t)layer->constants;
  call.constants = layer->constants;
  /* Channels 0, 1, 2, 3 of a quad are at bytes 0, 16, 2, 18; the next four start 14 bytes after the last. These deltas
     are the bytes of a word, lowest first. */
  call.deltas = 0x10f2100eu;
  call.output = quads ? (uintptr_t)quads - 14 : (uintptr_t)map8;
  call.odd = odd;
  for (int i = 0; i < 3; i++) {
    call.moves[i] = (uintptr_t)(windows->moves[i] - row_bytes);
    call.rows[i] = (uintptr_t)windows->rows[i] + first - call.moves[i];
  }
  loop(&call);
}

static void run(const phinets_dsp_windows *windows, row_loop *loop, int32_t quad_bytes, int pairs, int32_t *quads,
                int8_t *map8) {
  run_part(windows, loop, quad_bytes, pairs, 0, quads, map8);
}

#endif

/* One of quads and map8 is NULL. */
PHINETS_DSP_INLINE void row_of_planes16(const phinets_dsp_depthwise *layer, const int16_t *const *rows, void *scratch,
                                        int32_t *quads, int8_t *map8) {
  const void *const all[3] = {rows[0], rows[1], rows[2]};
  phinets_dsp_windows windows;
  phinets_dsp_find_windows(layer, 3, 0, all, scratch, &windows);
#if defined(__ARM_FEATURE_DSP)
  if (layer->pad_left & 1) {
    for (int i = 0; i < 3; i++) windows.rows[i] -= 2; /* the word in which the window starts */
    if (layer->stride == 1) run(&windows, LOOP(s1), 8, 1, quads, map8);
    else run(&windows, LOOP(s2), 16, 0, quads, map8);
  } else {
    if (layer->stride == 1) phinets_dsp_depthwise_loop(&windows, 3, 0, 1, 0, quads, map8);
    else run(&windows, LOOP(s2_even), 16, 0, quads, map8);
  }
#else
  phinets_dsp_depthwise_strides(&windows, 3, 0, 0, quads, map8);
#endif
}

PHINETS_DSP_INLINE void row_of_planes8(const phinets_dsp_depthwise *layer, const int8_t *const *rows, void *scratch,
                                       int32_t *quads, int8_t *map8) {
  const void *const all[3] = {rows[0], rows[1], rows[2]};
  phinets_dsp_windows windows;
  phinets_dsp_find_windows(layer, 3, 1, all, scratch, &windows);
#if defined(__ARM_FEATURE_DSP)
  if (layer->stride == 1) run(&windows, LOOP(bytes_s1), 4, 0, quads, map8);
  else run(&windows, LOOP(bytes_s2), 8, 0, quads, map8);
#else
  phinets_dsp_depthwise_strides(&windows, 3, 1, 0, quads, map8);
#endif
}

PHINETS_DSP_FAST void phinets_dsp_depthwise3_planes16_quads(const phinets_dsp_depthwise *layer,
                                                            const int16_t *const *rows, int32_t *output,
                                                            void *scratch) {
  row_of_planes16(layer, rows, scratch, output, 0);
}

PHINETS_DSP_FAST void phinets_dsp_depthwise3_planes16_map8(const phinets_dsp_depthwise *layer,
                                                           const int16_t *const *rows, int8_t *output, void *scratch) {
  row_of_planes16(layer, rows, scratch, 0, output);
}

PHINETS_DSP_FAST void phinets_dsp_depthwise3_planes8_quads(const phinets_dsp_depthwise *layer,
                                                           const int8_t *const *rows, int32_t *output, void *scratch) {
  row_of_planes8(layer, rows, scratch, output, 0);
}

PHINETS_DSP_FAST void phinets_dsp_depthwise3_planes8_map8(const phinets_dsp_depthwise *layer, const int8_t *const *rows,
                                                          int8_t *output, void *scratch) {
  row_of_planes8(layer, rows, scratch, 0, output);
}

PHINETS_DSP_FAST void phinets_dsp_depthwise3_planes8_part(const phinets_dsp_depthwise *layer, int32_t groups,
                                                          const int8_t *const *rows, int32_t *output, void *scratch) {
  const void *const all[3] = {rows[0], rows[1], rows[2]};
  phinets_dsp_windows windows;
  phinets_dsp_find_windows(layer, 3, 1, all, scratch, &windows);
#if defined(__ARM_FEATURE_DSP)
  int32_t *const quads = output;
  int8_t *const map8 = 0;
  const int strided = layer->stride > 1;
  run_part(&windows, strided ? LOOP(bytes_s2) : LOOP(bytes_s1), strided ? 8 : 4, 0, groups, quads, map8);
#else
  phinets_dsp_depthwise_strides(&windows, 3, 1, groups, output, 0);
#endif
}
