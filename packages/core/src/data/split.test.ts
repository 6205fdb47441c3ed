import { describe, expect, it } from "vitest";
import { completeSplits, evaluationSplit, splitSamples, takeFraction } from "./split.js";
import type { Sample } from "./types.js";

const samples: Sample[] = Array.from({ length: 200 }, (_, i) => ({ file: `/data/${i}.jpg`, class: i < 150 ? 0 : 1 }));
const name = (sample: Sample) => sample.file.slice(6);

describe("split", () => {
  it("has the asked sizes in every class, no sample twice or lost", () => {
    const splits = splitSamples(samples, { seed: 1, val: 0.2, test: 0.1 });
    expect(splits.val.filter((s) => s.class === 0)).toHaveLength(30);
    expect(splits.val.filter((s) => s.class === 1)).toHaveLength(10);
    expect(splits.test).toHaveLength(20);
    const all = [...splits.train, ...splits.val, ...splits.test].map((s) => s.file);
    expect(new Set(all).size).toBe(200);
  });

  it("depends on seed and names only", () => {
    const moved = samples.map((s) => ({ ...s, file: `/else/${s.file.slice(6)}` })).reverse();
    const a = splitSamples(samples, { name }).val.map(name);
    const b = splitSamples(moved, { name }).val.map(name);
    expect(b.sort()).toEqual(a.sort());
    expect(splitSamples(samples, { name, seed: 1 }).val.map(name).sort()).not.toEqual(a);
  });

  it("adding pictures moves few", () => {
    const before = new Set(splitSamples(samples.slice(0, 150)).val.map(name));
    const after = splitSamples([...samples.slice(0, 150), { file: "/data/new.jpg", class: 0 }]).val.map(name);
    expect(after.filter((file) => !before.has(file)).length).toBeLessThanOrEqual(1);
  });

  it("completes what is missing", () => {
    const index = { task: "classify" as const, classes: ["a", "b"], splits: { train: samples, val: [], test: [] } };
    const sizes = (i: typeof index | ReturnType<typeof completeSplits>) => [
      i.splits.train.length,
      i.splits.val.length,
      i.splits.test.length,
    ];
    expect(sizes(completeSplits(index))).toEqual([160, 20, 20]);
    const withTest = { ...index, splits: { ...index.splits, test: samples.slice(0, 3) } };
    expect(sizes(completeSplits(withTest))).toEqual([180, 20, 3]);
    const withVal = { ...index, splits: { ...index.splits, val: samples.slice(0, 3) } };
    expect(sizes(completeSplits(withVal))).toEqual([200, 3, 0]);
    expect(evaluationSplit(withVal)).toBe("val");
    expect(evaluationSplit(withTest)).toBe("test");
  });

  it("takes a fraction, at least one", () => {
    expect(takeFraction(samples, 0.25)).toHaveLength(50);
    expect(takeFraction(samples, 1e-9)).toHaveLength(1);
    expect(takeFraction(samples, 1)).toBe(samples);
    const small = new Set(takeFraction(samples, 0.1));
    expect([...small].every((s) => takeFraction(samples, 0.3).includes(s))).toBe(true);
  });
});
