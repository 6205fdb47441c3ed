/**
 * Finds the range of bytes that each channel of each value can take for any input, by interval arithmetic over the
 * integer program.
 */
import { multiplyByQuantizedMultiplier, requantize } from "./fixed-point.js";
import type {
  IntegerAdd,
  IntegerConv2d,
  IntegerDense,
  IntegerMultiply,
  IntegerNode,
  IntegerNodeOf,
} from "./integer-nodes.js";

/** Smallest and largest byte of each channel. */
export interface ChannelRanges {
  readonly least: Int16Array;
  readonly most: Int16Array;
}

/**
 * Channel ranges by value, for nodes in execution order. They hold for every input, but a channel may use only a part
 * of its range. In a vector, each element is a channel.
 */
export function channelRanges(nodes: readonly IntegerNode[]): ReadonlyMap<string, ChannelRanges> {
  const ranges = new Map<string, ChannelRanges>();
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => ranges.get(input) as ChannelRanges);
    const channels = node.outputShape.at(-1)!;
    const made: ChannelRanges = { least: new Int16Array(channels), most: new Int16Array(channels) };
    for (let c = 0; c < channels; c++) [made.least[c], made.most[c]] = rules[node.op](node as never, c, inputs);
    ranges.set(node.name, made);
  }
  return ranges;
}

type Ends = [least: number, most: number];
type Rule<N> = (node: N, channel: number, inputs: readonly ChannelRanges[]) => Ends;

const all: Rule<IntegerNode> = () => [-128, 127];
const same: Rule<IntegerNode> = (_, c, [{ least, most }]) => [least[c], most[c]];

/** A rule that is monotone in its single input maps the ends of the input's range to those of the output's. */
const rules: { readonly [O in IntegerNode["op"]]: Rule<IntegerNodeOf<O>> } = {
  input: all,
  softmax: all,
  averagePool: same,
  maxWindow: same,
  maxPool: same,
  slice: ({ begin }, c, [{ least, most }]) => [least[begin[2] + c], most[begin[2] + c]],
  resize: same,
  flatten: (_, i, [{ least, most }]) => [least[i % least.length], most[i % most.length]],
  reshape: (node, c, [{ least, most }]) =>
    node.outputShape.at(-1) === least.length ? [least[c], most[c]] : [Math.min(...least), Math.max(...most)],
  pad: ({ outputZeroPoint }, c, [{ least, most }]) => [
    Math.min(least[c], outputZeroPoint),
    Math.max(most[c], outputZeroPoint),
  ],
  concat: (node, c, inputs) => {
    if (node.axis < node.outputShape.length - 1) return [lowest(inputs, c), highest(inputs, c)];
    let from = 0;
    for (const { least, most } of inputs) {
      if (c < from + least.length) return [least[c - from], most[c - from]];
      from += least.length;
    }
    throw new Error(`${node.name} has no channel ${c}`);
  },
  lookup: ({ table }, c, [{ least, most }]) => {
    const reached = table.subarray(least[c] + 128, most[c] + 129);
    return [Math.min(...reached), Math.max(...reached)];
  },
  globalAveragePool: (node, c, [{ least, most }]) => {
    const end = (q: number) => rescaled(node, node.count * (q - node.inputZeroPoint));
    return [end(least[c]), end(most[c])];
  },
  add: (node, c, inputs) => {
    const [a, b] = inputs.map((input) => endsOf(input, c));
    const [low, high] = node.sign > 0 ? b : [b[1], b[0]];
    return [sum(node, a[0], low), sum(node, a[1], high)];
  },
  extreme: ({ largest }, c, inputs) => {
    const [a, b] = inputs.map((input) => endsOf(input, c));
    const choose = largest ? Math.max : Math.min;
    return [choose(a[0], b[0]), choose(a[1], b[1])];
  },
  constant: ({ data, outputShape }, c) => {
    const channels = outputShape.at(-1)!;
    const own = data.filter((_, i) => i % channels === c);
    return [Math.min(...own), Math.max(...own)];
  },
  multiply: product,
  conv2d: linear,
  dense: linear,
};

const lowest = (inputs: readonly ChannelRanges[], c: number) => Math.min(...inputs.map(({ least }) => least[c]));
const highest = (inputs: readonly ChannelRanges[], c: number) => Math.max(...inputs.map(({ most }) => most[c]));
/** Range of channel c, or of the only channel where that is repeated. */
function endsOf({ least, most }: ChannelRanges, c: number): Ends {
  const own = least.length === 1 ? 0 : c;
  return [least[own], most[own]];
}

function rescaled(
  node: { multiplier: number; shift: number; outputZeroPoint: number; clampMin: number; clampMax: number },
  value: number,
): number {
  return requantize(value, node.multiplier, node.shift, node.outputZeroPoint, node.clampMin, node.clampMax);
}

function sum(node: IntegerAdd, a: number, b: number): number {
  const term = (q: number, i: 0 | 1) =>
    multiplyByQuantizedMultiplier(
      (q - node.inputZeroPoints[i]) << node.leftShift,
      node.inputMultipliers[i],
      node.inputShifts[i],
    );
  return rescaled(node, term(a, 0) + node.sign * term(b, 1));
}

function product(node: IntegerMultiply, c: number, inputs: readonly ChannelRanges[]): Ends {
  const [zeroA, zeroB] = node.inputZeroPoints;
  const [a, b] = inputs.map((input) => endsOf(input, c));
  const corners = a.flatMap((p) => b.map((q) => rescaled(node, (p - zeroA) * (q - zeroB))));
  return [Math.min(...corners), Math.max(...corners)];
}

function linear(node: IntegerConv2d | IntegerDense, filter: number, [{ least, most }]: readonly ChannelRanges[]): Ends {
  const { weights, bias, inputZeroPoint } = node;
  const perFilter = weights.length / bias.length;
  const perGroup = node.op === "conv2d" ? node.inputShapes[0][3] / node.groups : perFilter;
  const first = node.op === "conv2d" ? Math.floor(filter / (bias.length / node.groups)) * perGroup : 0;
  const padded = node.op === "conv2d" && Object.values(node.padding).some((side) => side > 0);
  let [low, high] = [bias[filter], bias[filter]];
  for (let i = 0; i < perFilter; i++) {
    const weight = weights[filter * perFilter + i];
    const channel = first + (i % perGroup);
    let [from, to] = [least[channel] - inputZeroPoint, most[channel] - inputZeroPoint];
    // Padding contributes 0.
    if (padded) [from, to] = [Math.min(from, 0), Math.max(to, 0)];
    low += weight * (weight >= 0 ? from : to);
    high += weight * (weight >= 0 ? to : from);
  }
  // A sum that overflows int32 can have any result.
  if (low < -(2 ** 31) || high >= 2 ** 31) return [node.clampMin, node.clampMax];
  const end = (value: number) =>
    requantize(
      value,
      node.multipliers[filter],
      node.shifts[filter],
      node.outputZeroPoint,
      node.clampMin,
      node.clampMax,
    );
  // A left shift may overflow int32 too.
  const shift = Math.max(0, node.shifts[filter]);
  if (Math.max(-low, high) * 2 ** shift >= 2 ** 31) return [node.clampMin, node.clampMax];
  return [end(low), end(high)];
}
