/** Builds networks for tests as PyTorch exports them: layers with random weights, and blocks of Ultralytics' models. */
import { Random, sizeOf } from "@phinets/core/tensor";
import { OnnxFileBuilder } from "./onnx-file.js";

/** A file under construction; weights are random and named as PyTorch names them. */
export class OnnxNet extends OnnxFileBuilder {
  readonly #random: Random;

  constructor(seed: number) {
    super();
    this.#random = new Random(seed, 2);
  }

  weight(name: string, shape: readonly number[], options: { readonly listed?: boolean; readonly least?: number } = {}) {
    const fanIn = shape.length > 1 ? sizeOf(shape.slice(1)) : 4;
    const { least = Number.NEGATIVE_INFINITY, listed = false } = options;
    const draw = () => Math.max(least, this.#random.normal() / Math.sqrt(fanIn));
    return this.constant(name, { shape, data: Float32Array.from({ length: sizeOf(shape) }, draw), listed });
  }

  scalar(name: string, value: number) {
    return this.constant(name, { shape: [], data: Float32Array.of(value) });
  }

  conv(
    name: string,
    x: string,
    [filters, channels, kernel]: readonly [number, number, number],
    options: {
      readonly stride?: number;
      readonly groups?: number;
      readonly bias?: boolean;
      readonly pad?: number;
    } = {},
  ) {
    const { stride = 1, groups = 1, bias = false, pad = kernel >> 1 } = options;
    const inputs = [x, this.weight(`${name}.weight`, [filters, channels / groups, kernel, kernel])];
    if (bias) inputs.push(this.weight(`${name}.bias`, [filters]));
    return this.node("Conv", inputs, {
      ...{ dilations: [1, 1], group: groups, kernel_shape: [kernel, kernel] },
      ...{ pads: [pad, pad, pad, pad], strides: [stride, stride] },
    });
  }

  batchNorm(name: string, x: string, channels: number) {
    const parts = [
      this.weight(`${name}.weight`, [channels]),
      this.weight(`${name}.bias`, [channels]),
      this.weight(`${name}.running_mean`, [channels]),
      this.weight(`${name}.running_var`, [channels], { least: 0.3 }),
    ];
    return this.node("BatchNormalization", [x, ...parts], { epsilon: { float: 1e-5 }, momentum: { float: 0.9 } });
  }

  /** nn.ReLU6, as Clip with its bounds in Constant nodes. */
  relu6(x: string) {
    const bounds = [0, 6].map((value) =>
      this.node("Constant", [], { value: { constant: { shape: [], data: Float32Array.of(value) } } }),
    );
    return this.node("Clip", [x, ...bounds]);
  }

  /** x * relu6(x + 3) / 6, written out. */
  spelledHardSwish(x: string, prefix: string) {
    const sum = this.node("Add", [x, this.scalar(`${prefix}.three`, 3)]);
    const product = this.node("Mul", [x, this.relu6(sum)]);
    return this.node("Div", [product, this.scalar(`${prefix}.six`, 6)]);
  }
}

/** Conv, batch norm, SiLU as x * Sigmoid(x). */
export function convSilu(net: OnnxNet, name: string, x: string, from: number, to: number, stride = 1, kernel = 3) {
  const y = net.batchNorm(`${name}.bn`, net.conv(`${name}.conv`, x, [to, from, kernel], { stride }), to);
  return net.node("Mul", [y, net.node("Sigmoid", [y])]);
}

/** Passes half of the channels through bottlenecks and concatenates all intermediate results. */
export function c2f(net: OnnxNet, name: string, x: string, channels: number, count: number, shortcut = true): string {
  const half = channels / 2;
  const y = convSilu(net, `${name}.cv1`, x, channels, channels, 1, 1);
  const sizes = net.constant(`${name}.split`, { shape: [2], data: [half, half] });
  const parts = net.nodes("Split", [y, sizes], 2, { axis: 1 });
  for (let n = 0; n < count; n++) {
    const last = parts[parts.length - 1];
    const inner = convSilu(net, `${name}.m.${n}.cv1`, last, half, half);
    const made = convSilu(net, `${name}.m.${n}.cv2`, inner, half, half);
    parts.push(shortcut ? net.node("Add", [last, made]) : made);
  }
  const all = net.node("Concat", parts, { axis: 1 });
  return convSilu(net, `${name}.cv2`, all, half * parts.length, channels, 1, 1);
}

/** Three 5x5 max pools in sequence. */
export function sppf(net: OnnxNet, name: string, x: string, channels: number): string {
  const maps = [convSilu(net, `${name}.cv1`, x, channels, channels / 2, 1, 1)];
  const pool = { ceil_mode: 0, dilations: [1, 1], kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1] };
  for (let n = 0; n < 3; n++) maps.push(net.node("MaxPool", [maps[n]], pool));
  return convSilu(net, `${name}.cv2`, net.node("Concat", maps, { axis: 1 }), channels * 2, channels, 1, 1);
}
