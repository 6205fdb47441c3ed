import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { assembleBatch, cutBatches, epochOrder, type LabelledPicture } from "./batches.js";
import { inputQuantization, pixelToInput, withChannels, writeInputInt8 } from "./picture.js";

const pictures: LabelledPicture[] = Array.from({ length: 10 }, (_, n) => {
  const random = new Random(n);
  const data = Uint8Array.from({ length: 12 * 9 * 3 }, () => random.integer(256));
  return {
    picture: { width: 12, height: 9, channels: 3, data },
    labels: [{ class: 0, x: 0.5, y: 0.5, width: 0.5, height: 0.5 }],
  };
});
const source = { length: pictures.length, at: (n: number) => pictures[n] };

describe("batches", () => {
  it("an epoch's order is a permutation keyed by seed and epoch", () => {
    expect([...epochOrder(50, 1, 2)].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(epochOrder(50, 1, 2)).toEqual(epochOrder(50, 1, 2));
    expect(epochOrder(50, 1, 2)).not.toEqual(epochOrder(50, 1, 3));
    expect(epochOrder(50, 1, 2)).not.toEqual(epochOrder(50, 2, 2));
  });

  it("cuts the order, with or without the incomplete rest", () => {
    const order = epochOrder(10, 0, 0);
    expect(cutBatches(order, 4).map((b) => b.length)).toEqual([4, 4, 2]);
    expect(cutBatches(order, 4, true).map((b) => b.length)).toEqual([4, 4]);
    expect(cutBatches(order, 16, true).map((b) => b.length)).toEqual([10]);
    expect(() => cutBatches(order, 0)).toThrow("batch is 0");
  });

  it("a sample's content does not depend on its batch", () => {
    const options = { height: 8, width: 8, seed: 3, augment: {} };
    const together = assembleBatch(source, Int32Array.of(4, 7), 5, options);
    const alone = assembleBatch(source, Int32Array.of(7), 5, options);
    expect(together.input.subarray(192)).toEqual(alone.input);
    expect(together.labels[1]).toEqual(alone.labels[0]);
    expect(assembleBatch(source, Int32Array.of(7), 6, options).input).not.toEqual(alone.input);
  });

  it("feeds p / 128 - 1, which int8 input holds exactly", () => {
    const batch = assembleBatch(source, Int32Array.of(2), 0, { height: 9, width: 12 });
    const { data } = pictures[2].picture;
    const int8 = new Int8Array(data.length);
    writeInputInt8(data, int8);
    for (let i = 0; i < data.length; i++) {
      expect(batch.input[i]).toBe(pixelToInput(data[i]));
      expect(batch.input[i]).toBe((int8[i] - inputQuantization.zeroPoint) * inputQuantization.scale);
    }
    expect([...batch.classes]).toEqual([-1]);
  });

  it("turns colour into grey, and checks the given memory", () => {
    const batch = assembleBatch(source, Int32Array.of(2), 0, { height: 9, width: 12, channels: 1 });
    expect(batch.input).toHaveLength(108);
    const [r, g, b] = pictures[2].picture.data;
    expect(Math.abs((batch.input[0] + 1) * 128 - (0.299 * r + 0.587 * g + 0.114 * b))).toBeLessThan(1.2);
    expect(() => assembleBatch(source, Int32Array.of(1), 0, { height: 9, width: 12 }, new Float32Array(9))).toThrow(
      "need 324",
    );
    const grey = { width: 2, height: 1, channels: 1, data: Uint8Array.of(5, 250) };
    expect([...withChannels(grey, 3).data]).toEqual([5, 5, 5, 250, 250, 250]);
    expect(withChannels(withChannels(grey, 3), 1)).toEqual(grey);
  });
});
