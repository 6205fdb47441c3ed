/** Costs, plan and `inspect` handle every legal network on every board. */
import { inspectNetwork } from "@phinets/core/cost";
import { buildNetwork, type Network, parseNetwork } from "@phinets/core/networks";
import { boardNames, loadBoard } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inspectionText } from "./inspection-text.js";

const size = fc.integer({ min: 8, max: 90 });
const input = fc.record({ height: size, width: size, channels: fc.constantFrom(1, 3) });
const head = fc.constantFrom(
  { kind: "none" },
  { kind: "classifier", classes: 5 },
  { kind: "yolov2", classes: ["a", "b"] },
);
const phinet = fc.record({
  family: fc.constant("phinet"),
  ...{ input, head },
  profile: fc.constantFrom("micromind", "paper"),
  alpha: fc.double({ min: 0.02, max: 1.2, noNaN: true }),
  beta: fc.constantFrom(0.3, 0.5, 1, 1.5),
  t0: fc.double({ min: 0.5, max: 7, noNaN: true }),
  blocks: fc.double({ min: 2, max: 11, noNaN: true }),
  downsampling: fc.constantFrom([], [4], [5, 7], [4, 5, 7]),
  divisor: fc.constantFrom(1, 8),
  stemStride: fc.integer({ min: 1, max: 3 }),
  conv5: fc.constantFrom(0, 0.3, 1),
  activation: fc.constantFrom("hardswish", "relu6"),
  squeezeExcite: fc.boolean(),
  residuals: fc.boolean(),
  pool: fc.boolean(),
  conv2dInput: fc.boolean(),
  compatibility: fc.boolean(),
});
const peer = fc.record({
  family: fc.constantFrom("mobilenetv2", "efficientnet"),
  ...{ input, head },
  width: fc.constantFrom(0.1, 0.35, 1),
  stopAtStride: fc.constantFrom(8, 16, 32),
});

/** The network; undefined where it is refused with a message. */
function legal(json: object): Network | undefined {
  try {
    const network = parseNetwork(json);
    buildNetwork(network);
    return network;
  } catch (error) {
    expect(error).toBeInstanceOf(PhinetsError);
    return undefined;
  }
}

describe("inspect", () => {
  it("says what any legal network costs on any board", () => {
    let built = 0;
    fc.assert(
      fc.property(
        fc.oneof({ arbitrary: phinet, weight: 4 }, peer),
        fc.constantFrom(...boardNames),
        fc.boolean(),
        (json, name, layers) => {
          const network = legal(json);
          fc.pre(network !== undefined);
          built++;
          const found = inspectNetwork(network!, { board: loadBoard(name), powerMw: 10 });
          const text = inspectionText(network!, found, layers);
          expect(`${JSON.stringify(found)}${text}`).not.toMatch(/NaN|undefined|Infinity|null/);
          expect(found.arenaLowerBoundBytes).toBeGreaterThan(0);
          expect(found.arenaBytes).toBeGreaterThanOrEqual(found.arenaLowerBoundBytes);
          // For maps of a few pixels, padding, alignment and sums outweigh the map.
          expect(found.arenaBytes).toBeLessThanOrEqual(2 * found.arenaUnplannedBytes + 4096);
          expect(found.torchinfoMacs).toBeGreaterThanOrEqual(found.macs);
          const { target } = found;
          expect(target!.flashBytes).toBeGreaterThan(found.weightsBytes);
          const [low, high] = target!.latencyMs;
          expect(high).toBeGreaterThan(low);
          const sum = target!.layers.reduce((total, { latencyMs }) => total + latencyMs[0], 0);
          // What remains depends on the schedule.
          expect(sum / low).toBeLessThan(1);
          expect(sum / low).toBeGreaterThan(0.9);
        },
      ),
      { numRuns: 150, seed: 11 },
    );
    expect(built).toBeGreaterThan(100);
  }, 60_000);
});
