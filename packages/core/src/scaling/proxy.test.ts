import { describe, expect, it } from "vitest";
import { parseNetwork } from "../networks/index.js";
import { loadBoard } from "../target/index.js";
import { estimate, familiarity, proxyOf } from "./index.js";

const board = loadBoard("stm32h743");

describe("proxy", () => {
  it("orders the authors' CIFAR-10 networks as their accuracies", () => {
    // Columns: alpha, t0, N, px; top-1 accuracy 93.61, 88.08, 84.97, 83.01.
    const published = [
      [3, 0.75, 6, 7],
      [0.35, 1, 6, 7],
      [0.25, 1, 6, 7],
      [0.25, 1, 5, 7],
    ].map(([alpha, beta, t0, blocks]) => {
      const head = { kind: "classifier", classes: 10 };
      const network = parseNetwork({
        family: "phinet",
        input: { height: 160, width: 160 },
        alpha,
        beta,
        t0,
        blocks,
        head,
      });
      const { macs, fineMacs, parameters } = estimate(network, board);
      return proxyOf("classify", macs, fineMacs, parameters, familiarity(network));
    });
    expect(published).toEqual([...published].sort((a, b) => b - a));
  });
  it("orders detectors of equal time as they were measured on the conveyor", () => {
    // 96x128, 80 ms on the STM32H743, six epochs, mean AP of two seeds: docs/decisions.md.
    const measured = [
      [0.375, 1, 4, 7, 6, false, 0.673, 1],
      [0.3125, 1, 6, 7, 6, false, 0.673, 1],
      [0.3542, 1, 5, 7, 6, false, 0.668, 4],
      [0.3125, 1, 6, 7, 5, false, 0.664, 1],
      [0.2709, 1, 6, 7, 7, true, 0.654, 1],
      [0.3334, 0.5, 6, 7, 5, true, 0.65, 1],
      [0.2709, 1, 5, 10, 7, false, 0.6475, 1],
      [0.3125, 1, 6, 5, 5, true, 0.6465, 1],
      [0.3542, 1, 4, 7, 5, true, 0.645, 1],
      [0.2709, 1.5, 5, 7, 5, true, 0.638, 1],
      [0.2709, 1, 6, 7, 5, true, 0.631, 1],
      [0.2917, 1, 6, 7, 4, true, 0.629, 1],
      [0.3125, 1.25, 4, 9, 4, true, 0.621, 1],
    ] as const;
    const rank = (values: readonly number[]) => values.map((v) => values.filter((other) => other > v).length);
    const byProxy = rank(
      measured.map(([alpha, beta, t0, blocks, id, squeezeExcite, , divisor]) => {
        const network = parseNetwork({
          family: "phinet",
          input: { height: 96, width: 128 },
          ...{ alpha, beta, t0, blocks, squeezeExcite, divisor },
          downsampling: [id],
          head: { kind: "yolov2", classes: 3 },
        });
        const { macs, fineMacs, parameters } = estimate(network, board);
        return proxyOf("detect", macs, fineMacs, parameters, familiarity(network));
      }),
    );
    const byAp = rank(measured.map((row) => row[6]));
    const n = measured.length;
    const squares = byAp.reduce((sum, r, i) => sum + (r - byProxy[i]) ** 2, 0);
    expect(1 - (6 * squares) / (n * (n * n - 1))).toBeGreaterThan(0.7); // Spearman's rank correlation
  });
});
