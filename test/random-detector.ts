/** A small detector with random weights, and a clip in which its boxes and tracks change from frame to frame. */
import type { CDetector } from "@phinets/core/export";
import { GraphBuilder } from "@phinets/core/graph";
import type { Yolov2Head } from "@phinets/core/networks";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { Random } from "@phinets/core/tensor";
import { randomlyQuantized } from "./random-network.js";

/** Size of its input. */
export const height = 40;
export const width = 48;

/** A head with one map and anchors in cells. */
export const yolov2Head = (
  classes: readonly string[],
  anchors: Yolov2Head["anchors"],
  decoder: Yolov2Head["decoder"] = "yolov2",
): Yolov2Head => ({ kind: "yolov2", classes, anchors, filters: 1, decoder });

/** Random weights, scaled so that the map's real values cover the useful range of a sigmoid. */
export function randomDetector(seed: number, scoreThreshold: number): { q: QuantizedNetwork; detector: CDetector } {
  const anchors: Yolov2Head["anchors"] = [
    [1.1, 0.9],
    [2.2, 2.7],
  ];
  const head = yolov2Head(["nut", "bolt"], anchors, seed % 2 === 0 ? "scaled" : "yolov2");
  const detector: CDetector = { head, scoreThreshold, nmsIou: 0.4 };
  const builder = new GraphBuilder("follow");
  let x = builder.input("input", [1, height, width, 3]);
  for (const [i, filters] of [6, 8, 12].entries())
    x = builder.conv2d(`conv${i}`, x, { filters, kernel: 3, stride: 2, padding: 1 });
  const output = builder.conv2d("map", x, { filters: 14, bias: true });
  const q = randomlyQuantized(builder.build([output]), seed);
  const { scale, zeroPoint } = q.values[output];
  const values = { ...q.values, [output]: { scale: Math.fround(0.04), zeroPoint } };
  const weightScales = { ...q.weightScales };
  const [weight] = Object.keys(weightScales).slice(-1);
  weightScales[weight] = weightScales[weight].map((old) => Math.fround((old * 0.04) / scale)); // the same bytes
  return { q: { ...q, values, weightScales }, detector };
}

/** Squares that move over a flickering texture. */
export function clip(count: number, seed: number): Int8Array[] {
  const random = new Random(seed, 8);
  const squares = Array.from({ length: 4 }, () => ({
    ...{ x: random.uniform(0, width), y: random.uniform(0, height), size: 6 + random.integer(8) },
    ...{ vx: random.uniform(-1, 1), vy: random.uniform(-1, 1), colour: [0, 1, 2].map(() => random.integer(256)) },
  }));
  const texture = new Int8Array(height * width * 3).map(() => random.integer(236) - 118);
  return Array.from({ length: count }, (_, frame) => {
    const input = texture.map((value) => value + random.integer(19) - 9);
    for (const { x, y, size, vx, vy, colour } of squares)
      for (let row = 0; row < size; row++)
        for (let column = 0; column < size; column++) {
          const [left, top] = [Math.floor(x + vx * frame) + column, Math.floor(y + vy * frame) + row];
          if (left < 0 || top < 0 || left >= width || top >= height) continue;
          for (let c = 0; c < 3; c++) input[(top * width + left) * 3 + c] = colour[c] - 128;
        }
    return input;
  });
}
