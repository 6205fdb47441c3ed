/*
 * Dense layers, and 1x1 convolutions of a single pixel: four filters at a time, so that an input is loaded once for
 * four products. The loop is in dsp_dense.S for cores with the DSP extension; here is the same in C. Arithmetic:
 * TensorFlow Lite Micro's FullyConnectedPerChannel
 * (tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h).
 */
#include "dsp_instructions.h"
#include "phinets_dsp.h"

/* Of the assembly, in its order. What moves from filter to filter is written back. */
typedef struct {
  const int32_t *inputs, *end; /* 2 words a group of four */
  const phinets_dsp_channel *channels;
  int8_t *output;
  int32_t fours; /* of filters */
  int32_t zero_point;
  const int8_t *table;
  const int8_t *weights;
  int32_t second, third, fourth; /* bytes from a filter to the others of four */
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

PHINETS_DSP_FAST void phinets_dsp_dense(const phinets_dsp_product *layer, const int8_t *input, int8_t *output,
                                        int32_t *scratch) {
  const int32_t filters = layer->filters, groups = layer->groups, filter = 4 * groups;
  const int32_t last = filters < 4 ? filters : filters % 4;
  for (int32_t g = 0; g < groups; g++) {
    const int32_t x = phinets_word(input + 4 * g);
    scratch[2 * g] = phinets_sxtb16(x);
    scratch[2 * g + 1] = phinets_sxtb16_8(x);
  }
  call c = {.inputs = scratch,
            .end = scratch + 2 * groups,
            .channels = layer->channels,
            .output = output,
            .fours = filters / 4,
            .zero_point = layer->zero_point,
            .table = layer->table,
            .weights = layer->weights,
            .second = filter,
            .third = 2 * filter,
            .fourth = 3 * filter};
  if (c.fours) phinets_dsp_dense_filters(&c);
  if (!last) return;
  c.fours = 1;
  if (filters >= 4) { /* the last four overlap those before them */
    c.channels = layer->channels + filters - 4;
    c.output = output + filters - 4;
    c.weights = (const int8_t *)layer->weights + (filters - 4) * filter;
    phinets_dsp_dense_filters(&c);
  } else { /* the first stands for what is missing */
    phinets_dsp_channel channels[4];
    int8_t results[4];
    for (int32_t i = 0; i < 4; i++) channels[i] = layer->channels[i < last ? i : 0];
    c.channels = channels;
    c.output = results;
    c.second = last > 1 ? filter : 0;
    c.third = last > 2 ? 2 * filter : 0;
    c.fourth = 0;
    phinets_dsp_dense_filters(&c);
    memcpy(output, results, (size_t)last);
  }
}
