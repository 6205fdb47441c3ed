/**
 * EfficientNet v1 (Tan and Le, ICML 2019, table 1; B0 is width 1 and depth 1): inverted residuals with
 * squeeze-and-excite and swish. Parameter names, padding and batch norm epsilon are torchvision's, so that its
 * checkpoints load by name. Stochastic depth is left out: it is a way of training, not part of the network.
 */
import type { GraphBuilder } from "../graph/index.js";
import type { BackboneBlock } from "./backbone.js";
import type { EfficientnetNetwork } from "./network.js";
import { multipleOf } from "./width.js";

/** Expansion, kernel, stride of the first block, channels, blocks. */
const stages = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;
const stemChannels = 32;
const lastChannels = 1280;
const epsilon = 1e-5;

export function efficientnetBlocks({ width, depth, divisor, stopAtStride }: EfficientnetNetwork): BackboneBlock[] {
  const blocks: BackboneBlock[] = [];
  let input = multipleOf(divisor, stemChannels * width);
  let total = 2;
  for (const [s, [expansion, kernel, firstStride, channels, count]] of stages.entries()) {
    if (total * firstStride > stopAtStride) break;
    total *= firstStride;
    const output = multipleOf(divisor, channels * width);
    for (let i = 0; i < Math.ceil(count * depth); i++) {
      const stride = i === 0 ? firstStride : 1;
      blocks.push({
        id: blocks.length + 1,
        module: `features.${s + 1}.${i}`,
        input,
        hidden: multipleOf(divisor, input * expansion),
        output,
        kernel,
        stride,
        skip: stride === 1 && input === output,
      });
      input = output;
    }
  }
  return blocks;
}

/** x * sigmoid(x) */
export function swish(builder: GraphBuilder, name: string, x: string): string {
  return builder.multiply(name, x, builder.sigmoid(`${name}.sigmoid`, x));
}

/** Adds the backbone to a graph; returns the names of its blocks' outputs, in order, and of the last 1x1's. */
export function addEfficientnet(builder: GraphBuilder, network: EfficientnetNetwork, image: string): readonly string[] {
  const activated = (module: string, conv: string): string =>
    swish(builder, `${module}.2`, builder.batchNorm(`${module}.1`, conv, epsilon));
  const blocks = efficientnetBlocks(network);
  let x = builder.conv2d("features.0.0", image, {
    filters: multipleOf(network.divisor, stemChannels * network.width),
    kernel: 3,
    stride: 2,
    padding: 1,
  });
  x = activated("features.0", x);
  const maps = blocks.map(({ module, input, hidden, output, kernel, stride, skip }) => {
    const before = x;
    let layer = 0;
    const next = (): string => `${module}.block.${layer++}`;
    if (hidden !== input) {
      const expand = next();
      x = activated(expand, builder.conv2d(`${expand}.0`, x, { filters: hidden }));
    }
    const depthwise = next();
    x = builder.depthwise(`${depthwise}.0`, x, { kernel, stride, padding: (kernel - 1) / 2 });
    x = activated(depthwise, x);
    x = addSqueezeExcite(builder, next(), x, Math.max(1, Math.floor(input / 4)));
    const project = next();
    x = builder.conv2d(`${project}.0`, x, { filters: output });
    x = builder.batchNorm(`${project}.1`, x, epsilon);
    if (skip) x = builder.add(`${module}.add`, before, x);
    return x;
  });
  if (network.stopAtStride < 32) return maps;
  const last = `features.${stages.length + 1}`;
  x = builder.conv2d(`${last}.0`, x, { filters: multipleOf(network.divisor, lastChannels * network.width) });
  return [...maps, activated(last, x)];
}

function addSqueezeExcite(builder: GraphBuilder, name: string, x: string, squeeze: number): string {
  const channels = builder.shape(x)[3];
  let s = builder.globalAveragePool(`${name}.avgpool`, x);
  s = builder.conv2d(`${name}.fc1`, s, { filters: squeeze, bias: true });
  s = swish(builder, `${name}.activation`, s);
  s = builder.conv2d(`${name}.fc2`, s, { filters: channels, bias: true });
  return builder.multiply(name, x, builder.sigmoid(`${name}.scale`, s));
}
