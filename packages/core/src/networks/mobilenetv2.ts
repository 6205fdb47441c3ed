/**
 * MobileNetV2 (Sandler et al., CVPR 2018, table 2): inverted residuals with a linear bottleneck, 3x3 kernels and ReLU6.
 * Parameter names, padding and batch norm epsilon are torchvision's, so that its checkpoints load by name.
 */
import type { GraphBuilder } from "../graph/index.js";
import type { BackboneBlock } from "./backbone.js";
import type { Mobilenetv2Network } from "./network.js";
import { multipleOf } from "./width.js";

/** Expansion, channels, blocks, stride of the first block. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const stemChannels = 32;
const lastChannels = 1280;
const epsilon = 1e-5;

export function mobilenetv2Blocks({ width, divisor, stopAtStride }: Mobilenetv2Network): BackboneBlock[] {
  const blocks: BackboneBlock[] = [];
  let input = multipleOf(divisor, stemChannels * width);
  let total = 2;
  for (const [expansion, channels, count, firstStride] of stages) {
    if (total * firstStride > stopAtStride) break;
    total *= firstStride;
    const output = multipleOf(divisor, channels * width);
    for (let i = 0; i < count; i++) {
      const stride = i === 0 ? firstStride : 1;
      const id = blocks.length + 1;
      const skip = stride === 1 && input === output;
      blocks.push({ id, module: `features.${id}`, input, hidden: input * expansion, output, kernel: 3, stride, skip });
      input = output;
    }
  }
  return blocks;
}

/** Adds the backbone to a graph; returns the names of its blocks' outputs, in order, and of the last 1x1's. */
export function addMobilenetv2(builder: GraphBuilder, network: Mobilenetv2Network, image: string): readonly string[] {
  const activated = (conv: string, norm: string, activation: string): string =>
    builder.relu6(activation, builder.batchNorm(norm, conv, epsilon));
  const blocks = mobilenetv2Blocks(network);
  let x = builder.conv2d("features.0.0", image, {
    filters: multipleOf(network.divisor, stemChannels * network.width),
    kernel: 3,
    stride: 2,
    padding: 1,
  });
  x = activated(x, "features.0.1", "features.0.2");
  const maps = blocks.map(({ module, input, hidden, output, kernel, stride, skip }) => {
    const before = x;
    let layer = 0;
    if (hidden !== input) {
      x = builder.conv2d(`${module}.conv.0.0`, x, { filters: hidden });
      x = activated(x, `${module}.conv.0.1`, `${module}.conv.0.2`);
      layer = 1;
    }
    const depthwise = `${module}.conv.${layer}`;
    x = builder.depthwise(`${depthwise}.0`, x, { kernel, stride, padding: 1 });
    x = activated(x, `${depthwise}.1`, `${depthwise}.2`);
    x = builder.conv2d(`${module}.conv.${layer + 1}`, x, { filters: output });
    x = builder.batchNorm(`${module}.conv.${layer + 2}`, x, epsilon);
    if (skip) x = builder.add(`${module}.add`, before, x);
    return x;
  });
  if (network.stopAtStride < 32) return maps;
  const last = `features.${blocks.length + 1}`;
  x = builder.conv2d(`${last}.0`, x, {
    filters: multipleOf(network.divisor, lastChannels * Math.max(1, network.width)),
  });
  return [...maps, activated(x, `${last}.1`, `${last}.2`)];
}
