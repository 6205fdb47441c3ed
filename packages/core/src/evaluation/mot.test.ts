import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens, sharedData } from "../../../../test/shared.js";
import { type MotRows, parseMotRows, parseSequenceInfo, parseTracks } from "../data/index.js";
import { formatMotTracks, readMotDetections, Sort } from "../tracking/index.js";
import { evaluateMot, hotaCurves, type MotFigures, type MotOptions, type MotSequence, motCounts } from "./mot.js";
import { hotaAlphas } from "./mot-hota.js";

const rows = (file: string) => parseMotRows(readFileSync(file, "utf8"), file);

function sequence(folder: string, found: string | MotRows): MotSequence {
  const info = `${folder}/seqinfo.ini`;
  const { length, name = basename(folder) } = parseSequenceInfo(readFileSync(info, "utf8"), info);
  return {
    name,
    frames: length,
    truth: rows(`${folder}/gt/gt.txt`),
    found: typeof found === "string" ? rows(found) : found,
  };
}

type Golden = Record<string, number | null | Record<string, number[]>>;

/** Fields with the same name in both tools. */
const common = [
  ...(["HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA", "OWTA"] as const),
  ...(["MOTA", "MOTP", "MODA", "sMOTA", "MOTAL", "IDSW", "MT", "PT", "ML", "Frag"] as const),
  ...(["IDF1", "IDP", "IDR", "IDTP", "IDFN", "IDFP"] as const),
];
const trackEval: Record<string, keyof MotFigures> = {
  ...Object.fromEntries(common.map((name) => [name, name] as const)),
  CLR_TP: "TP",
  CLR_FN: "FN",
  CLR_FP: "FP",
  CLR_Re: "Recall",
  CLR_Pr: "Precision",
  CLR_F1: "F1",
  "HOTA(0)": "HOTA0",
  "LocA(0)": "LocA0",
  "HOTALocA(0)": "HOTALocA0",
  Dets: "boxes",
  GT_Dets: "truths",
  IDs: "tracks",
  GT_IDs: "truthTracks",
  Frames: "frames",
};
const motmetrics: Record<string, keyof MotFigures> = {
  num_frames: "frames",
  idf1: "IDF1",
  idp: "IDP",
  idr: "IDR",
  idtp: "IDTP",
  idfp: "IDFP",
  idfn: "IDFN",
  recall: "Recall",
  precision: "Precision",
  num_unique_objects: "truthTracks",
  mostly_tracked: "MT",
  partially_tracked: "PT",
  mostly_lost: "ML",
  num_detections: "TP",
  num_objects: "truths",
  num_predictions: "boxes",
  num_false_positives: "FP",
  num_misses: "FN",
  num_switches: "IDSW",
  num_transfer: "IDt",
  num_ascend: "IDa",
  num_migrate: "IDm",
  num_fragmentations: "Frag",
  mota: "MOTA",
  motp: "MOTP",
};

/** Compares counts exactly and fractions to within 1e-9. */
function check(ours: MotFigures, theirs: Golden, names: Record<string, keyof MotFigures>, where: string): void {
  for (const [name, value] of Object.entries(theirs)) {
    if (name === "per_alpha" || name === "num_matches") continue;
    const figure = ours[names[name]] as number;
    expect(names[name], `${where} ${name} is not compared`).toBeDefined();
    if (value === null) expect(figure, `${where} ${name}`).toBeNaN();
    else if (Number.isInteger(figure) && Number.isInteger(value)) expect(figure, `${where} ${name}`).toBe(value);
    else expect(Math.abs(figure - (value as number)), `${where} ${name}`).toBeLessThanOrEqual(1e-9);
  }
  if ("num_matches" in theirs) expect(ours.TP - ours.IDSW, `${where} num_matches`).toBe(theirs.num_matches);
}

function checkAll(
  sequences: MotSequence[],
  golden: Record<string, Golden>,
  names: Record<string, keyof MotFigures>,
  options: MotOptions,
): void {
  const result = evaluateMot(sequences, options);
  expect(result.sequences.length).toBeGreaterThan(0);
  for (const figures of result.sequences) check(figures, golden[figures.name], names, figures.name);
  check(result.combined, golden.COMBINED, names, "COMBINED");
}

describe.skipIf(!goldens)("MOT scores against TrackEval and py-motmetrics", () => {
  const cases = [
    ["mot15/golden_sort", "mot15/gt", "mot15/trk_sort", "MOT15"],
    ["mot15/golden_cem", "mot15/gt", "mot15/trk_cem", "MOT15"],
    ["mot17/golden_sort_dpm", "mot17/gt", "mot17/trk_sort_dpm", "MOT17"],
    ["mot17/golden_lift_frcnn", "mot17/gt", "mot17/trk_lift_frcnn", "MOT17"],
    ["edge/golden", "edge/gt", "edge/trk", "MOT15"],
  ] as const;
  for (const [file, truth, found, benchmark] of cases) {
    const load = () => JSON.parse(readFileSync(`${goldens}/mot/${file}.json`, "utf8"));
    const sequences = (names: string[]) =>
      names.map((name) => sequence(`${goldens}/mot/${truth}/${name}`, `${goldens}/mot/${found}/${name}.txt`));
    it(`${file} as TrackEval`, () => {
      const golden = load();
      const list = sequences(golden.sequences);
      checkAll(list, golden.trackeval, trackEval, {});
      expect(evaluateMot(list).benchmark).toBe(benchmark);
      expect(evaluateMot(list, { benchmark: benchmark === "MOT17" ? "MOT16" : benchmark }).combined).toEqual(
        evaluateMot(list).combined,
      );
      for (const each of list) {
        const curves = hotaCurves(motCounts(each, { benchmark, like: "trackeval", removeDistractors: true }));
        for (const curve of ["HOTA", "DetA", "AssA", "LocA"] as const) {
          for (const a of hotaAlphas.keys()) {
            const theirs = golden.trackeval[each.name].per_alpha[curve][a];
            expect(Math.abs(curves[curve][a] - theirs), `${each.name} ${curve} ${a}`).toBeLessThanOrEqual(1e-9);
          }
        }
      }
    });
    it(`${file} as py-motmetrics`, () => {
      const golden = load();
      const list = sequences(golden.sequences);
      checkAll(list, golden.pymotmetrics, motmetrics, { benchmark, like: "motmetrics", removeDistractors: false });
      if (golden.pymotmetrics_preproc_mot16) {
        checkAll(list, golden.pymotmetrics_preproc_mot16, motmetrics, { benchmark, like: "motmetrics" });
      }
    });
  }
});

describe.skipIf(!goldens || !sharedData)("SORT on MOT15's public detections", () => {
  it("has the scores that the reference tools give the reference SORT, and those that its authors published", () => {
    const golden = JSON.parse(readFileSync(`${goldens}/mot/mot15/golden_sort_six.json`, "utf8"));
    const names = ["TUD-Campus", "ETH-Sunnyday", "ETH-Pedcross2", "ADL-Rundle-8", "Venice-2", "KITTI-17"];
    const sequences = names.map((name) => {
      const folder = `${sharedData}/mot15/train/${name}`;
      const detections = readMotDetections(readFileSync(`${folder}/det/det.txt`, "utf8"));
      const tracker = new Sort();
      const text = detections.map((boxes, f) => formatMotTracks(f + 1, tracker.update(boxes))).join("");
      return sequence(folder, parseMotRows(text, `${name}.txt`));
    });
    checkAll(sequences, golden.trackeval, trackEval, {});
    checkAll(sequences, golden.pymotmetrics, motmetrics, { like: "motmetrics" });
    const { combined } = evaluateMot(sequences);
    expect((100 * combined.MOTA).toFixed(1)).toBe("34.0");
    expect((100 * combined.MOTP).toFixed(1)).toBe("73.3");
    expect(combined).toMatchObject({ FP: 3311, FN: 11660, IDSW: 274, Frag: 499 });
  });

  it("finds every sequence of the training set", () => {
    const folders = readdirSync(`${sharedData}/mot15/train`);
    expect(folders.filter((name) => existsSync(`${sharedData}/mot15/train/${name}/gt/gt.txt`)).length).toBe(11);
  });
});

/** frame, id, left, top */
type Box = readonly [number, number, number, number];
const text = (boxes: readonly Box[]) =>
  boxes.map(([f, id, x, y]) => `${f},${id},${x},${y},20,40,1,-1,-1,-1\n`).join("");
const frames = 8;
const scored = (truth: readonly Box[], found: readonly Box[], options: MotOptions = {}) =>
  evaluateMot(
    [{ name: "s", frames, truth: parseMotRows(text(truth), "gt.txt"), found: parseMotRows(text(found), "s.txt") }],
    options,
  ).combined;

describe("MOT scores", () => {
  const boxes = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 1, max: frames }), fc.integer({ min: 1, max: 5 }), fc.nat(60), fc.nat(30)),
    { selector: ([frame, id]) => `${frame} ${id}`, maxLength: 40 },
  );
  const conventions = fc.constantFrom("trackeval" as const, "motmetrics" as const);

  it("are perfect where the tracks are the truth", () => {
    fc.assert(
      fc.property(boxes, conventions, (truth, like) => {
        fc.pre(truth.length > 0);
        const apart = truth.map(([f, id, x, y]): Box => [f, id, x + 1000 * id, y]);
        const figures = scored(apart, apart, { like });
        for (const name of ["MOTA", "IDF1", "HOTA", "DetA", "AssA", "LocA", "Recall", "Precision"] as const) {
          expect(figures[name], name).toBeCloseTo(1, 12);
        }
        expect(figures).toMatchObject({ FP: 0, FN: 0, IDSW: 0, ML: 0, PT: 0 });
      }),
    );
  });

  it("depend neither on the order of rows nor on the names of ids", () => {
    fc.assert(
      fc.property(boxes, boxes, conventions, fc.infiniteStream(fc.nat()), (truth, found, like, random) => {
        // Distinct fractional shifts, so that no two matchings are equally good.
        const apart = (box: Box, by: number): Box => {
          const [f, id, x, y] = box;
          return [f, id, x + by * Math.sqrt(id + 6 * f), y + by * Math.cbrt(id + 6 * f)];
        };
        const truths = truth.map((box) => apart(box, 0.0137));
        const tracks = found.map((box) => apart(box, 0.0071));
        const renamed = tracks.map(([f, id, x, y]): Box => [f, 1000 - 7 * id, x, y]);
        const key = new Map(renamed.map((box) => [box, random.next().value as number]));
        renamed.sort((a, b) => key.get(a)! - key.get(b)!);
        const before = scored(truths, tracks, { like });
        const after = scored([...truths].reverse(), renamed, { like });
        for (const [name, value] of Object.entries(before)) {
          if (Number.isFinite(value)) expect(after[name as keyof MotFigures], name).toBeCloseTo(value, 9);
          else expect(after[name as keyof MotFigures], name).toBe(value);
        }
      }),
    );
  });

  it("rise when a missed object is tracked too", () => {
    fc.assert(
      fc.property(boxes, boxes, conventions, (truth, found, like) => {
        const missed = Array.from({ length: frames }, (_, f): Box => [f + 1, 99, 5000, 0]);
        const all = [...truth, ...missed];
        const before = scored(all, found, { like });
        const after = scored(all, [...found, ...missed], { like });
        for (const name of ["MOTA", "IDF1", "HOTA", "Recall"] as const) {
          expect(after[name], name).toBeGreaterThan(before[name]);
        }
      }),
    );
  });

  it("count what there is without truths or without tracks", () => {
    const some: Box[] = [
      [1, 1, 0, 0],
      [2, 1, 0, 0],
    ];
    expect(scored(some, [])).toMatchObject({ MOTA: 0, FN: 2, FP: 0, ML: 1, HOTA: 0, LocA: 1, IDFN: 2, MOTP: 0 });
    expect(scored([], some)).toMatchObject({ MOTA: 0, FN: 0, FP: 2, HOTA: 0, LocA: 1, IDFP: 2, IDF1: 0 });
    expect(scored([], [])).toMatchObject({ MOTA: 0, FN: 0, FP: 0, HOTA: 0 });
    expect(evaluateMot([]).combined).toMatchObject({ MOTA: 0, truths: 0 });
  });

  it("say which row of which file cannot be", () => {
    expect(() => scored([[1, 1, 0, 0]], [[9, 1, 0, 0]])).toThrow("s.txt:1: frame is 9; the sequence has 8");
    const twice: Box[] = [
      [1, 4, 0, 0],
      [2, 4, 0, 0],
      [1, 4, 9, 9],
    ];
    expect(() => scored([], twice)).toThrow("s.txt:3: id 4 is in frame 1 twice");
    const detections: Box[] = [
      [1, -1, 0, 0],
      [1, -1, 50, 0],
    ];
    expect(() => scored([], detections)).toThrow("look like detections");
    const classed = (truth: string, found: string) =>
      evaluateMot([
        { name: "MOT20-1", frames, truth: parseMotRows(truth, "gt.txt"), found: parseMotRows(found, "s.txt") },
      ]);
    const vehicle = classed("1,1,0,0,5,5,1,1,1\n1,2,20,0,5,5,1,6,1\n", "1,1,0,0,5,5\n1,2,20,0,5,5\n");
    expect(vehicle).toMatchObject({ benchmark: "MOT20", combined: { TP: 1, FP: 0, FN: 0 } });
    expect(() => classed("1,1,0,0,5,5,1,14,1\n", "")).toThrow("gt.txt:1: class is 14");
    expect(() => classed("1,1,0,0,5,5,1,1,1\n", "1,1,0,0,5,5,1,3,1\n")).toThrow("s.txt:1: class is 3");
  });
});

describe("the number of a frame", () => {
  const text = (frames: readonly number[]) => frames.map((f, i) => `${f},${1 + (i % 2)},${10 * i},0,9,9,1\n`).join("");
  const parsed = (frames: readonly number[], file: string) => parseMotRows(text(frames), file);

  it("takes no memory, and gaps between frames change no figure", () => {
    const [near, far] = [
      [1, 2, 2, 3, 4, 5],
      [1, 70_000, 70_000, 5_000_000, 1_999_999_998, 1_999_999_999],
    ];
    for (const like of ["trackeval", "motmetrics"] as const) {
      const [a, b] = [near, far].map((list) => {
        const frames = list.at(-1)!;
        const sequence = { name: "S", frames, truth: parsed(list, "t"), found: parsed(list.slice(1), "f") };
        return evaluateMot([sequence], { like }).combined;
      });
      expect({ ...b, frames: 0 }).toEqual({ ...a, frames: 0 });
      if (like === "trackeval") expect(b.frames).toBe(1_999_999_999);
    }
  });

  it("is refused beyond the sequence's end, and where no frame has it", () => {
    const sequence = {
      name: "S",
      frames: 5,
      truth: parsed([1, 5], "t.txt"),
      found: parsed([1, 2_000_000_000], "f.txt"),
    };
    expect(() => evaluateMot([sequence])).toThrow("f.txt:2: frame is 2000000000; the sequence has 5");
    for (const frame of ["2147483647", "1e99", "99999999999"])
      expect(() => parseMotRows(`${frame},1,0,0,1,1\n`, "f.txt")).toThrow(/f\.txt:1: frame is .*, below 2147483647/);
    expect(() => parseTracks("3000000000 1 Car 0 0 0 0 0 9 9\n", "k.txt")).toThrow(/k\.txt:1: frame is 3000000000;/);
  });

  it("with more pairs than fit into memory is an error that says so", () => {
    const many = Array.from({ length: 24_000 }, (_, i) => `1,${i},0,0,1,1,1\n`).join("");
    const [truth, found] = [parseMotRows(many, "t.txt"), parseMotRows(many, "f.txt")];
    expect(() => evaluateMot([{ name: "S", frames: 1, truth, found }])).toThrow(
      /f\.txt: 576000000 pairs of boxes of the same frames are to be compared, 536870912 at most fit/,
    );
  });
});
