import { describe, expect, it } from "vitest";
import { readZip } from "../networks/checkpoint/zip.js";
import {
  buildNetwork,
  importWeights,
  initialWeights,
  parseNetwork,
  requireComplete,
  writeZip,
} from "../networks/index.js";
import { utf8Encode } from "../tensor/index.js";
import { weightsToTorch } from "./torch.js";

describe("weights for PyTorch", () => {
  const network = parseNetwork({
    family: "phinet",
    input: { height: 32, width: 32 },
    alpha: 0.3,
    blocks: 4,
    head: { kind: "classifier", classes: 3 },
  });
  const graph = buildNetwork(network);
  const weights = initialWeights(graph, 1, network.head);
  const file = weightsToTorch(weights);

  it("come back as they were", () => {
    const { weights: found, report } = importWeights(file, "model.pth", graph);
    requireComplete(report, "model.pth");
    expect(Object.keys(found).sort()).toEqual(Object.keys(weights).sort());
    for (const [name, { data }] of Object.entries(weights)) expect(found[name].data).toEqual(data);
    expect(weightsToTorch(weights)).toEqual(file);
  });

  it("lie in PyTorch's order and at its alignment", () => {
    const entries = readZip(file, "model.pth");
    const names = Object.keys(weights);
    const depthwise = names.findIndex((each) => weights[each].shape.length === 4 && weights[each].shape[1] === 3);
    for (const [key, { bytes, name }] of entries)
      if (key.startsWith("archive/data/")) expect([name, bytes.byteOffset % 64]).toEqual([name, 0]);
    const { data } = weights[names[depthwise]];
    const bytes = entries.get(`archive/data/${depthwise}`)!.bytes;
    expect(Buffer.from(bytes).readFloatLE(4 * 5)).toBe(data[5]); // one channel per filter, so OHWI equals OIHW
  });
});

describe("an archive", () => {
  it("has its entries, whatever their sizes and alignment", () => {
    const entries = new Map([0, 1, 63, 64, 1000].map((size) => [`a/${size}é`, utf8Encode("x".repeat(size))]));
    for (const align of [1, 4, 64]) {
      const found = readZip(writeZip(entries, align), "a.zip");
      expect([...found.keys()]).toEqual([...entries.keys()]);
      for (const [name, { bytes }] of found) {
        expect(Buffer.from(bytes)).toEqual(Buffer.from(entries.get(name)!));
        expect(bytes.byteOffset % align).toBe(0);
      }
    }
  });
});
