/*
 * Depthwise layers, 3x3 and 5x5. The loop over channels and outputs is in helium_depthwise_loop.S for cores with Helium, and reads
 * words that are made here: NHWC has a channel's taps apart from each other, VST4 puts those of a column side by side, for
 * sixteen channels at once. The same in C reads the rows. Arithmetic: TensorFlow Lite Micro's DepthwiseConvPerChannel
 * (tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h).
 */
#include "helium_instructions.h" /* first */

#if defined(PHINETS_HELIUM)
/* Of the assembly, in its order. What moves from channel to channel is written back. */
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

enum { WORD = 64 /* bytes from a pixel's words to the next's */ };

/* The first `count` of eight outputs, the first four in even halfwords. */
static uint32_t lanes_of(int32_t count) {
  uint32_t lanes = 0;
  for (int32_t i = 0; i < count; i++) lanes |= 3u << (i < 4 ? 4 * i : 4 * (i - 4) + 2);
  return lanes;
}

/* Pixels x..x+count-1, which may lie outside the row, of sixteen channels, or of as many as `lanes` says. */
typedef struct {
  const int8_t *const *rows;
  int32_t x, count, width, channels, first;
  int8_t zero_point;
  mve_pred16_t lanes;
} column;

void phinets_helium_words(int8_t *to, int32_t count, const int8_t *const *rows, const int32_t *steps);
void phinets_helium_line_words(int8_t *to, int32_t count, const int8_t *line);

/* Pixels of the map among those of the words: from before them on. */
static int32_t inside(const column *k, int32_t *before) {
  const int32_t room = k->width - k->x, end = room < k->count ? room : k->count;
  *before = k->x < 0 ? -k->x : 0;
  if (*before > k->count) *before = k->count;
  return end > *before ? end - *before : 0;
}

/* Words of the first three or four rows; of three the fourth byte's weights are 0. */
static void put_words(const column *k, int size, int8_t *to) {
  int8_t outside[16];
  vst1q_s8(outside, vdupq_n_s8(k->zero_point));
  int32_t before, count = inside(k, &before), after = k->count - before - count;
  const int8_t *rows[4];
  int32_t steps[4];
  for (int i = 0; i < 4; i++) {
    const int8_t *row = k->rows[i < size ? i : size - 1];
    steps[i] = row ? k->channels : 0;
    rows[i] = row ? row + (k->x + before) * k->channels + k->first : outside;
  }
  phinets_helium_fill(to, k->zero_point, before * WORD);
  to += before * WORD;
  if (k->lanes != 0xffff)
    for (; count > 0; count--, to += WORD) {
      int8x16x4_t four;
      for (int i = 0; i < 4; i++) four.val[i] = vldrbq_z_s8(rows[i], k->lanes), rows[i] += steps[i];
      vst4q_s8(to, four);
    }
  if (count > 0) phinets_helium_words(to, count, rows, steps);
  to += count * WORD;
  phinets_helium_fill(to, k->zero_point, after * WORD);
}

/* Words of four columns of the fifth row, by way of its pixels in `line`. */
static void put_last_row(const column *k, int8_t *to, int8_t *line) {
  int32_t before, count = inside(k, &before), after = k->count - before - count;
  int8_t *pixel = line;
  if (k->rows[4] == NULL) before = k->count, count = after = 0;
  phinets_helium_fill(pixel, k->zero_point, 16 * before);
  pixel += 16 * before;
  const int8_t *p = count > 0 ? k->rows[4] + (k->x + before) * k->channels + k->first : NULL;
  if (k->lanes != 0xffff)
    for (; count > 0; count--, pixel += 16, p += k->channels) vst1q_s8(pixel, vldrbq_z_s8(p, k->lanes));
  for (; count > 0; count--, pixel += 16, p += k->channels) vst1q_s8(pixel, vld1q_s8(p));
  phinets_helium_fill(pixel, k->zero_point, 16 * after);
  phinets_helium_line_words(to, k->count, line);
}

/* Outputs first..first+count-1. */
static void run(const phinets_helium_depthwise *layer, const int size, const int8_t *const *rows, int32_t first,
                int32_t count, int8_t *output, int8_t *scratch) {
  const int32_t channels = layer->channels, stride = layer->stride, over = count % 8;
  const int32_t rest = over == 0 ? 0 : over <= 4 ? 4 : 8, made = count < rest ? rest : count;
  const int32_t back = count < rest ? 0 : rest - over;
  column k = {.rows = rows,
              .x = first * stride - layer->pad_left,
              .count = (made - 1) * stride + size,
              .width = layer->input_width,
              .channels = channels,
              .zero_point = (int8_t)layer->input_zero_point,
              .lanes = 0xffff};
  int8_t *last_row = scratch + k.count * WORD, *line = last_row + k.count * WORD;
  call c = {.eights = count / 8,
            .eight_bytes = 8 * channels,
            .eight_lanes = 0xffff,
            .rest = rest,
            .rest_lanes = lanes_of(count < rest ? count : rest),
            .rest_bytes = over == 0 || count < rest ? 0 : back * channels,
            .rest_words = over == 0 || count < rest ? 0 : back * stride * WORD,
            .zero_point = layer->zero_point};
  if (rest == 4) c.rest_lanes &= lanes_of(4);
  for (int32_t i = 0; i < 4; i++) {
    c.offsets[2 * i] = (uint16_t)(i * channels);
    c.offsets[2 * i + 1] = (uint16_t)((i + 4) * channels);
  }
  for (int32_t done = 0; done < channels; done += 16) {
    /* The last sixteen overlap those before. */
    const int32_t left = channels - done, skip = left < 16 && channels >= 16 ? 16 - left : 0;
    k.first = done - skip;
    if (channels < 16) k.lanes = vctp8q((uint32_t)channels);
    put_words(&k, size == 3 ? 3 : 4, scratch);
    if (size == 5) put_last_row(&k, last_row, line);
    const uint32_t words = (uint32_t)(uintptr_t)(scratch + 4 * skip - stride * WORD);
    const uint32_t last = (uint32_t)(uintptr_t)(last_row + 4 * skip - stride * WORD);
    for (uint32_t i = 0; i < 4; i++) c.words[i] = words + (size == 3 && i == 3 ? 2 : i) * WORD;
    c.more_words[0] = words + 4 * WORD;
    c.more_words[1] = c.more_words[3] = last;
    c.more_words[2] = last + 4 * WORD;
    c.weights = layer->weights + done * (size == 3 ? 16 : 32);
    c.constants = layer->constants + 3 * done;
    c.output = output + first * channels + done;
    c.channels = left < 16 ? left : 16;
    if (size == 3) {
      if (stride == 1) phinets_helium_depthwise3_stride1(&c);
      else phinets_helium_depthwise3_stride2(&c);
    } else if (stride == 1) phinets_helium_depthwise5_stride1(&c);
    else phinets_helium_depthwise5_stride2(&c);
  }
}

static inline void depthwise(const phinets_helium_depthwise *layer, const int size, const int8_t *const *rows,
                             int8_t *output, int8_t *scratch) {
  const int32_t width = layer->width;
  const int32_t most = layer->stride == 1 ? PHINETS_HELIUM_RUN : PHINETS_HELIUM_STRIDED_RUN;
  for (int32_t first = 0; first < width; first += most) {
    const int32_t left = width - first;
    int32_t count = left < most ? left : most, from = first;
    /* A short last run begins earlier, so that no output is left out of a four or an eight. */
    if (first > 0 && count < 8 && count != 4) from = width - (count = count < 4 ? 4 : 8);
    run(layer, size, rows, from, count, output, scratch);
  }
  if (layer->table) phinets_helium_lookup(layer->table, width * layer->channels, output, output);
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
