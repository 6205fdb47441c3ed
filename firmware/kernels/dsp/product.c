/*
 * Matrix products: 1x1 and general convolutions, one row of quads times all filters. For cores with the DSP extension,
 * the loops are in dsp_product.S; this file has the same in C. Arithmetic: TensorFlow Lite Micro's ConvPerChannel
 * (tensorflow/lite/kernels/internal/reference/integer_ops/conv.h).
 */
#include "dsp_instructions.h"
#include "phinets_dsp.h"

/* Width in whole quads: W4. */
static inline int32_t rounded_up(int32_t width) { return (width + 3) & ~3; }

#if defined(__ARM_FEATURE_DSP)

/* Arguments of the assembly; it depends on the order. There is at least one quad. */
typedef struct {
  const int32_t *quads;
  int32_t back, pad; /* planes: bytes from the end of a plane's quads to the next plane; planes8: bytes of padding */
  int32_t filter_bytes;
  const phinets_dsp_channel *channels_end, *channels;
  uint32_t start; /* written before each filter. Planes: the padding, two halfwords or a byte; NHWC: the first output */
  const void *weights;
  int32_t zero_point;
  const int8_t *table;
  const int32_t *quads_end;
  void *output;
  int32_t second, third, fourth; /* NHWC: bytes from the first pixel of a quad to the others */
  int32_t groups, chain;
} call;

/* Chains of the assembly: weights as words or bytes, and all pixels of a quad or only the first two. */
enum { CHAIN_OF_BYTES = 1, CHAIN_OF_TWO_PIXELS = 2 };

void phinets_dsp_product_nhwc_plain(const call *c);
void phinets_dsp_product_nhwc_table(const call *c);
void phinets_dsp_product_planes16_plain(const call *c);
void phinets_dsp_product_planes16_table(const call *c);
void phinets_dsp_product_planes16_parts_plain(const call *c);
void phinets_dsp_product_planes16_parts_table(const call *c);
void phinets_dsp_product_planes8_plain(const call *c);
void phinets_dsp_product_planes8_table(const call *c);

/* Sets every member separately: an initialiser may call memset, which takes as long as the rest of the call. */
static inline void prepare(call *c, const phinets_dsp_product *layer, const int32_t *quads, int32_t count, void *output) {
  c->quads = quads;
  c->back = 0;
  c->pad = 0;
  c->filter_bytes = layer->groups * (layer->bytes ? 4 : 8);
  c->channels_end = layer->channels + layer->filters;
  c->channels = layer->channels;
  c->start = 0;
  c->weights = layer->weights;
  c->zero_point = layer->zero_point;
  c->table = layer->table;
  c->quads_end = quads + count * layer->groups * 8;
  c->output = output;
  c->second = c->third = c->fourth = 0;
  c->groups = layer->groups;
  c->chain = layer->bytes ? CHAIN_OF_BYTES : 0;
}

/* Processes `count` quads and stores the first `lanes` pixels of each. */
static void product_nhwc(const phinets_dsp_product *layer, const int32_t *quads, int32_t count, int32_t lanes,
                         int8_t *output) {
  const int32_t filters = layer->filters;
  call c;
  prepare(&c, layer, quads, count, output);
  c.start = (uint32_t)(uintptr_t)output;
  if (lanes > 1) c.second = filters;
  if (lanes > 2) c.third = 2 * filters;
  if (lanes > 3) c.fourth = 3 * filters;
  if (lanes <= 2) c.chain |= CHAIN_OF_TWO_PIXELS;
  if (layer->table) phinets_dsp_product_nhwc_table(&c);
  else phinets_dsp_product_nhwc_plain(&c);
}

/* Processes quads first..first+count-1 of each plane. Overwrites the two pixels before them with padding, which is
   either the plane's own or is overwritten by a later call. */
static void parts_of_planes16(const phinets_dsp_product *layer, const int32_t *quads, int32_t first, int32_t count,
                              int32_t chain, int16_t *output) {
  const int32_t others = rounded_up(layer->width) / 4 - count;
  call c;
  prepare(&c, layer, quads + first * layer->groups * 8, count, output);
  c.output = (void *)((uintptr_t)output - (uintptr_t)(8 * (others - first))); /* `back` is added before each filter */
  c.back = 8 * others;
  c.start = ((uint32_t)layer->padding & 0xffffu) * 0x10001u;
  c.chain |= chain;
  if (layer->table) phinets_dsp_product_planes16_parts_table(&c);
  else phinets_dsp_product_planes16_parts_plain(&c);
}

static void product_planes16(const phinets_dsp_product *layer, const int32_t *quads, int16_t *output) {
  const int32_t beyond = layer->width % 4, whole = layer->width / 4;
  if (beyond == 1 || beyond == 2) {
    parts_of_planes16(layer, quads, whole, 1, CHAIN_OF_TWO_PIXELS, output);
    if (whole) parts_of_planes16(layer, quads, 0, whole, 0, output);
    return;
  }
  call c;
  prepare(&c, layer, quads, rounded_up(layer->width) / 4, output);
  c.start = ((uint32_t)layer->padding & 0xffffu) * 0x10001u;
  if (layer->table) phinets_dsp_product_planes16_table(&c);
  else phinets_dsp_product_planes16_plain(&c);
}

static void product_planes8(const phinets_dsp_product *layer, const int32_t *quads, int32_t pad, int8_t *output) {
  const int32_t beyond = rounded_up(layer->width) - layer->width;
  call c;
  prepare(&c, layer, quads, rounded_up(layer->width) / 4, output + beyond);
  c.start = (uint32_t)layer->padding;
  c.back = -beyond;
  c.pad = pad;
  if (layer->table) phinets_dsp_product_planes8_table(&c);
  else phinets_dsp_product_planes8_plain(&c);
}

#else

/* Four output pixels of filter m. */
static void quad_of(const phinets_dsp_product *layer, int32_t m, const int32_t *quad, int8_t *results) {
  const phinets_dsp_channel c = layer->channels[m];
  const int8_t *bytes = (const int8_t *)layer->weights + m * layer->groups * 4;
  const int32_t *words = (const int32_t *)layer->weights + m * layer->groups * 2;
  int32_t sums[4] = {c.bias, c.bias, c.bias, c.bias};
  for (int32_t g = 0; g < layer->groups; g++, quad += 8) {
    const int32_t packed = layer->bytes ? phinets_word(bytes + 4 * g) : 0;
    const int32_t even = layer->bytes ? phinets_sxtb16(packed) : words[2 * g];
    const int32_t odd = layer->bytes ? phinets_sxtb16_8(packed) : words[2 * g + 1];
    for (int32_t i = 0; i < 4; i++) {
      sums[i] = phinets_smlad(even, quad[i], sums[i]);
      sums[i] = phinets_smlad(odd, quad[4 + i], sums[i]);
    }
  }
  for (int32_t i = 0; i < 4; i++) {
    const int32_t q = phinets_dsp_quantize(sums[i], c.multiplier, c.power, layer->zero_point);
    results[i] = layer->table ? layer->table[q] : (int8_t)q;
  }
}

static void product_nhwc(const phinets_dsp_product *layer, const int32_t *quads, int32_t count, int32_t lanes,
                         int8_t *output) {
  int8_t results[4];
  for (int32_t m = 0; m < layer->filters; m++)
    for (int32_t q = 0; q < count; q++) {
      quad_of(layer, m, quads + q * layer->groups * 8, results);
      for (int32_t i = 0; i < lanes; i++) output[(4 * q + i) * layer->filters + m] = results[i];
    }
}

static void product_planes16(const phinets_dsp_product *layer, const int32_t *quads, int16_t *output) {
  int8_t results[4];
  for (int32_t m = 0; m < layer->filters; m++) {
    *output++ = (int16_t)layer->padding;
    *output++ = (int16_t)layer->padding;
    for (int32_t q = 0; q < rounded_up(layer->width) / 4; q++) {
      quad_of(layer, m, quads + q * layer->groups * 8, results);
      for (int32_t i = 0; i < 4; i++) *output++ = results[i];
    }
  }
}

static void product_planes8(const phinets_dsp_product *layer, const int32_t *quads, int32_t pad, int8_t *output) {
  int8_t results[4];
  for (int32_t m = 0; m < layer->filters; m++) {
    for (int32_t i = 0; i < pad; i++) *output++ = (int8_t)layer->padding;
    for (int32_t x = 0; x < layer->width; x++) {
      if (x % 4 == 0) quad_of(layer, m, quads + x * layer->groups * 2, results);
      *output++ = results[x % 4];
    }
  }
}

#endif

void phinets_dsp_product_nhwc(const phinets_dsp_product *layer, const int32_t *quads, int8_t *output) {
  const int32_t whole = layer->width / 4, beyond = layer->width % 4;
  if (whole) product_nhwc(layer, quads, whole, 4, output);
  if (beyond) product_nhwc(layer, quads + whole * layer->groups * 8, 1, beyond, output + 4 * whole * layer->filters);
}

PHINETS_DSP_FAST void phinets_dsp_product_planes16(const phinets_dsp_product *layer, const int32_t *quads,
                                                   int16_t *output) {
  const int32_t width = layer->width, plane = rounded_up(width) + 2;
  const int16_t padding = (int16_t)layer->padding;
  product_planes16(layer, quads, output);
  int16_t *last = output + layer->filters * plane;
  last[0] = padding;
  last[1] = padding;
  if (width % 4 == 0) return;
  for (int16_t *p = output + plane; p <= last; p += plane)
    for (int32_t i = width + 2 - plane; i < 0; i++) p[i] = padding;
}

void phinets_dsp_product_planes8(const phinets_dsp_product *layer, const int32_t *quads, int32_t pad, int8_t *output) {
  product_planes8(layer, quads, pad, output);
  output += layer->filters * (layer->width + pad);
  for (int32_t i = 0; i < pad; i++) output[i] = (int8_t)layer->padding;
}
