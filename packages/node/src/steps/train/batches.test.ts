import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type PackedPictures, PackedSource } from "@phinets/core/data";
import { parseNetwork } from "@phinets/core/networks";
import { Random } from "@phinets/core/tensor";
import { makeRecipe, planSizes, type Recipe } from "@phinets/core/training";
import { describe, expect, it } from "vitest";
import { tinyNetwork } from "../../../../../test/road-tools.js";
import { makeBatches } from "./batches.js";

// Worker threads run the built code: plain Node does not read TypeScript.
const built = existsSync(fileURLToPath(new URL("../../../../core/dist/data/index.js", import.meta.url)));

const { width, height } = tinyNetwork.input;

function noise(count: number, label: (n: number) => PackedSource["samples"][number]): PackedSource {
  const random = new Random(5);
  const pixels = new SharedArrayBuffer(count * width * height * 3);
  new Uint8Array(pixels).forEach((_, i, bytes) => {
    bytes[i] = random.integer(256);
  });
  const table = new Float64Array(count * 6);
  for (let n = 0; n < count; n++) table.set([0, n * width * height * 3, width, height, width, height], 6 * n);
  const input = { width, height };
  const packed: PackedPictures = { channels: 3, use: "training", input, fit: "stretch", shards: [pixels], table };
  return new PackedSource(
    packed,
    Array.from({ length: count }, (_, n) => label(n)),
  );
}

describe.skipIf(!built)("the batches of a training", () => {
  const detector = parseNetwork(tinyNetwork);
  const classifier = parseNetwork({ ...tinyNetwork, head: { kind: "classifier", classes: 3 } });
  const boxes = noise(20, (n) => ({ labels: [{ class: 0, x: 0.5, y: 0.5, width: 0.02 * n + 0.1, height: 0.5 }] }));
  const classes = noise(20, (n) => ({ class: n % 3 }));

  it.each<[string, typeof detector, PackedSource, Partial<Recipe>]>([
    ["of a detector", detector, boxes, {}],
    ["of mosaics and blends, in several sizes", detector, boxes, { mosaic: 0.5, mixup: 0.5, multiScale: true }],
    ["of parts of a step", detector, boxes, { accumulate: 2 }],
    ["of a classifier, with mixup", classifier, classes, { mixup: 0.4 }],
    ["of pictures as they are", classifier, classes, { augment: false }],
  ])("are the same from threads and from none: %s", async (_, network, source, options) => {
    const recipe = makeRecipe(network === detector ? "detect" : "classify", { batch: 4, epochs: 3, ...options });
    const taken = await Promise.all(
      [1, 2, 6].map(async (threads) => {
        const warnings: string[] = [];
        const batches = makeBatches(source, network, recipe, threads, (line) => warnings.push(line));
        const steps = batches.batchesPerEpoch / recipe.accumulate;
        const plan = planSizes(network, recipe, steps);
        const seen: unknown[] = [];
        let count = 0;
        for (let epoch = 0; epoch < recipe.epochs; epoch++) {
          let input = new Float32Array();
          const inputOf = () => {
            const size = plan.sizes[plan.at(Math.floor(count / recipe.accumulate))];
            input = new Float32Array(4 * size.height * size.width * 3);
            return input;
          };
          for await (const targets of batches.epoch(epoch, inputOf)) {
            seen.push([input.length, Buffer.from(input.buffer).toString("base64"), targets]);
            count++;
          }
        }
        await batches.dispose();
        expect(warnings).toEqual([]);
        expect(seen).toHaveLength(3 * batches.batchesPerEpoch);
        return seen;
      }),
    );
    expect(taken[1]).toEqual(taken[0]);
    expect(taken[2]).toEqual(taken[0]);
  });
});
