// Convolution in groups of channels that is not depthwise, one output at a time: no network of ours has one.
import { lookup, useTable } from "./lookup";
import { PANEL_BYTES, rescaleLane } from "./rescale";
import { address, word } from "./words";

// words: 0 x, 1 y, 2 filters, 3 groups, 4 weights (int8, as in the network), 5 bias (int32, lanes of a panel), 6 rescaling,
// 7 zero point, 8 clamp min, 9 clamp max, 10 table or 0, 11 height, 12 width, 13 channels, 14 kernel height, 15 kernel width,
// 16 stride down, 17 stride across, 18 padding top, 19 padding left, 20 output height, 21 output width,
// 22 zero point of the input, 23 bytes of an input's plane, 24 of an output's
export function groupedConvolution(i: usize): void {
  const filters = word(i, 2),
    groups = word(i, 3);
  const height = word(i, 11),
    width = word(i, 12),
    kernelHeight = word(i, 14),
    kernelWidth = word(i, 15),
    outHeight = word(i, 20),
    outWidth = word(i, 21),
    inputZero = word(i, 22);
  const zero = word(i, 7),
    least = word(i, 8),
    most = word(i, 9);
  const groupChannels = word(i, 13) / groups,
    groupFilters = filters / groups;
  const y = address(i, 1);
  for (let f = 0; f < filters; f++) {
    const lane = <usize>(f & 7) << 2;
    const panel = address(i, 6) + <usize>(f >> 3) * PANEL_BYTES + lane;
    const bias = load<i32>(address(i, 5) + (<usize>(f >> 3) << 5) + lane);
    const channel = (f / groupFilters) * groupChannels;
    let to = y + <usize>(f >> 3) * <usize>word(i, 24) + <usize>(f & 7);
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++) {
        let sum = bias;
        let w = address(i, 4) + <usize>(f * kernelHeight * kernelWidth * groupChannels);
        for (let ky = 0; ky < kernelHeight; ky++)
          for (let kx = 0; kx < kernelWidth; kx++) {
            const iy = oy * word(i, 16) - word(i, 18) + ky,
              ix = ox * word(i, 17) - word(i, 19) + kx;
            const inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
            const pixel = address(i, 0) + (<usize>(iy * width + ix) << 3);
            for (let c = channel; c < channel + groupChannels; c++) {
              const at = pixel + <usize>(c >> 3) * <usize>word(i, 23) + <usize>(c & 7);
              sum += <i32>load<i8>(w++) * (inside ? <i32>load<i8>(at) : inputZero);
            }
          }
        store<i8>(to, <i8>min(most, max(least, rescaleLane(sum, panel) + zero)));
        to += 8;
      }
  }
  if (address(i, 10) == 0) return;
  useTable(address(i, 10));
  lookup(y, y, ((filters + 7) >> 3) * word(i, 24));
}
