/*
 * Dense layers, and 1x1 convolutions of a single pixel: four filters at a time, so that each input is loaded once for
 * four products. For cores with the DSP extension, the loop is in dsp_dense.S; this file has the same in C. Arithmetic:
 * TensorFlow Lite Micro's FullyConnectedPerChannel
 * (tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h).
 */
#include "dsp_instructions.h"
#include "phinets_dsp.h"

/* Arguments of the assembly; it depends on the order. It updates the members that advance from filter to filter. */
typedef struct {
  const int32_t *inputs, *end; /* 2 words per group of four */
  const phinets_dsp_channel *channels;
  int8_t *output;
  int32_t fours; /* groups of four filters */
  int32_t zero_point;
  const int8_t *table;
  const int8_t *weights;
  int32_t second, third, fourth; /* bytes from the first of four filters to the others */
} call;

#if defined(__ARM_FEATURE_DSP)
void phinets_dsp_dense_filters(call *c);
#else
static void phinets_dsp_dense_filters(call *c) {
  for (; c->fours > 0; c->fours--, c->weights += c->fourth) {
    int32_t sums[4];
    for (int32_t i = 0; i < 4; i++) sums[i] = c->channels[i].bias;
    for (const int32_t *x = c->inputs; x < c->end; x += 2, c->weights += 4) {
      const int32_t w[4] = {phinets_word(c->weights), phinets_word(c->weights + c->second),
                            phinets_word(c->weights + c->third), phinets_word(c->weights + c->fourth)};
      for (int32_t i = 0; i < 4; i++) {
        sums[i] = phinets_smlad(phinets_sxtb16(w[i]), x[0], sums[i]);
        sums[i] = phinets_smlad(phinets_sxtb16_8(w[i]), x[1], sums[i]);
      }
    }
    for (int32_t i = 0; i < 4; i++, c->channels++) {
      const int32_t q = phinets_dsp_quantize(sums[i], c->channels->multiplier, c->channels->power, c->zero_point);
      *c->output++ = c->table ? c->table[q] : (int8_t)q;
    }
  }
}
#endif

/* Converts the inputs to words in scratch. The caller sets the members that advance from filter to filter. */
static call prepared(const phinets_dsp_product *layer, const int8_t *input, int32_t *scratch) {
  const int32_t groups = layer->groups, filter = 4 * groups;
  for (int32_t g = 0; g < groups; g++) {
    const int32_t x = phinets_word(input + 4 * g);
    scratch[2 * g] = phinets_sxtb16(x);
    scratch[2 * g + 1] = phinets_sxtb16_8(x);
  }
  return (call){.inputs = scratch,
                .end = scratch + 2 * groups,
                .zero_point = layer->zero_point,
                .table = layer->table,
                .second = filter,
                .third = 2 * filter,
                .fourth = 3 * filter};
}

/* Layers with fewer than four filters: the first one also takes the places of those that are missing. */
static void few(call *c, int32_t filters, int8_t *output) {
  int8_t results[4];
  c->fours = 1;
  c->output = results;
  if (filters < 2) c->second = 0;
  if (filters < 3) c->third = 0;
  c->fourth = 0;
  phinets_dsp_dense_filters(c);
  memcpy(output, results, (size_t)filters);
}

PHINETS_DSP_FAST void phinets_dsp_dense(const phinets_dsp_product *layer, const int8_t *input, int8_t *output,
                                        int32_t *scratch) {
  const int32_t filters = layer->filters;
  call c = prepared(layer, input, scratch);
  c.weights = layer->weights;
  if (filters < 4) {
    phinets_dsp_channel channels[4];
    for (int32_t i = 0; i < 4; i++) channels[i] = layer->channels[i < filters ? i : 0];
    c.channels = channels;
    few(&c, filters, output);
    return;
  }
  c.channels = layer->channels;
  c.output = output;
  c.fours = filters / 4;
  phinets_dsp_dense_filters(&c);
  if (filters % 4 == 0) return;
  c.fours = 1; /* the last four filters, which overlap the previous four */
  c.channels = layer->channels + filters - 4;
  c.output = output + filters - 4;
  c.weights = (const int8_t *)layer->weights + (filters - 4) * c.second;
  phinets_dsp_dense_filters(&c);
}

PHINETS_DSP_FAST void phinets_dsp_dense_uniform(const phinets_dsp_uniform *layer, const int8_t *input, int8_t *output,
                                                int32_t *scratch) {
  const int32_t filters = layer->product.filters;
  const int32_t multiplier = layer->multiplier, power = layer->power;
  phinets_dsp_channel channels[4];
  call c = prepared(&layer->product, input, scratch);
  const int32_t filter = c.second;
  for (int32_t i = 0; i < 4; i++) {
    channels[i].multiplier = multiplier;
    channels[i].power = power;
  }
  for (int32_t m = 0; m < filters; m += 4) {
    const int32_t first = m + 4 <= filters ? m : filters < 4 ? 0 : filters - 4;
    for (int32_t i = 0; i < 4; i++) channels[i].bias = layer->biases[i < filters ? first + i : 0];
    c.channels = channels;
    c.weights = (const int8_t *)layer->product.weights + first * filter;
    if (filters < 4) {
      few(&c, filters, output);
      return;
    }
    c.output = output + first;
    c.fours = 1;
    phinets_dsp_dense_filters(&c);
  }
}
