import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { augmentedFrom, byNumberedName, groupPictures, type PictureLook } from "./picture-groups.js";
import { completeSplits, evaluationSplit, lacksSplits, makeSplits, splitSamples, takeFraction } from "./split.js";
import { type DatasetIndex, type Sample, type SplitName, splitNames } from "./types.js";

const samples: Sample[] = Array.from({ length: 200 }, (_, i) => ({ file: `/data/${i}.jpg`, class: i < 150 ? 0 : 1 }));
const name = (sample: Sample) => sample.file.slice(6);

/** Cells unlike those of any other seed; a little noise makes near copies. */
function cellsOf(seed: number, noise = 0): Uint8Array {
  const random = new Random(seed, 7);
  const cells = Uint8Array.from({ length: 72 }, () => 20 + random.integer(210));
  const shake = new Random(seed, 100 + noise);
  return noise === 0 ? cells : cells.map((v) => v + shake.integer(3) - 1);
}

const boxed = (file: string, more: Partial<Sample> = {}): Sample => ({
  file,
  labels: [{ class: 0, x: 0.5, y: 0.5, width: 0.2, height: 0.2 }],
  ...more,
});

const splitOfEach = (splits: Record<SplitName, readonly Sample[]>) =>
  new Map(splitNames.flatMap((split) => splits[split].map(({ file }) => [file, split] as const)));

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

  it("gives every class a picture to validate on, and to test on where it has three", () => {
    const counts = [1, 2, 3, 4, 9, 40];
    const few = counts.flatMap((count, c) =>
      Array.from({ length: count }, (_, n) => ({ file: `${c}/${n}.jpg`, class: c })),
    );
    const { train, val, test } = splitSamples(few);
    const of = (list: readonly Sample[]) => counts.map((_, c) => list.filter((s) => s.class === c).length);
    expect(of(val)).toEqual([0, 1, 1, 1, 1, 4]);
    expect(of(test)).toEqual([0, 0, 1, 1, 1, 4]);
    expect(of(train)).toEqual([1, 1, 1, 2, 7, 32]);
  });

  it("gives a detector a picture with boxes to validate on", () => {
    for (let seed = 0; seed < 20; seed++) {
      const few = [
        boxed("a.jpg"),
        boxed("b.jpg"),
        ...Array.from({ length: 30 }, (_, n) => ({ file: `${n}.jpg`, labels: [] })),
      ];
      const { train, val } = splitSamples(few, { seed });
      expect(val.filter(({ labels }) => labels?.length === 1)).toHaveLength(1);
      expect(train.filter(({ labels }) => labels?.length === 1)).toHaveLength(1);
    }
  });

  it("completes what is missing, and says so", () => {
    const index = { task: "classify" as const, classes: ["a", "b"], splits: { train: samples, val: [], test: [] } };
    const sizes = (i: DatasetIndex) => splitNames.map((split) => i.splits[split].length);
    const whole = completeSplits(index);
    expect(sizes(whole.index)).toEqual([160, 20, 20]);
    expect(whole.notes).toEqual([
      "the data set has no val or test: of its 200 pictures 20 for val and 20 for test are drawn by seed 0",
    ]);
    const withTest = { ...index, splits: { ...index.splits, test: samples.slice(0, 3) } };
    expect(sizes(completeSplits(withTest).index)).toEqual([180, 20, 3]);
    const withVal = { ...index, splits: { ...index.splits, val: samples.slice(0, 3) } };
    expect(lacksSplits(withVal)).toBe(false);
    expect(completeSplits(withVal)).toEqual({ index: withVal, notes: [] });
    expect(evaluationSplit(withVal)).toBe("val");
    expect(evaluationSplit(withTest)).toBe("test");
    const alone = { ...index, splits: { train: [samples[0], samples[199], samples[198]], val: [], test: [] } };
    expect(completeSplits(alone).notes.slice(1)).toEqual([
      "val has no picture of a: there are too few different pictures",
      "test has no pictures: there are too few different pictures",
    ]);
  });

  it("takes a fraction, at least one", () => {
    expect(takeFraction(samples, 0.25)).toHaveLength(50);
    expect(takeFraction(samples, 1e-9)).toHaveLength(1);
    expect(takeFraction(samples, 1)).toBe(samples);
    const small = new Set(takeFraction(samples, 0.1));
    expect([...small].every((s) => takeFraction(samples, 0.3).includes(s))).toBe(true);
  });
});

describe("pictures that belong together", () => {
  it("go to one split, whichever evidence joins them", () => {
    const looks = new Map<string, PictureLook>();
    const list: Sample[] = [];
    const families: string[][] = [];
    const family = (...members: Sample[]) => {
      list.push(...members);
      families.push(members.map(({ file }) => file));
    };
    for (let n = 0; n < 60; n++) {
      const [a, b] = [boxed(`copy/${n}.jpg`), boxed(`copy/${n} (1).jpg`)];
      if (n % 3 === 0) for (const { file } of [a, b]) looks.set(file, { digest: `d${n}` });
      if (n % 3 === 1)
        for (const [k, { file }] of [a, b].entries()) looks.set(file, { digest: file, cells: cellsOf(n, k) });
      if (n % 3 === 2)
        for (const [k, each] of [a, b].entries()) Object.assign(each, { file: `rf/p${n}_jpg.rf.${k}ab.jpg` });
      family(a, b);
    }
    for (let clip = 0; clip < 6; clip++)
      family(...[0, 1, 2, 3, 4].map((n) => boxed(`clips/${clip}/x${n}.jpg`, { group: `clip ${clip}` })));
    const { splits, kept, parted } = makeSplits(list, { look: ({ file }) => looks.get(file) });
    const place = splitOfEach(splits);
    for (const members of families) expect(new Set(members.map((file) => place.get(file))).size, members[0]).toBe(1);
    expect(kept).toEqual({ groups: 66, pictures: 150 });
    expect(parted).toBe(0);
    expect(splits.val.length).toBeGreaterThanOrEqual(14);
    expect(splits.val.length).toBeLessThanOrEqual(16);
    expect(splits.test.length).toBeGreaterThanOrEqual(14);
  });

  it("are near their shares for any sizes of groups, and no group is in two splits", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 20, maxLength: 60 }),
        fc.integer(),
        (sizes, seed) => {
          const list = sizes.flatMap((size, g) =>
            Array.from({ length: size }, (_, n) => boxed(`${g}/${n}.jpg`, { group: `${g}` })),
          );
          const { splits } = makeSplits(list, { seed });
          const groups = splitNames.map((split) => new Set(splits[split].map(({ group }) => group)));
          expect(groups[0].size + groups[1].size + groups[2].size).toBe(sizes.length);
          expect(splits.train.length + splits.val.length + splits.test.length).toBe(list.length);
          for (const split of ["val", "test"] as const)
            expect(Math.abs(splits[split].length - Math.round(list.length / 10))).toBeLessThanOrEqual(4);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("numbered names join only pictures that look alike", () => {
    const unrelated = Array.from({ length: 50 }, (_, n) => ({ name: `img_${n}.jpg`, look: { cells: cellsOf(n) } }));
    expect(groupPictures(unrelated).groupOf).toEqual(Int32Array.from({ length: 50 }, (_, n) => n));
    // Two scenes that change slowly: consecutive frames are similar enough for a sequence, though its ends differ.
    const frame = (scene: number, n: number) =>
      cellsOf(scene).map((v, i) => Math.round(((20 - n) * v + n * cellsOf(scene + 1000)[i]) / 20));
    const clips = [1, 2].flatMap((scene) =>
      Array.from({ length: 20 }, (_, n) => ({ name: `s${scene}/frame_${n}.png`, look: { cells: frame(scene, n) } })),
    );
    const { groupOf, copyOf } = groupPictures(clips);
    expect([...groupOf]).toEqual(clips.map((_, n) => (n < 20 ? 0 : 20)));
    expect(new Set(copyOf).size).toBe(40);
    // A rotating camera: every other pair differs.
    const turning = Array.from({ length: 20 }, (_, n) => ({
      name: `t${n}.jpg`,
      look: { cells: cellsOf(n >> 1, 1 + (n % 2)) },
    }));
    expect(new Set(groupPictures(turning).groupOf).size).toBe(1);
    const rarely = Array.from({ length: 20 }, (_, n) => ({
      name: `t${n}.jpg`,
      look: { cells: cellsOf(Math.max(4, n), 1 + n) },
    }));
    expect(new Set(groupPictures(rarely).groupOf).size).toBe(16);
  });

  it("are divided into runs of names where there is nothing else, and copies stay together", () => {
    const looks = new Map(
      Array.from({ length: 100 }, (_, n) => [`f${n}.jpg`, { digest: `${n >> 1}`, cells: cellsOf(1, 1 + (n >> 1)) }]),
    );
    const list = [...looks.keys()].map((file) => boxed(file));
    const { splits, parted } = makeSplits(list, { look: ({ file }) => looks.get(file) });
    expect(parted).toBe(100);
    expect(splitNames.map((split) => splits[split].length)).toEqual([80, 10, 10].map((n) => expect.closeTo(n, -1)));
    const place = splitOfEach(splits);
    let changes = 0;
    for (let n = 1; n < 100; n++) {
      const same = place.get(`f${n}.jpg`) === place.get(`f${n - 1}.jpg`);
      if (n % 2 === 1) expect(same).toBe(true);
      else if (!same) changes++;
    }
    expect(changes).toBeLessThanOrEqual(10);
    const index = { task: "detect" as const, classes: ["a"], splits: { train: list, val: [], test: [] } };
    expect(completeSplits(index, { look: ({ file }) => looks.get(file) }).notes[2]).toMatch(
      /^100 pictures look alike or are of one sequence/,
    );
  });

  it("get no val split where all are one picture", () => {
    const list = [0, 1, 2, 3].map((n) => ({ file: `${n}.jpg`, class: n >> 1 }));
    const index = { task: "classify" as const, classes: ["a", "b"], splits: { train: list, val: [], test: [] } };
    const { index: made, notes } = completeSplits(index, { look: () => ({ digest: "same" }) });
    expect(made.splits.train).toHaveLength(4);
    expect(notes).toContain("val has no pictures: there are too few different pictures");
  });

  it("are named as Roboflow names augmented copies", () => {
    expect(augmentedFrom("train/bolt-7_jpg.rf.0a1B2c.jpg")).toBe("train/bolt-7_jpg");
    expect(augmentedFrom("train/bolt.rf.jpg")).toBeUndefined();
  });

  it("are ordered by their numbers", () => {
    expect(["a10.jpg", "a9.jpg", "b1", "a9_2.jpg", "a"].sort(byNumberedName)).toEqual([
      "a",
      "a9.jpg",
      "a9_2.jpg",
      "a10.jpg",
      "b1",
    ]);
  });
});
