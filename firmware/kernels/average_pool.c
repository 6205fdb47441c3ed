#include "phinets_kernels.h"
#include "speed.h"

static int8_t mean_of(int32_t sum, int32_t count) {
  const int32_t half = count / 2;
  return (int8_t)((sum > 0 ? sum + half : sum - half) / count);
}

void phinets_average_pool_row(const phinets_pooling *layer, const int8_t *const *rows, int8_t *output) {
  const int32_t channels = layer->input.channels;
  int32_t top = 0, bottom = layer->kernel_height;
  while (top < bottom && rows[top] == NULL) top++;
  while (top < bottom && rows[bottom - 1] == NULL) bottom--;
  for (int32_t x = 0; x < layer->output.width; x++) {
    const int32_t left = x * layer->stride_x - layer->pad_left, right = left + layer->kernel_width;
    const int32_t first = left < 0 ? 0 : left, last = right < layer->input.width ? right : layer->input.width;
    const int32_t count = (bottom - top) * (last - first);
    for (int32_t c = 0; c < channels; c++) {
      int32_t sum = 0;
      for (int32_t y = top; y < bottom; y++) {
        const int8_t *p = rows[y] + first * channels + c;
        for (int32_t i = first; i < last; i++, p += channels) sum += *p;
      }
      *output++ = mean_of(sum, count);
    }
  }
}

void phinets_max_window_row(const phinets_pooling *layer, const int8_t *const *rows, int8_t *output) {
  const int32_t channels = layer->input.channels;
  for (int32_t x = 0; x < layer->output.width; x++) {
    const int32_t left = x * layer->stride_x - layer->pad_left, right = left + layer->kernel_width;
    const int32_t first = left < 0 ? 0 : left, last = right < layer->input.width ? right : layer->input.width;
    for (int32_t c = 0; c < channels; c++) {
      int32_t largest = -128;
      for (int32_t y = 0; y < layer->kernel_height; y++) {
        if (rows[y] == NULL) continue;
        const int8_t *p = rows[y] + first * channels + c;
        for (int32_t i = first; i < last; i++, p += channels)
          if (*p > largest) largest = *p;
      }
      *output++ = (int8_t)largest;
    }
  }
}

void phinets_average_end(phinets_map input, const int32_t *sums, int8_t *output) {
  const int32_t count = input.height * input.width;
  for (int32_t c = 0; c < input.channels; c++) output[c] = mean_of(sums[c], count);
}
