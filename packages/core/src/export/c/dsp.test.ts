import { describe, expect, test } from "vitest";
import { randomlyQuantized, randomNetwork } from "../../../../../test/random-network.js";
import { runInteger } from "../../inference/index.js";
import { type IntegerNode, lowerToInteger } from "../../quantization/index.js";
import { Random, sizeOf } from "../../tensor/index.js";
import { dspObstacle, forDsp } from "./dsp.js";

const isLinear = (node: IntegerNode) => node.op === "conv2d" || node.op === "dense";

describe("constant channels whose accumulators the DSP kernels cannot hold", () => {
  test("become constant accumulators; all other channels stay", () => {
    let replaced = 0;
    for (let seed = 0; seed < 12; seed++) {
      const q = randomlyQuantized(randomNetwork(seed).graph, seed);
      const random = new Random(seed, 5);
      for (const node of q.graph.nodes)
        if (node.op === "conv2d" || node.op === "dense") {
          const { bias } = node.parameters as { bias?: string };
          if (bias === undefined || random.integer(3) === 0) continue;
          const data = q.weights[bias].data as Int32Array;
          for (const sign of [1, -1]) data[random.integer(data.length)] = sign * (2 ** 30 + random.integer(2 ** 29));
        }
      const nodes = lowerToInteger(q);
      const made = forDsp(nodes);
      expect(dspObstacle(made)).toBeUndefined();
      const size = sizeOf(q.graph.shapes[q.graph.nodes[0].name]);
      const inputs = [-128, 127, 0].map((value) => new Int8Array(size).fill(value));
      inputs.push(new Int8Array(size).map(() => random.integer(256) - 128));
      nodes.forEach((node, i) => {
        const other = made[i];
        if (!isLinear(node) || !isLinear(other) || node === other) return;
        const perFilter = node.weights.length / node.bias.length;
        node.bias.forEach((bias, c) => {
          const weights = (of: Int8Array): Int8Array => of.slice(c * perFilter, (c + 1) * perFilter);
          if (other.bias[c] === bias) {
            expect([other.multipliers[c], other.shifts[c]]).toEqual([node.multipliers[c], node.shifts[c]]);
            expect(weights(other.weights)).toEqual(weights(node.weights));
            return;
          }
          replaced++;
          expect(weights(other.weights).every((weight) => weight === 0)).toBe(true);
          expect([other.multipliers[c], other.shifts[c]]).toEqual([2 ** 30, -1]); // a quarter
          for (const input of inputs)
            runInteger(q, input, (name, value) => {
              if (name !== node.name) return;
              for (let at = c; at < value.length; at += node.bias.length)
                expect(value[at]).toBe(other.bias[c] / 4 + node.outputZeroPoint);
            });
        });
      });
    }
    expect(replaced).toBeGreaterThan(20);
  });
  test("do not occur in a network that the kernels can compute", () => {
    const nodes = lowerToInteger(randomlyQuantized(randomNetwork(2).graph, 2));
    expect(forDsp(nodes)).toEqual(nodes);
  });
});
