/**
 * What a PhiNet costs, from its hyper-parameters alone: no graph is built, so that a lattice of a hundred thousand
 * networks takes a second. Parameters, MACs, weight bytes and instructions are exact (a test holds them against the
 * graph's); RAM is a lower bound, the planner decides. Stem convolution with stride, no pooling: what the lattice holds.
 */
import { type Board, borderPixels, type MacKind } from "../cost/index.js";
import { classCount, type MicromindPhinet, phinetBlocks, stemFilters, yolov2Channels } from "../networks/index.js";

export interface Estimate {
  readonly parameters: number;
  readonly macs: number;
  /** Of one inference. */
  readonly instructions: number;
  /** Weights, biases, requantisation and tables. */
  readonly weightBytes: number;
  /** No arena is smaller. */
  readonly ramLowerBoundBytes: number;
}

type Size = readonly [height: number, width: number];

export function estimate(network: MicromindPhinet, board: Board): Estimate {
  const { instructionsPerMac: perMac, instructionsPerOutput: perOutput } = board;
  const hasTable = network.activation === "hardswish" && !network.compatibility;
  const tableBytes = 256;
  let [parameters, macs, instructions, weights, ram] = [0, 0, 0, 0, 0];

  /** A convolution; `extra` counts the trained values beside its weights: two a channel for batch norm, one for a bias. */
  const layer = (kind: MacKind, pixels: number, filters: number, perFilter: number, extra: number): void => {
    const layerMacs = pixels * filters * perFilter;
    parameters += filters * (perFilter + extra);
    weights += filters * (perFilter + 9); // bias 4, multiplier 4, shift 1
    macs += layerMacs;
    instructions += layerMacs * perMac[kind] + pixels * filters * perOutput.requantize;
  };
  const pointwise = (size: Size, from: number, to: number, extra: number): void => {
    const pixels = size[0] * size[1];
    layer(pixels === 1 ? "dense" : "pointwise", pixels, to, from, extra);
  };
  const depthwise = (input: Size, output: Size, channels: number, kernel: number, stride: number, before: number) => {
    layer(kernel === 3 ? "depthwise" : "depthwise5x5", output[0] * output[1], channels, kernel * kernel, 2);
    const border = borderPixels(input, output, kernel, stride, [before, before]);
    instructions += border * channels * perOutput.depthwiseBorder;
  };
  const live = (...bytes: number[]): void => {
    ram = Math.max(
      ram,
      bytes.reduce((a, b) => a + b),
    );
  };
  const activation = (): void => {
    if (hasTable) weights += tableBytes;
  };

  const { height, width, channels } = network.input;
  const before = Math.max(height, width) % 2;
  const down = (size: number, padding: number, kernel: number, stride: number): number =>
    Math.floor((size + padding - kernel) / stride) + 1;
  let size: Size = [down(height, before + 1, 3, network.stemStride), down(width, before + 1, 3, network.stemStride)];
  const stem = stemFilters(network);
  depthwise([height, width], size, channels, 3, network.stemStride, before);
  parameters -= 2 * channels; // no batch norm between the stem's two convolutions
  pointwise(size, channels, stem, 2);
  activation();
  live(height * width * channels, size[0] * size[1] * channels);
  live(size[0] * size[1] * (channels + stem));

  const blocks = phinetBlocks(network);
  for (const block of blocks) {
    const padding = block.stride === 2 ? 1 : (block.kernel - 1) / 2;
    const out: Size = [
      down(size[0], 2 * padding, block.kernel, block.stride),
      down(size[1], 2 * padding, block.kernel, block.stride),
    ];
    const pixels = size[0] * size[1];
    const outPixels = out[0] * out[1];
    const kept = block.skip ? pixels * block.input : 0;
    if (block.id > 0) {
      pointwise(size, block.input, block.hidden, 2);
      activation();
      live(pixels * (block.input + block.hidden));
      live(kept, pixels * block.hidden, outPixels * block.hidden);
    } else live(pixels * block.hidden + outPixels * block.hidden); // block 0's input is its hidden map
    depthwise(size, out, block.hidden, block.kernel, block.stride, padding);
    activation();
    if (block.squeeze > 0) {
      pointwise([1, 1], block.hidden, block.squeeze, 0);
      activation();
      pointwise([1, 1], block.squeeze, block.hidden, 0);
      weights += tableBytes; // sigmoid
      instructions += outPixels * block.hidden * (perOutput.average + perOutput.multiply);
    }
    pointwise(out, block.hidden, block.output, 2);
    live(kept, outPixels * (block.hidden + block.output));
    if (block.skip) instructions += outPixels * block.output * perOutput.add;
    size = out;
  }

  const { head } = network;
  const features = blocks.at(-1)!.output;
  const pixels = size[0] * size[1];
  if (head.kind === "classifier") {
    instructions += pixels * features * perOutput.average;
    pointwise([1, 1], features, classCount(head), 1);
  } else if (head.kind === "yolov2") {
    depthwise(size, size, features, 3, 1, 1);
    activation();
    pointwise(size, features, head.filters, 2);
    activation();
    pointwise(size, head.filters, yolov2Channels(head), 1);
    live(pixels * (features + head.filters));
    live(pixels * (head.filters + yolov2Channels(head)));
  }
  return { parameters, macs, instructions, weightBytes: weights, ramLowerBoundBytes: ram };
}
