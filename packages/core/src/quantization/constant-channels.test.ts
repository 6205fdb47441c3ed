import { describe, expect, it } from "vitest";
import { randomMoves } from "../../../../test/random-moves.js";
import { randomInput, randomlyQuantized, randomNetwork } from "../../../../test/random-network.js";
import { GraphBuilder, isLinear } from "../graph/index.js";
import { IntegerInterpreter } from "../inference/index.js";
import { Random, tensor, type Weights } from "../tensor/index.js";
import { channelRanges } from "./channel-ranges.js";
import { foldConstantChannels } from "./constant-channels.js";
import { lowerToInteger } from "./lower.js";
import type { QuantizedNetwork } from "./types.js";

/** Gives some filters a bias at which they saturate, so that their channel has a single byte. */
function withConstants(q: QuantizedNetwork, seed: number): QuantizedNetwork {
  const random = new Random(seed, 77);
  const weights: Weights = { ...q.weights };
  for (const node of q.graph.nodes) {
    if (!isLinear(node) || !node.attributes.bias) continue;
    const { data, shape } = weights[node.parameters.bias];
    const bias = Int32Array.from(data, (b) => (random.uniform() < 0.4 ? Math.sign(random.normal()) * 2 ** 27 : b));
    weights[node.parameters.bias] = tensor("int32", shape, bias);
  }
  return { ...q, weights };
}

/** Random inputs, and inputs of the extreme bytes. */
function inputsOf(q: QuantizedNetwork, seed: number): Int8Array[] {
  const bytes = randomInput(q, seed);
  return [bytes, bytes.map((byte) => (byte < 0 ? -128 : 127)), bytes.map(() => -128), bytes.map(() => 127)];
}

const kinds: readonly [string, (seed: number) => QuantizedNetwork][] = [
  ["networks", randomNetwork],
  ["networks that move bytes", (seed) => randomlyQuantized(randomMoves(seed), seed)],
];

describe("foldConstantChannels", () => {
  it.each(kinds)("keeps every output byte of random %s and makes them smaller", (_, make) => {
    let [folded, removed] = [0, 0];
    for (let seed = 0; seed < 60; seed++) {
      const before = withConstants(make(seed), seed);
      const after = foldConstantChannels(before);
      const [a, b] = [new IntegerInterpreter(before), new IntegerInterpreter(after.network)];
      for (const input of inputsOf(before, seed)) expect(b.run(input), `seed ${seed}`).toEqual(a.run(input));
      folded += after.removed > 0 ? 1 : 0;
      removed += after.removed;
      expect(foldConstantChannels(after.network).channels).toBe(after.channels - after.removed);
    }
    expect(folded).toBeGreaterThan(10);
    expect(removed).toBeGreaterThan(100);
  });

  it("folds constant channels into the next layer's bias and removes everything that only they needed", () => {
    const g = new GraphBuilder("chain");
    const x = g.input("x", [1, 4, 4, 3]);
    let y = g.conv2d("a", x, { filters: 6, bias: true });
    y = g.depthwise("d", y, { kernel: 3, padding: 1, bias: true });
    const q = randomlyQuantized(g.build([g.conv2d("b", y, { filters: 5, bias: true })]), 3);
    // Two of the depthwise layer's channels saturate.
    const bias = (q.weights["d.bias"].data as Int32Array).slice();
    bias[1] = bias[4] = 2 ** 27;
    const network = { ...q, weights: { ...q.weights, "d.bias": tensor("int32", [6], bias) } };
    const { network: after, removed, channels } = foldConstantChannels(network);
    expect([channels, removed]).toEqual([12, 4]);
    expect(after.weights["a.weight"].shape).toEqual([4, 1, 1, 3]);
    expect(after.weights["d.weight"].shape).toEqual([4, 3, 3, 1]);
    expect(after.weights["b.weight"].shape).toEqual([5, 1, 1, 4]);
    const w = q.weights["b.weight"].data;
    const largest = 127 - q.values.d.zeroPoint;
    const expected = (q.weights["b.bias"].data as Int32Array).map(
      (b, f) => b + (w[6 * f + 1] + w[6 * f + 4]) * largest,
    );
    expect(after.weights["b.bias"].data).toEqual(expected);
  });

  it("keeps a channel to which padding adds a second value, and one channel where all would go", () => {
    const g = new GraphBuilder("padded");
    const x = g.input("x", [1, 4, 4, 3]);
    const y = g.conv2d("a", x, { filters: 2, bias: true });
    const q = randomlyQuantized(g.build([g.conv2d("b", y, { filters: 3, kernel: 3, padding: 1 })]), 3);
    const constant = (value: number) => ({
      ...q,
      values: { ...q.values, a: { ...q.values.a, zeroPoint: value } },
      weights: { ...q.weights, "a.bias": tensor("int32", [2], Int32Array.of(2 ** 27, 2 ** 27)) },
    });
    expect(foldConstantChannels(constant(5)).removed).toBe(0);
    expect(foldConstantChannels(constant(127)).removed).toBe(1);
  });

  it("returns a network without constant channels unchanged", () => {
    const q = randomNetwork(4);
    expect(foldConstantChannels(q)).toMatchObject({ network: q, removed: 0 });
  });
});

it.each(kinds)("channelRanges contain every value that occurs in %s", (_, make) => {
  for (let seed = 0; seed < 40; seed++) {
    const q = withConstants(make(seed), seed);
    const ranges = channelRanges(lowerToInteger(q));
    const interpreter = new IntegerInterpreter(q);
    for (const input of inputsOf(q, seed))
      interpreter.run(input, (name, value, shape) => {
        const { least, most } = ranges.get(name)!;
        const channels = shape.at(-1)!;
        const outside = value.findIndex((byte, i) => byte < least[i % channels] || byte > most[i % channels]);
        expect(outside, `seed ${seed}, ${name}`).toBe(-1);
      });
  }
});
