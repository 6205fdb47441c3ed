/*
 * Products of rows with filters, and convolutions as products of their windows. For cores with Helium, the loop over
 * filters and pixels is in helium_product_loop.S; this file has the same in C. Arithmetic: TensorFlow Lite Micro's
 * ConvPerChannel and FullyConnectedPerChannel (tensorflow/lite/kernels/internal/reference/integer_ops/conv.h,
 * fully_connected.h).
 */
#include "helium_instructions.h" /* first */

#if defined(PHINETS_HELIUM)
/* Arguments of the assembly; it depends on the order. It updates the members that advance with each four filters. */
typedef struct {
  const int8_t *input; /* minus the number of zeros before the inputs in the first block */
  const int8_t *weights;
  const int32_t *channels;
  int8_t *output;
  int32_t fours;
  int8_t *last;   /* output of the last four filters */
  int32_t blocks; /* of sixteen inputs, after the first */
  int32_t pair_bytes; /* bytes of the output that belong to whole pairs of pixels */
  int32_t zero_point, filters;
  int32_t back; /* from the end of a pixel to the start of the next pair */
  int32_t inputs;
  int32_t row_bytes; /* of the output */
  int32_t fill;      /* zeros before the inputs in the first block */
} call;

void phinets_helium_product_pairs(call *c);
void phinets_helium_product_single(call *c);

static void product(const phinets_helium_product *layer, int32_t filters, int32_t pixels, const int8_t *input,
                    int8_t *output) {
  const int32_t inputs = layer->inputs, blocks = (inputs + 15) / 16, fill = 16 * blocks - inputs;
  call c = {.input = (const int8_t *)((uintptr_t)input - (uintptr_t)fill),
            .weights = layer->weights,
            .channels = layer->channels,
            .output = output,
            .fours = (filters + 3) / 4,
            .last = output + filters - 4,
            .blocks = blocks - 1,
            .pair_bytes = (pixels & ~1) * filters,
            .zero_point = layer->zero_point,
            .filters = filters,
            .back = -fill,
            .inputs = inputs,
            .row_bytes = pixels * filters,
            .fill = fill};
  if (pixels == 1) phinets_helium_product_single(&c);
  else phinets_helium_product_pairs(&c);
}
#else
static void product(const phinets_helium_product *layer, int32_t filters, int32_t pixels, const int8_t *input,
                    int8_t *output) {
  const int32_t inputs = layer->inputs, blocks = (inputs + 15) / 16, fill = 16 * blocks - inputs;
  const int8_t *w = layer->weights;
  const int32_t *channel = layer->channels;
  for (int32_t m = 0; m < filters; m += 4, w += 64 * blocks, channel += 12) {
    const int32_t first = m + 4 > filters ? filters - 4 : m;
    for (int32_t f = 0; f < 4; f++) {
      const int32_t shift = channel[8 + f];
      for (int32_t p = 0; p < pixels; p++) {
        int32_t sum = channel[f];
        for (int32_t k = 0; k < inputs; k++) {
          const int32_t at = fill + k;
          sum += input[p * inputs + k] * w[64 * (at / 16) + 16 * f + at % 16];
        }
        const int32_t x = phinets_rescale(sum, channel[4 + f], shift);
        output[p * filters + first + f] = (int8_t)phinets_saturate(x + layer->zero_point);
      }
    }
  }
}
#endif

void phinets_helium_product_row(const phinets_helium_product *layer, int32_t pixels, const int8_t *input,
                                int8_t *output) {
  const int32_t filters = layer->filters;
  if (filters >= 4) product(layer, filters, pixels, input, output);
  else { /* compute four results per pixel, copy those of existing filters */
    enum { TILE = 8 };
    int8_t results[4 * TILE], *to = output;
    for (int32_t left = pixels; left > 0; left -= TILE, input += TILE * layer->inputs) {
      const int32_t tile = left < TILE ? left : TILE;
      product(layer, 4, tile, input, results);
      for (int32_t p = 0; p < tile; p++)
        for (int32_t f = 0; f < filters; f++) *to++ = results[4 * p + f];
    }
  }
  if (layer->table) phinets_helium_lookup(layer->table, pixels * filters, output, output);
}

void phinets_helium_conv2d_row(const phinets_helium_convolution *layer, const int8_t *const *rows, int8_t *output,
                               int8_t *scratch) {
  const int32_t channels = layer->channels, width = layer->kernel_width, line = width * channels;
  for (int32_t first = 0; first < layer->product.width; first += PHINETS_HELIUM_WINDOWS) {
    const int32_t left = layer->product.width - first;
    const int32_t pixels = left < PHINETS_HELIUM_WINDOWS ? left : PHINETS_HELIUM_WINDOWS;
    int8_t *to = scratch;
    for (int32_t p = 0; p < pixels; p++) {
      const int32_t x = (first + p) * layer->stride_x - layer->pad_left;
      /* Columns from..end-1 of the window lie inside the map. */
      int32_t from = x < 0 ? -x : 0, end = layer->input_width - x;
      end = end > width ? width : end < 0 ? 0 : end;
      if (from > end) from = end;
      for (int32_t ky = 0; ky < layer->kernel_height; ky++, to += line) {
        const int8_t *row = rows[ky];
        if (row == NULL || end - from < width) phinets_helium_fill(to, (int8_t)layer->zero_point, line);
        if (row == NULL) continue;
        phinets_helium_copy(to + from * channels, row + (x + from) * channels, (end - from) * channels);
      }
    }
    phinets_helium_product_row(&layer->product, pixels, scratch, output);
    output += pixels * layer->product.filters;
  }
}
