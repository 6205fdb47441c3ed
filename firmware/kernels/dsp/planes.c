/* Conversion of rows: nhwc to planes16 or planes8, for inputs that were not computed by a DSP kernel, and map8 to
   nhwc. */
#include "dsp_instructions.h"
#include "phinets_dsp.h"

#if defined(__ARM_FEATURE_DSP)
/* dsp_planes.S: convert 4 * quads pixels of three or four channels to planes that are plane_bytes apart. */
void phinets_dsp_planes16_of_3(const int8_t *row, int32_t quads, int16_t *output, int32_t plane_bytes);
void phinets_dsp_planes16_of_4(const int8_t *row, int32_t quads, int16_t *output, int32_t plane_bytes,
                               int32_t channels);
#endif

PHINETS_DSP_FAST void phinets_dsp_planes16(int32_t width, int32_t channels, int32_t zero_point, const int8_t *row,
                                           int16_t *output) {
  const int32_t width4 = (width + 3) & ~3, plane = width4 + 2;
  const int16_t zero = (int16_t)zero_point;
  int32_t quads = 0, quick = 0; /* groups of four pixels, and the channels for which the assembly converts them */
#if defined(__ARM_FEATURE_DSP)
  quads = width / 4;
  if (quads > 0 && channels == 3) {
    phinets_dsp_planes16_of_3(row, quads, output + 2, 2 * plane);
    quick = 3;
  } else if (quads > 0) {
    for (; quick + 4 <= channels; quick += 4)
      phinets_dsp_planes16_of_4(row + quick, quads, output + quick * plane + 2, 2 * plane, channels);
  }
#endif
  int16_t *padding = output;
  for (int32_t c = 0; c <= channels; c++, padding += plane) padding[0] = padding[1] = zero;
  for (int32_t c = 4 * quads == width4 ? quick : 0; c < channels; c++) {
    int32_t x = c < quick ? 4 * quads : 0;
    int16_t *to = output + c * plane + 2;
    to[width4 - 3] = to[width4 - 2] = to[width4 - 1] = zero; /* for W..W4-1; the others are overwritten */
    const int8_t *p = row + x * channels + c;
    for (; x + 4 <= width; x += 4, p += 4 * channels) {
      const int8_t p0 = p[0], p1 = p[channels], p2 = p[2 * channels], p3 = p[3 * channels];
      to[x] = p0;
      to[x + 1] = p1;
      to[x + 2] = p2;
      to[x + 3] = p3;
    }
    for (; x < width; x++, p += channels) to[x] = *p;
  }
}

PHINETS_DSP_FAST void phinets_dsp_planes8(int32_t width, int32_t channels, int32_t zero_point, int32_t pad,
                                          const int8_t *row, int8_t *output) {
  const int8_t zero = (int8_t)zero_point;
  for (int32_t c = 0; c < channels; c++) {
    const int8_t *p = row + c;
    *output++ = zero;
    if (pad == 2) *output++ = zero;
    int32_t x = width;
    for (; x >= 4; x -= 4, p += 4 * channels, output += 4) {
      const int8_t p0 = p[0], p1 = p[channels], p2 = p[2 * channels], p3 = p[3 * channels];
      output[0] = p0;
      output[1] = p1;
      output[2] = p2;
      output[3] = p3;
    }
    for (; x > 0; x--, p += channels) *output++ = *p;
  }
  output[0] = zero;
  if (pad == 2) output[1] = zero;
}

PHINETS_DSP_FAST void phinets_dsp_nhwc(int32_t width, int32_t channels, const int8_t *row, int8_t *output) {
  const int32_t width4 = (width + 3) & ~3;
  for (int32_t c = 0; c < channels; c++, row += width4) {
    int8_t *p = output + c;
    int32_t x = 0;
    for (; x + 4 <= width; x += 4, p += 4 * channels) {
      const int8_t p0 = row[x], p1 = row[x + 1], p2 = row[x + 2], p3 = row[x + 3];
      p[0] = p0;
      p[channels] = p1;
      p[2 * channels] = p2;
      p[3 * channels] = p3;
    }
    for (; x < width; x++, p += channels) *p = row[x];
  }
}
