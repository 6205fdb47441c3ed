/* Copies the windows of a row as nhwc pixels, for general convolutions on maps of a few pixels, which multiply several
   rows together. */
#include "dsp_instructions.h"
#include "phinets_dsp.h"

/* The rows of a window are so short that calls of memcpy or memset would take longer. */
static inline int8_t *copy(int8_t *to, const int8_t *from, int32_t count) {
  for (; count >= 4; count -= 4, to += 4, from += 4) memcpy(to, from, 4);
  for (; count > 0; count--) *to++ = *from++;
  return to;
}

static inline int8_t *fill(int8_t *to, int8_t value, int32_t count) {
  for (; count > 0; count--) *to++ = value;
  return to;
}

PHINETS_DSP_FAST void phinets_dsp_nhwc_window(const phinets_dsp_window *layer, const int8_t *const *rows,
                                              int8_t *output) {
  const int32_t channels = layer->channels, columns = layer->kernel_width, width = layer->input_width;
  const int8_t zero = (int8_t)layer->zero_point;
  int32_t first = -layer->pad_left;
  for (int32_t x = 0; x < layer->width; x++, first += layer->stride_x) {
    /* Columns left of the map, inside it and right of it. A window may lie entirely outside the map. */
    const int32_t start = first < 0 ? 0 : first > width ? width : first;
    const int32_t end = first + columns < start ? start : first + columns > width ? width : first + columns;
    const int32_t before = start - first > columns ? columns : start - first < 0 ? 0 : start - first;
    const int32_t inside = end - start;
    for (int32_t r = 0; r < layer->kernel_height; r++) {
      if (!rows[r]) {
        output = fill(output, zero, columns * channels);
        continue;
      }
      output = fill(output, zero, before * channels);
      output = copy(output, rows[r] + start * channels, inside * channels);
      output = fill(output, zero, (columns - before - inside) * channels);
    }
  }
}
