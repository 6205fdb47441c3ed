/*
 * Depthwise layers, 3x3 and 5x5. For cores with Helium, the loop over channels and outputs is in
 * helium_depthwise_loop.S and reads words that this file prepares: in NHWC the taps of a channel are scattered; VST4
 * puts those of a column side by side, for sixteen channels at once. The same in C reads the rows directly. Arithmetic:
 * TensorFlow Lite Micro's DepthwiseConvPerChannel
 * (tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h).
 */
#include "helium_instructions.h" /* first */

#if defined(PHINETS_HELIUM)
/* Arguments of the assembly; it depends on the order. It updates the members that advance from channel to channel. */
typedef struct {
  uint32_t words[4], more_words[4];
  uint16_t offsets[8];
  const int8_t *weights;
  const int32_t *constants;
  int8_t *output;
  int32_t channels;
  int32_t eights, eight_bytes;
  uint32_t eight_lanes;
  int32_t rest;
  uint32_t rest_lanes;
  int32_t rest_bytes, rest_words;
  int32_t zero_point;
} call;

void phinets_helium_depthwise3_stride1(call *c);
void phinets_helium_depthwise3_stride2(call *c);
void phinets_helium_depthwise5_stride1(call *c);
void phinets_helium_depthwise5_stride2(call *c);

enum { WORD = 64 /* bytes from the words of a pixel to those of the next */ };

/* Predicate for the first `count` of eight outputs, of which the first four are in even halfwords. */
static uint32_t lanes_of(int32_t count) {
  uint32_t lanes = 0;
  for (int32_t i = 0; i < count; i++) lanes |= 3u << (i < 4 ? 4 * i : 4 * (i - 4) + 2);
  return lanes;
}

/* `count` neighbouring pixels of the input rows, some of which may lie outside the map; channels first..first+15. */
typedef struct {
  const int8_t *const *rows;
  int32_t width, channels;
  int8_t zero_point;
  int32_t count, first;
  int32_t before, inside, after; /* pixels left of the map, inside it, and right of it */
  int32_t start;                 /* column of the first pixel inside the map */
} column;

void phinets_helium_words(int8_t *to, int32_t count, const int8_t *const *rows, const int32_t *steps);
void phinets_helium_line_words(int8_t *to, int32_t count, const int8_t *line);

/* Number of pixels at the end of the row from which a load of sixteen bytes would read beyond the row: layers with
   fewer than sixteen channels only. */
static int32_t short_pixels(const column *k) {
  if (k->channels >= 16) return 0;
  const int32_t whole = (k->width * k->channels - 16) / k->channels + 1 - k->start;
  const int32_t left = k->width * k->channels < 16 || whole < 0 ? 0 : whole;
  return left < k->inside ? k->inside - left : 0;
}

static void fill(int8_t *to, const column *k, int32_t size) {
  if (size > 0) phinets_helium_fill(to, k->zero_point, size);
}

/* Writes the words of the first three or four rows. For three, the weights of the fourth byte are 0. */
static void put_words(const column *k, int size, int8_t *to) {
  int8_t outside[16];
  const int8_t *rows[4];
  int32_t steps[4];
  vst1q_s8(outside, vdupq_n_s8(k->zero_point));
  for (int i = 0; i < 4; i++) {
    const int8_t *row = k->rows[i < size ? i : size - 1];
    steps[i] = row ? k->channels : 0;
    rows[i] = row ? row + k->start * k->channels + k->first : outside;
  }
  fill(to, k, k->before * WORD);
  to += k->before * WORD;
  const int32_t less = short_pixels(k), whole = k->inside - less;
  if (whole > 0) phinets_helium_words(to, whole, rows, steps);
  to += whole * WORD;
  if (less > 0) {
    const mve_pred16_t lanes = vctp8q((uint32_t)k->channels);
    for (int i = 0; i < 4; i++) rows[i] += whole * steps[i];
    for (int32_t p = 0; p < less; p++, to += WORD) {
      int8x16x4_t four;
      for (int i = 0; i < 4; i++) four.val[i] = vldrbq_z_s8(rows[i], lanes), rows[i] += steps[i];
      vst4q_s8(to, four);
    }
  }
  fill(to, k, k->after * WORD);
}

/* Writes words with four neighbouring columns of the fifth row, whose pixels it first copies to `line`. */
static void put_last_row(const column *k, int8_t *to, int8_t *line) {
  int8_t *pixel = line;
  if (k->rows[4] == NULL) fill(pixel, k, 16 * k->count);
  else {
    const int8_t *p = k->rows[4] + k->start * k->channels + k->first;
    fill(pixel, k, 16 * k->before);
    pixel += 16 * k->before;
    int32_t less = short_pixels(k);
    for (int32_t i = k->inside - less; i > 0; i--, pixel += 16, p += k->channels) vst1q_s8(pixel, vld1q_s8(p));
    for (; less > 0; less--, pixel += 16, p += k->channels)
      vst1q_s8(pixel, vldrbq_z_s8(p, vctp8q((uint32_t)k->channels)));
    fill(pixel, k, 16 * k->after);
  }
  phinets_helium_line_words(to, k->count, line);
}

/* Sets the members of `k` and `c` that depend on the length of a run, `count` outputs. */
static void plan_run(const phinets_helium_depthwise *layer, int size, int32_t count, column *k, call *c) {
  const int32_t channels = layer->channels, stride = layer->stride, over = count % 8;
  const int32_t rest = over == 0 ? 0 : over <= 4 ? 4 : 8, made = count < rest ? rest : count;
  const int32_t back = over == 0 || count < rest ? 0 : rest - over;
  k->count = (made - 1) * stride + size;
  c->eights = count / 8;
  c->rest = rest;
  c->rest_lanes = lanes_of(count < rest ? count : rest);
  c->rest_bytes = back * channels;
  c->rest_words = back * stride * WORD;
}

static inline __attribute__((always_inline)) void depthwise(const phinets_helium_depthwise *layer, const int size,
                                                            const int8_t *const *rows, int8_t *output,
                                                            int8_t *scratch) {
  const int32_t width = layer->width, channels = layer->channels, stride = layer->stride;
  const int32_t most = size == 5 && stride > 1 ? PHINETS_HELIUM_SHORT_RUN : PHINETS_HELIUM_RUN;
  column k = {.rows = rows,
              .width = layer->input_width,
              .channels = channels,
              .zero_point = (int8_t)layer->input_zero_point};
  call c = {.eight_bytes = 8 * channels, .eight_lanes = 0xffff, .zero_point = layer->zero_point};
  for (int32_t i = 0; i < 4; i++) {
    c.offsets[2 * i] = (uint16_t)(i * channels);
    c.offsets[2 * i + 1] = (uint16_t)((i + 4) * channels);
  }
  int32_t planned = 0;
  for (int32_t first = 0; first < width; first += most) {
    const int32_t left = width - first;
    int32_t count = left < most ? left : most, from = first;
    /* A short last run starts earlier, so that it has four or eight outputs. */
    if (first > 0 && count < 8 && count != 4) from = width - (count = count < 4 ? 4 : 8);
    if (count != planned) plan_run(layer, size, planned = count, &k, &c);
    const int32_t x = from * stride - layer->pad_left, end = k.width - x < k.count ? k.width - x : k.count;
    k.before = x < 0 ? -x : 0;
    k.before = k.before < k.count ? k.before : k.count;
    k.inside = end > k.before ? end - k.before : 0;
    k.after = k.count - k.before - k.inside;
    k.start = x + k.before;
    int8_t *last_row = scratch + k.count * WORD, *line = last_row + k.count * WORD;
    for (int32_t done = 0; done < channels; done += 16) {
      /* The last sixteen channels overlap the previous ones. */
      const int32_t some = channels - done, skip = some < 16 && channels >= 16 ? 16 - some : 0;
      k.first = done - skip;
      put_words(&k, size == 3 ? 3 : 4, scratch);
      if (size == 5) put_last_row(&k, last_row, line);
      const uint32_t words = (uint32_t)(uintptr_t)(scratch + 4 * skip - stride * WORD);
      for (uint32_t i = 0; i < 4; i++) c.words[i] = words + (size == 3 && i == 3 ? 2 : i) * WORD;
      if (size == 5) {
        const uint32_t last = words + (uint32_t)(k.count * WORD);
        c.more_words[0] = words + 4 * WORD;
        c.more_words[1] = c.more_words[3] = last;
        c.more_words[2] = last + 4 * WORD;
      }
      c.weights = layer->weights + done * (size == 3 ? 16 : 32);
      c.constants = layer->constants + 3 * done;
      c.output = output + from * channels + done;
      c.channels = some < 16 ? some : 16;
      if (size == 3) {
        if (stride == 1) phinets_helium_depthwise3_stride1(&c);
        else phinets_helium_depthwise3_stride2(&c);
      } else if (stride == 1) phinets_helium_depthwise5_stride1(&c);
      else phinets_helium_depthwise5_stride2(&c);
    }
  }
  if (layer->table) phinets_helium_lookup(layer->table, width * channels, output, output);
}
#else
static inline int32_t weight_of(const int8_t *weights, int size, int32_t c, int32_t ky, int32_t kx) {
  if (size == 3) return weights[16 * c + 4 * kx + ky];
  return weights[32 * c + (ky < 4 ? 4 * kx + ky : 20 + kx)];
}

static void depthwise(const phinets_helium_depthwise *layer, const int size, const int8_t *const *rows, int8_t *output,
                      int8_t *scratch) {
  const int32_t channels = layer->channels;
  (void)scratch;
  for (int32_t x = 0; x < layer->width; x++, output += channels)
    for (int32_t c = 0; c < channels; c++) {
      const int32_t *constants = layer->constants + 3 * c;
      int32_t sum = constants[0];
      for (int32_t ky = 0; ky < size; ky++)
        for (int32_t kx = 0; kx < size; kx++) {
          const int32_t at = x * layer->stride - layer->pad_left + kx;
          const int inside = rows[ky] != NULL && at >= 0 && at < layer->input_width;
          const int32_t value = inside ? rows[ky][at * channels + c] : layer->input_zero_point;
          sum += value * weight_of(layer->weights, size, c, ky, kx);
        }
      const int32_t q = phinets_saturate(phinets_rescale(sum, constants[1], constants[2]) + layer->zero_point);
      output[c] = layer->table ? layer->table[q] : (int8_t)q;
    }
}
#endif

void phinets_helium_depthwise3_row(const phinets_helium_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                   int8_t *scratch) {
  depthwise(layer, 3, rows, output, scratch);
}

void phinets_helium_depthwise5_row(const phinets_helium_depthwise *layer, const int8_t *const *rows, int8_t *output,
                                   int8_t *scratch) {
  depthwise(layer, 5, rows, output, scratch);
}
