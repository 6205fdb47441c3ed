/*
 * Depthwise convolution. Row by row: outputs whose window lies inside the map are computed channel by channel, so that
 * a channel's filter is loaded once for two neighbouring outputs and the input offset is folded into the bias once a
 * row; outputs at the borders are computed pixel by pixel with their window clipped.
 */
#include "output.h"

/* One output pixel, all channels, window clipped to the map. */
static void clipped_pixel(const phinets_convolution *layer, int32_t y, int32_t x, const int8_t *input,
                          int8_t *output) {
  const phinets_map in = layer->input;
  const int32_t zero = layer->input_zero_point, width = layer->kernel_width;
  const int32_t top = y < 0 ? -y : 0;
  const int32_t bottom = y + layer->kernel_height > in.height ? in.height - y : layer->kernel_height;
  const int32_t left = x < 0 ? -x : 0;
  const int32_t right = x + width > in.width ? in.width - x : width;
  const int8_t *w = layer->weights;
  for (int32_t c = 0; c < in.channels; c++, w += layer->kernel_height * width) {
    const phinets_channel channel = phinets_channel_of(&layer->requantization, c);
    int32_t a = channel.bias;
    for (int32_t ky = top; ky < bottom; ky++) {
      const int8_t *p = input + ((y + ky) * in.width + x + left) * in.channels + c;
      for (int32_t kx = left; kx < right; kx++, p += in.channels) a += (*p - zero) * w[ky * width + kx];
    }
    output[c] = phinets_quantize(&channel, a);
  }
}

static int32_t sum(const int8_t *w, int32_t n) {
  int32_t total = 0;
  for (int32_t k = 0; k < n; k++) total += w[k];
  return total;
}

/* `count` neighbouring outputs of one channel, 3x3. p is the first window's first byte; pixel, row and step are the
   distances in the input between pixels, rows and windows. */
static void inside_3x3(const phinets_channel *channel, const int8_t *w, const int8_t *p, int32_t pixel, int32_t row,
                       int32_t step, int32_t count, int8_t *output) {
  const phinets_channel f = *channel;
  const int8_t *p0 = p, *p1 = p + row, *p2 = p + 2 * row;
  const int32_t w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3], w4 = w[4], w5 = w[5], w6 = w[6], w7 = w[7], w8 = w[8];
  if (step == pixel) { /* stride 1: two windows share two of their three columns */
    for (; count >= 2; count -= 2, output += 2 * pixel) {
      int32_t a = f.bias, b = f.bias, v;
#define ROW(q, u0, u1, u2)                    \
  v = q[0], a += v * u0;                      \
  v = q[pixel], a += v * u1, b += v * u0;     \
  v = q[2 * pixel], a += v * u2, b += v * u1; \
  v = q[3 * pixel], b += v * u2;              \
  q += 2 * pixel
      ROW(p0, w0, w1, w2);
      ROW(p1, w3, w4, w5);
      ROW(p2, w6, w7, w8);
#undef ROW
      output[0] = phinets_quantize(&f, a);
      output[pixel] = phinets_quantize(&f, b);
    }
  }
  for (; count > 0; count--, p0 += step, p1 += step, p2 += step, output += pixel) {
    int32_t a = f.bias;
    a += p0[0] * w0 + p0[pixel] * w1 + p0[2 * pixel] * w2;
    a += p1[0] * w3 + p1[pixel] * w4 + p1[2 * pixel] * w5;
    a += p2[0] * w6 + p2[pixel] * w7 + p2[2 * pixel] * w8;
    *output = phinets_quantize(&f, a);
  }
}

/* The same for any kernel size. */
static void inside(const phinets_convolution *layer, const phinets_channel *channel, const int8_t *w, const int8_t *p,
                   int32_t count, int8_t *output) {
  const phinets_channel f = *channel;
  const int32_t pixel = layer->input.channels, row = layer->input.width * pixel;
  const int32_t height = layer->kernel_height, width = layer->kernel_width, step = layer->stride_x * pixel;
  for (; count > 0; count--, p += step, output += pixel) {
    int32_t a = f.bias;
    const int8_t *line = p, *u = w;
    for (int32_t ky = 0; ky < height; ky++, line += row) {
      const int8_t *q = line;
      for (int32_t kx = 0; kx < width; kx++, q += pixel) a += *q * *u++;
    }
    *output = phinets_quantize(&f, a);
  }
}

void phinets_depthwise(const phinets_convolution *layer, const int8_t *input, int8_t *output) {
  const phinets_map in = layer->input, out = layer->output;
  const int32_t channels = in.channels, taps = layer->kernel_height * layer->kernel_width;
  /* Outputs first..last-1 of a row have their window inside the map's width. */
  int32_t first = (layer->pad_left + layer->stride_x - 1) / layer->stride_x;
  int32_t last = in.width + layer->pad_left - layer->kernel_width;
  last = last < 0 ? 0 : last / layer->stride_x + 1;
  if (last > out.width) last = out.width;
  for (int32_t oy = 0; oy < out.height; oy++, output += out.width * channels) {
    const int32_t y = oy * layer->stride_y - layer->pad_top;
    const int whole = y >= 0 && y + layer->kernel_height <= in.height && first < last;
    if (whole) {
      const int8_t *w = layer->weights;
      const int8_t *p = input + (y * in.width + first * layer->stride_x - layer->pad_left) * channels;
      for (int32_t c = 0; c < channels; c++, w += taps, p++) {
        phinets_channel channel = phinets_channel_of(&layer->requantization, c);
        channel.bias -= layer->input_zero_point * sum(w, taps);
        int8_t *q = output + first * channels + c;
        if (layer->kernel_height == 3 && layer->kernel_width == 3)
          inside_3x3(&channel, w, p, channels, in.width * channels, layer->stride_x * channels, last - first, q);
        else
          inside(layer, &channel, w, p, last - first, q);
      }
    }
    for (int32_t ox = 0; ox < out.width; ox++) {
      if (whole && ox >= first && ox < last) ox = last;
      if (ox < out.width)
        clipped_pixel(layer, y, ox * layer->stride_x - layer->pad_left, input, output + ox * channels);
    }
  }
}
