/** Max pooling's gradient, which goes to the first largest element of each window in row order. */
import type { Shape } from "../../tensor/index.js";
import type { Emission } from "./emission.js";

/** @param shape NHWC of the input */
export function maxPoolGrad(
  to: Emission,
  { size, stride }: { readonly size: number; readonly stride: number },
  [batch, height, width, channels]: Shape,
  [x, y, dy]: readonly string[],
  name: string,
): string {
  const rows = Math.floor((height - size) / stride) + 1;
  const columns = Math.floor((width - size) / stride) + 1;
  const taps = size * size;
  const shares: string[] = [];
  /** 1 where no earlier tap was the largest. */
  let open: string | undefined;
  for (let tap = 0; tap < taps; tap++) {
    const [top, left] = [Math.floor(tap / size), tap % size];
    const ends = [top + (rows - 1) * stride + 1, left + (columns - 1) * stride + 1];
    const candidates = to.slice(x, [2, 3], [top, left], ends, [stride, stride]);
    const largest = to.subtract(to.model.scalar(1), to.less(candidates, y));
    const chosen: string = open === undefined ? largest : to.multiply(largest, open);
    open = open === undefined ? to.subtract(to.model.scalar(1), chosen) : to.subtract(open, chosen);
    shares.push(to.reshape(to.multiply(chosen, dy), [batch, channels, 1, rows, columns]));
  }
  // A transposed convolution puts each tap's share in place: its kernel is a one at the tap and zeros elsewhere.
  const stacked = to.op("Concat", shares, { axis: { int: 2 } });
  const places = new Float32Array(channels * taps * taps);
  for (let i = 0; i < channels * taps; i++) places[i * taps + (i % taps)] = 1;
  const weight = to.model.constant(`${name}:places`, [channels * taps, 1, size, size], places);
  const rest = [height - (rows - 1) * stride - size, width - (columns - 1) * stride - size];
  const attributes = {
    kernel_shape: { ints: [size, size] },
    strides: { ints: [stride, stride] },
    output_padding: { ints: rest },
    group: { int: channels },
  };
  return to.op(
    "ConvTranspose",
    [to.reshape(stacked, [batch, channels * taps, rows, columns]), weight],
    attributes,
    name,
  );
}
