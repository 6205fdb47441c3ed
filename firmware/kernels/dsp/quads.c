/*
 * Conversion of rows to quads, the input layout of the matrix products in product.c. For cores with the DSP extension,
 * the loops are in dsp_quads.S; this file has the same in C. The scaling in squeeze-and-excite follows TensorFlow Lite
 * Micro's Mul (tensorflow/lite/kernels/internal/reference/integer_ops/mul.h).
 */
#include <stddef.h>

#include "dsp_instructions.h"
#include "phinets_dsp.h"

static inline int32_t groups_of(int32_t channels) { return (channels + 3) / 4; }

/* Stores a group from four words with four channels of a pixel each. */
static inline void store_group(int32_t a, int32_t b, int32_t c, int32_t d, int32_t *group) {
  group[0] = phinets_sxtb16(a);
  group[1] = phinets_sxtb16(b);
  group[2] = phinets_sxtb16(c);
  group[3] = phinets_sxtb16(d);
  group[4] = phinets_sxtb16_8(a);
  group[5] = phinets_sxtb16_8(b);
  group[6] = phinets_sxtb16_8(c);
  group[7] = phinets_sxtb16_8(d);
}

/* ---- NHWC ---- */

/* In bytes: from the first pixel of a quad to the others; size of a pixel in whole groups; from there to the next
   quad. */
typedef struct {
  int32_t second, third, fourth;
  int32_t pixel, next;
} steps;

#if defined(__ARM_FEATURE_DSP)
void phinets_dsp_quads_row(const int8_t *row, int32_t *quads, const steps *s, int32_t count);
#else
static void phinets_dsp_quads_row(const int8_t *row, int32_t *quads, const steps *s, int32_t count) {
  for (; count > 0; count--, row += s->next)
    for (const int8_t *end = row + s->pixel; row < end; row += 4, quads += 8)
      store_group(phinets_word(row), phinets_word(row + s->second), phinets_word(row + s->third),
                  phinets_word(row + s->fourth), quads);
}
#endif

void phinets_dsp_quads_nhwc(int32_t width, int32_t channels, const int8_t *row, int32_t *quads) {
  const int32_t groups = groups_of(channels), whole = width / 4, beyond = width % 4;
  if (whole) {
    const steps s = {channels, 2 * channels, 3 * channels, 4 * groups, 4 * (channels - groups)};
    phinets_dsp_quads_row(row, quads, &s, whole);
  }
  if (beyond) { /* the first pixel takes the places of those beyond the width */
    const steps s = {beyond > 1 ? channels : 0, beyond > 2 ? 2 * channels : 0, 0, 4 * groups, 0};
    phinets_dsp_quads_row(row + 4 * whole * channels, quads + 8 * whole * groups, &s, 1);
  }
}

/* ---- map8 ---- */

#if defined(__ARM_FEATURE_DSP)
void phinets_dsp_quads_planes(const int8_t *const *planes, int32_t *quads, int32_t next, int32_t count);
#else
/* Converts a group of channels for all quads. `next`: bytes from the end of a group to that group of the next quad. */
static void phinets_dsp_quads_planes(const int8_t *const *planes, int32_t *quads, int32_t next, int32_t count) {
  for (int32_t q = 0; q < count; q++, quads += next / 4)
    for (int32_t k = 0; k < 2; k++, quads += 4) {
      const int32_t a = phinets_word(planes[k] + 4 * q), b = phinets_word(planes[k + 2] + 4 * q);
      quads[0] = phinets_pkhbt(phinets_sxtb16(a), phinets_sxtb16(b));
      quads[1] = phinets_pkhbt(phinets_sxtb16_8(a), phinets_sxtb16_8(b));
      quads[2] = phinets_pkhtb(phinets_sxtb16(a), phinets_sxtb16(b));
      quads[3] = phinets_pkhtb(phinets_sxtb16_8(a), phinets_sxtb16_8(b));
    }
}
#endif

void phinets_dsp_quads_map8(int32_t width, int32_t channels, const int8_t *row, int32_t *quads) {
  const int32_t count = (width + 3) / 4, groups = groups_of(channels);
  for (int32_t k = 0; k < channels; k += 4, quads += 8) {
    const int8_t *planes[4];
    for (int32_t i = 0; i < 4; i++) {
      const int32_t channel = k + i < channels ? k + i : channels - 1;
      planes[i] = row + channel * count * 4;
    }
    phinets_dsp_quads_planes(planes, quads, (groups - 1) * 32, count);
  }
}

/* ---- map8 times factors ---- */

/* Arguments of the assembly; it depends on the order. */
typedef struct {
  int32_t a_offset; /* minus the zero point of the map, in both halves */
  int32_t multiplier, power, zero_point;
  int32_t next; /* bytes from the end of a quad's words to those of the next quad */
  int32_t b_zero_point;
  const int8_t *factors;
  int32_t pairs; /* pairs of channels: k and k + 2, then k + 1 and k + 3 */
  int32_t plane; /* bytes of a plane */
} products;

#if defined(__ARM_FEATURE_DSP)
void phinets_dsp_quads_products(const int8_t *first, const int8_t *second, int32_t *quads, const products *p);
#else
static void phinets_dsp_quads_products(const int8_t *first, const int8_t *second, int32_t *quads, const products *p) {
  for (int32_t i = 0; i < p->pairs; i++) {
    const int32_t at = i / 2 * 4 + i % 2, move = i / 2 * 4 * p->plane + i % 2 * p->plane;
    const int32_t f[2] = {p->factors[at] - p->b_zero_point, p->factors[at + 2] - p->b_zero_point};
    const int8_t *x[2] = {first + move, second + move};
    int32_t *to = quads + 4 * i;
    for (int32_t q = 0; q < p->plane; q += 4, to += 4 + p->next / 4)
      for (int32_t j = 0; j < 4; j++) {
        int32_t y[2];
        for (int32_t k = 0; k < 2; k++)
          y[k] = phinets_dsp_quantize((x[k][q + j] + (int32_t)(int16_t)p->a_offset) * f[k], p->multiplier, p->power,
                                      p->zero_point);
        to[j] = phinets_pkhbt(y[0], y[1]);
      }
  }
}
#endif

void phinets_dsp_quads_scaled(const phinets_dsp_scale *layer, const int8_t *row, const int8_t *factors,
                              int32_t *quads) {
  const int32_t plane = (layer->width + 3) / 4 * 4, groups = groups_of(layer->channels);
  const int32_t whole = layer->channels / 4 * 4, beyond = layer->channels - whole;
  products p = {.a_offset = phinets_pkhbt(-layer->a_zero_point, -layer->a_zero_point),
                .multiplier = layer->multiplier,
                .power = layer->power,
                .zero_point = layer->zero_point,
                .next = groups * 32 - 16,
                .b_zero_point = layer->b_zero_point,
                .factors = factors,
                .pairs = whole / 2,
                .plane = plane};
  if (whole) phinets_dsp_quads_products(row, row + 2 * plane, quads, &p);
  /* An incomplete last group: channels beyond the last repeat it; their weights are zero. */
  for (int32_t i = 0; i < 2 && beyond; i++) {
    const int32_t first = i < beyond ? i : beyond - 1, second = i + 2 < beyond ? i + 2 : beyond - 1;
    const int8_t *from = row + whole * plane;
    const int8_t pair[3] = {factors[whole + first], 0, factors[whole + second]};
    p.factors = pair;
    p.pairs = 1;
    phinets_dsp_quads_products(from + first * plane, from + second * plane, quads + 2 * whole + 4 * i, &p);
  }
}

/* ---- windows ---- */

/* Buffer for the words of the four windows of a quad, interleaved: one word of each, then the next of each. It is the
   upper half of the quad, so that the words can be converted to groups in place, from first to last. */
static inline int8_t *words_of(int32_t *quad, int32_t groups) { return (int8_t *)(quad + 4 * groups); }

/* Writes n bytes at position t of a window; NULL: zero points. Returns t + n. */
PHINETS_DSP_FAST static int32_t append(int8_t *words, int32_t t, const int8_t *from, int32_t n, int32_t zero_points) {
  const int32_t end = t + n;
  while (t < end) {
    int8_t *to = words + t / 4 * 16 + t % 4;
    if (t % 4 || end - t < 4) {
      *to = from ? *from++ : (int8_t)zero_points;
      t++;
    } else {
      for (; t + 4 <= end; t += 4, to += 16) {
        const int32_t word = from ? phinets_word(from) : zero_points;
        memcpy(to, &word, 4);
        if (from) from += 4;
      }
    }
  }
  return t;
}

PHINETS_DSP_FAST static void words_to_quad(int32_t *quad, int32_t groups) {
  const int8_t *w = words_of(quad, groups);
  for (int32_t g = 0; g < groups; g++, w += 16, quad += 8)
    store_group(phinets_word(w), phinets_word(w + 4), phinets_word(w + 8), phinets_word(w + 12), quad);
}

/* Windows inside the map, in bytes: offset of the first one in a row, step from one to the next, length of a window's
   row. */
typedef struct {
  int32_t offset, step, run;
  int32_t count; /* number of quads */
} windows;

#if defined(__ARM_FEATURE_DSP)
void phinets_dsp_quads_windows(const int8_t *const *rows, const int8_t *const *end, int32_t *quads, const windows *w);
#else
static void phinets_dsp_quads_windows(const int8_t *const *rows, const int8_t *const *end, int32_t *quads,
                                      const windows *w) {
  const int32_t groups = groups_of((int32_t)(end - rows) * w->run);
  for (int32_t q = 0; q < w->count; q++, quads += 8 * groups) {
    for (int32_t i = 0; i < 4; i++) {
      int32_t t = 0;
      for (const int8_t *const *row = rows; row < end; row++)
        t = append(words_of(quads, groups) + 4 * i, t, *row + w->offset + (4 * q + i) * w->step, w->run, 0);
    }
    words_to_quad(quads, groups);
  }
}
#endif

/* Buffer for a quad at the border of the map: the part of the map that its windows cover is copied, with zero points
   around it, if it fits; one row at a time if the rows of a window are whole groups. */
enum { BUFFER_BYTES = 256, BUFFER_ROWS = 8, BUFFER_AFTER = 8 };

/* Fills n bytes and up to 3 more. */
static inline int8_t *fill(int8_t *to, int32_t n, int32_t zero_points) {
  for (int32_t i = 0; i < n; i += 4) memcpy(to + i, &zero_points, 4);
  return to + n;
}
static inline int8_t *copy(int8_t *to, int32_t n, const int8_t *from) {
  for (int32_t i = 0; i < n; i += 4) {
    const int32_t word = phinets_word(from + i);
    memcpy(to + i, &word, 4);
  }
  return to + n;
}

static inline int32_t clamped(int32_t x, int32_t highest) { return x < 0 ? 0 : x > highest ? highest : x; }

/* `first`: column of the map at which the first window begins. */
PHINETS_DSP_FAST static void border_quad(const phinets_dsp_window *layer, const int8_t *const *rows, int32_t first,
                                         int32_t zero_points, int32_t *quad) {
  const int32_t channels = layer->channels, input_width = layer->input_width, height = layer->kernel_height;
  const int32_t pixels = 3 * layer->stride_x + layer->kernel_width, row_bytes = pixels * channels;
  const int32_t run = layer->kernel_width * channels, at_once = run % 4 ? height : 1;
  if (at_once <= BUFFER_ROWS && at_once * row_bytes <= BUFFER_BYTES - BUFFER_AFTER) {
    int8_t buffer[BUFFER_BYTES];
    const int8_t *copies[BUFFER_ROWS];
    const windows w = {0, layer->stride_x * channels, run, 1};
    const int32_t begin = clamped(first, input_width), end = clamped(first + pixels, input_width);
    /* Windows may lie entirely outside the map. */
    const int32_t before = clamped(begin - first, pixels), inside = end - begin;
    for (int32_t y = 0; y < height; y += at_once) {
      int8_t *to = buffer;
      for (int32_t i = 0; i < at_once; i++) {
        const int8_t *row = rows[y + i];
        copies[i] = to;
        if (row) {
          to = fill(to, before * channels, zero_points);
          to = copy(to, inside * channels, row + begin * channels);
          to = fill(to, (pixels - before - inside) * channels, zero_points);
        } else {
          to = fill(to, row_bytes, zero_points);
        }
      }
      phinets_dsp_quads_windows(copies, copies + at_once, quad, &w);
      quad += run / 4 * 8;
    }
    return;
  }
  const int32_t groups = groups_of(height * run);
  for (int32_t i = 0; i < 4; i++) {
    int8_t *words = words_of(quad, groups) + 4 * i;
    const int32_t left = first + i * layer->stride_x, right = left + layer->kernel_width;
    const int32_t begin = clamped(left, input_width), end = clamped(right, input_width);
    int32_t t = 0;
    for (int32_t y = 0; y < height; y++) {
      if (rows[y] && begin < end) {
        t = append(words, t, NULL, (begin - left) * channels, zero_points);
        t = append(words, t, rows[y] + begin * channels, (end - begin) * channels, zero_points);
        t = append(words, t, NULL, (right - end) * channels, zero_points);
      } else {
        t = append(words, t, NULL, run, zero_points);
      }
    }
  }
  words_to_quad(quad, groups);
}

void phinets_dsp_quads_window(const phinets_dsp_window *layer, const int8_t *const *rows, int32_t *quads) {
  const int32_t channels = layer->channels, run = layer->kernel_width * channels, height = layer->kernel_height;
  const int32_t groups = groups_of(height * run), stride = layer->stride_x;
  const int32_t zero_points = (int32_t)(((uint32_t)layer->zero_point & 0xffu) * 0x1010101u);
  /* If the rows of a window are not whole words, up to 3 bytes before a row of a window are read. */
  const int32_t lowest = run % 4 ? 3 : 0;
  int inside_y = 1;
  for (int32_t i = 0; i < height; i++) inside_y &= rows[i] != NULL;
  for (int32_t x = 0; x < layer->width;) {
    const int32_t first = x * stride - layer->pad_left;
    int32_t count = 0, end = first + 3 * stride + layer->kernel_width;
    if (inside_y && first >= 0 && first * channels >= lowest)
      for (; x + 4 * count < layer->width && end <= layer->input_width; end += 4 * stride) count++;
    if (count) {
      const windows w = {first * channels, stride * channels, run, count};
      phinets_dsp_quads_windows(rows, rows + height, quads, &w);
    } else {
      border_quad(layer, rows, first, zero_points, quads);
      count = 1;
    }
    x += 4 * count;
    quads += 8 * groups * count;
  }
}
