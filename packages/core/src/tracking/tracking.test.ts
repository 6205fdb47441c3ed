import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import { linearSumAssignment } from "./assignment.js";
import { BoxKalmanFilters } from "./kalman.js";
import { formatMotTracks, readMotDetections, twoDecimals } from "./motchallenge.js";
import { Sort, type SortOptions } from "./sort.js";
import type { TrackerBox } from "./tracker.js";

const read = (name: string) => readFileSync(`${goldens}/${name}`, "utf8");

describe.skipIf(!goldens)("assignment against SciPy", () => {
  const { cases } = goldens ? JSON.parse(read("assignment/lsa.json")) : { cases: [] };
  it("reaches the optimal total, and the very pairs, in every feasible case", () => {
    let infeasible = 0;
    for (const testCase of cases) {
      const [rows, columns] = testCase.shape;
      const maximize = testCase.kind === "maximize";
      const cost = testCase.cost.flat().map((c: number | "inf") => (c === "inf" ? Number.POSITIVE_INFINITY : c));
      const result = linearSumAssignment(cost, rows, columns, { maximize });
      if (!testCase.feasible) {
        expect(result).toBeUndefined();
        infeasible++;
        continue;
      }
      const tolerance = 1e-9 * (testCase.kind === "big_values" ? Math.abs(testCase.optimal_total) : 1);
      expect(Math.abs(result!.total - testCase.optimal_total)).toBeLessThanOrEqual(tolerance);
      expect([...result!.rows]).toEqual(testCase.scipy_rows);
      expect([...result!.columns]).toEqual(testCase.scipy_cols);
    }
    expect(infeasible).toBeGreaterThan(0);
  });
});

describe("linearSumAssignment", () => {
  /** Minimum over all ways to map the shorter side into the longer one. */
  function bruteForce(cost: number[][]): number {
    const rows = cost.length;
    const columns = cost[0].length;
    if (rows > columns) return bruteForce(cost[0].map((_, c) => cost.map((row) => row[c])));
    const best = (row: number, used: number): number => {
      if (row === rows) return 0;
      let least = Number.POSITIVE_INFINITY;
      for (let c = 0; c < columns; c++) {
        if ((used & (1 << c)) === 0) least = Math.min(least, cost[row][c] + best(row + 1, used | (1 << c)));
      }
      return least;
    };
    return best(0, 0);
  }

  it("equals brute force on small matrices with ties, negatives and forbidden pairs", () => {
    const value = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constant(Number.POSITIVE_INFINITY));
    const matrix = fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
      .chain(([r, c]) => fc.array(fc.array(value, { minLength: c, maxLength: c }), { minLength: r, maxLength: r }));
    fc.assert(
      fc.property(matrix, (cost) => {
        const result = linearSumAssignment(cost.flat(), cost.length, cost[0].length);
        expect(result?.total ?? Number.POSITIVE_INFINITY).toBe(bruteForce(cost));
        if (result !== undefined) {
          expect(result.rows.length).toBe(Math.min(cost.length, cost[0].length));
          expect(new Set(result.columns).size).toBe(result.columns.length);
          expect([...result.rows].sort((a, b) => a - b)).toEqual([...result.rows]);
        }
      }),
    );
  });

  it("refuses NaN by place", () => {
    expect(() => linearSumAssignment([1, 2, Number.NaN, 4], 2, 2)).toThrow("row 1, column 0 is NaN");
    expect(() => linearSumAssignment([1, 2, 3], 2, 2)).toThrow("needs 4 costs");
  });
});

describe.skipIf(!goldens)("SORT's Kalman filter", () => {
  it("follows the reference's states, covariances and boxes", () => {
    const { steps } = JSON.parse(read("sort/kalman_trace_TUD-Stadtmitte.json"));
    const filters = new BoxKalmanFilters();
    // Uses slot 1, so that the test would notice if slots mixed.
    filters.reserve(2);
    const corners = new Float64Array(4);
    const near = (ours: ArrayLike<number>, theirs: number[]) => {
      expect(ours.length).toBe(theirs.length);
      for (let i = 0; i < theirs.length; i++) {
        expect(Math.abs(ours[i] - theirs[i])).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(theirs[i])));
      }
    };
    for (const step of steps) {
      const box = Float64Array.from(step.z_box ?? step.box);
      if (step.op === "init") filters.start(1, box, 0);
      else if (step.op === "predict") filters.predict(1);
      else filters.correct(1, box, 0);
      filters.corners(1, corners, 0);
      near(filters.state(1), step.x);
      near(filters.covariance(1), step.P.flat());
      near(corners, step.box);
    }
    expect(steps.length).toBe(71);
  });
});

function track(detections: TrackerBox[][], options: SortOptions): string {
  const tracker = new Sort(options);
  return detections.map((boxes, i) => formatMotTracks(i + 1, tracker.update(boxes))).join("");
}

/** Compares rows without ids and checks that the ids map one to one. */
function upToIds(ours: string, theirs: string): void {
  // Different ids change the order within a frame.
  const rowsOf = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => line.split(","))
      .sort((x, y) => Number(x[0]) - Number(y[0]) || `${x.slice(2)}`.localeCompare(`${y.slice(2)}`));
  const a = rowsOf(ours);
  const b = rowsOf(theirs);
  expect(a.length).toBe(b.length);
  const there = new Map<string, string>();
  const back = new Map<string, string>();
  for (let i = 0; i < a.length; i++) {
    const [frame, id, ...rest] = a[i];
    const [theirFrame, theirId, ...theirRest] = b[i];
    expect(`${frame},${rest}`).toBe(`${theirFrame},${theirRest}`);
    expect(there.get(id) ?? theirId).toBe(theirId);
    expect(back.get(theirId) ?? id).toBe(id);
    there.set(id, theirId);
    back.set(theirId, id);
  }
}

describe.skipIf(!goldens)("SORT against its reference", () => {
  for (const file of goldens ? readdirSync(`${goldens}/sort/out_scipy`) : []) {
    it(`${file}: literally`, () => {
      expect(track(readMotDetections(read(`sort/det/${file}`), file), {})).toBe(read(`sort/out_scipy/${file}`));
    });
  }
  for (const file of goldens ? readdirSync(`${goldens}/sort/out_lap`) : []) {
    it(`${file}: up to ids, with another assignment solver`, () => {
      upToIds(track(readMotDetections(read(`sort/det/${file}`), file), {}), read(`sort/out_lap/${file}`));
    });
  }
  for (const file of goldens ? readdirSync(`${goldens}/sort/variants`) : []) {
    it(`${file}: other parameters, up to ids`, () => {
      const [, name, age, hits, iou] = /^(.*)\.age(\d+)\.hits(\d+)\.iou([\d.]+)\.txt$/.exec(file)!;
      const options = { maxAge: Number(age), minHits: Number(hits), iouThreshold: Number(iou) };
      upToIds(track(readMotDetections(read(`sort/det/${name}.txt`)), options), read(`sort/variants/${file}`));
    });
  }
  it("TUD-Campus in full precision", () => {
    const { frames } = JSON.parse(read("sort/fullprecision_TUD-Campus.json"));
    const tracker = new Sort();
    const detections = readMotDetections(read("sort/det/TUD-Campus.txt"));
    expect(detections.length).toBe(frames.length);
    for (const [i, boxes] of detections.entries()) {
      const rows = tracker.update(boxes).map((t) => [t.id, t.x1, t.y1, t.x2, t.y2]);
      expect(rows.length).toBe(frames[i].length);
      for (const [r, row] of rows.entries()) {
        for (const [j, value] of row.entries()) expect(Math.abs(value - frames[i][r][j])).toBeLessThan(1e-9);
      }
    }
  });
});

describe("Sort", () => {
  const at = (x: number, y = 0, size = 10): TrackerBox => ({
    x1: x,
    y1: y,
    x2: x + size,
    y2: y + size,
    score: 0.5,
    class: 2,
  });

  it("follows an object, passes score and class on, and gives a far one another id", () => {
    const tracker = new Sort({ minHits: 0 });
    expect(tracker.update([at(0)])).toMatchObject([{ id: 1, score: 0.5, class: 2 }]);
    expect(tracker.update([at(2)])).toMatchObject([{ id: 1 }]);
    expect(tracker.update([at(100), at(4)]).map((t) => t.id)).toEqual([2, 1]);
  });

  it("forgets after maxAge frames, not before", () => {
    for (const [gap, id] of [
      [2, 1],
      [3, 2],
    ]) {
      const tracker = new Sort({ minHits: 0, maxAge: 2 });
      tracker.update([at(0)]);
      for (let i = 0; i < gap; i++) expect(tracker.update([])).toEqual([]);
      expect(tracker.update([at(0)]).map((t) => t.id)).toEqual([id]);
    }
  });

  it("shows a track after minHits hits, and all in the first minHits frames", () => {
    const tracker = new Sort({ minHits: 2 });
    expect(tracker.update([at(0)]).length).toBe(1);
    expect(tracker.update([at(0), at(50)]).length).toBe(2);
    expect(tracker.update([at(0), at(50), at(100)]).map((t) => t.id)).toEqual([1]);
    expect(tracker.update([at(0), at(50), at(100)]).map((t) => t.id)).toEqual([2, 1]);
    expect(tracker.update([at(0), at(50), at(100)]).map((t) => t.id)).toEqual([3, 2, 1]);
  });

  it("never shows an id twice, nor a number that is not finite, whatever the boxes", () => {
    const coordinate = fc.oneof(fc.integer({ min: -30, max: 30 }), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
    const extent = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.double({ min: 1e-6, max: 1e6, noNaN: true }));
    const box = fc
      .tuple(coordinate, coordinate, extent, extent)
      .map(([x, y, w, h]) => ({ x1: x, y1: y, x2: x + w, y2: y + h }))
      .filter((b) => b.x2 > b.x1 && b.y2 > b.y1);
    const options = fc.record({ maxAge: fc.nat(5), minHits: fc.nat(3), iouThreshold: fc.constantFrom(0, 0.1, 0.3, 1) });
    fc.assert(
      fc.property(fc.array(fc.array(box, { maxLength: 8 }), { maxLength: 25 }), options, (frames, chosen) => {
        const tracker = new Sort(chosen);
        let born = 0;
        for (const boxes of frames) {
          const tracks = tracker.update(boxes);
          const ids = tracks.map((t) => t.id);
          expect(new Set(ids).size).toBe(ids.length);
          expect(tracks.length).toBeLessThanOrEqual(boxes.length);
          for (const t of tracks) expect(Number.isFinite(t.x1 + t.y1 + t.x2 + t.y2)).toBe(true);
          expect(tracker.born).toBeGreaterThanOrEqual(Math.max(born, ...ids));
          born = tracker.born;
        }
      }),
    );
  });

  it("refuses boxes without size or number, and goes on unharmed", () => {
    const tracker = new Sort({ minHits: 0 });
    tracker.update([at(0)]);
    const bad = [
      { ...at(0), x2: 0 },
      { ...at(0), y2: -1 },
      { ...at(0), x1: Number.NaN },
      { ...at(0), x2: Number.POSITIVE_INFINITY },
    ];
    for (const box of bad) expect(() => tracker.update([at(0), box])).toThrow("detection 1 is");
    expect(tracker.update([at(1)])).toMatchObject([{ id: 1 }]);
    expect(tracker.frames).toBe(2);
    expect(() => new Sort({ iouThreshold: 30 })).toThrow("iouThreshold is 30");
    expect(() => new Sort({ maxAge: -1 })).toThrow("maxAge is -1");
  });
});

describe("MOTChallenge text", () => {
  it("rounds exact ties to even, as Python does", () => {
    // From Python: ["%.2f" % v for v in ...]
    const expected: [number, string][] = [
      [0.125, "0.12"],
      [0.375, "0.38"],
      [0.625, "0.62"],
      [0.875, "0.88"],
      [-0.125, "-0.12"],
      [-3.625, "-3.62"],
      [1000000.125, "1000000.12"],
      [2.675, "2.67"],
      [1.005, "1.00"],
      [-0, "-0.00"],
      [-0.001, "-0.00"],
      [0.005, "0.01"],
      [1234.5, "1234.50"],
    ];
    for (const [value, text] of expected) expect(twoDecimals(value)).toBe(text);
  });

  it("reads frames in any order, empty ones between, seven columns or more or six", () => {
    const frames = readMotDetections("3,-1,1,2,3,4,0.5,-1,-1,-1\r\n1,-1,0,0,1,1\n\n1, -1, 5, 5, 2, 2, 1e-1\n");
    expect(frames).toEqual([
      [
        { x1: 0, y1: 0, x2: 1, y2: 1, score: 1 },
        { x1: 5, y1: 5, x2: 7, y2: 7, score: 0.1 },
      ],
      [],
      [{ x1: 1, y1: 2, x2: 4, y2: 6, score: 0.5 }],
    ]);
  });

  it("reads a byte order mark, spaces, tabs or semicolons for commas", () => {
    const expected = readMotDetections("1,-1,1,2,3,4,0.5\n2,-1,1,2,3,4,1\n");
    for (const separator of [" ", "\t", ";", " , "]) {
      const text = "\ufeff1,-1,1,2,3,4,0.5\r\n2,-1,1,2,3,4,1\r\n".replaceAll(",", separator);
      expect(readMotDetections(text)).toEqual(expected);
    }
  });

  it("names file and line of what it cannot read, or reads whole rows only, wherever a file is cut off", () => {
    const text = "1,-1,1.5,2,3,4,0.5\n3,-1,1,2,13,14,1\n";
    for (let length = 0; length < text.length; length++) {
      let frames: readonly unknown[] = [];
      try {
        frames = readMotDetections(text.slice(0, length), "a.txt");
      } catch (error) {
        expect((error as Error).message).toMatch(/^a\.txt:[12]: /);
      }
      expect(frames.length).toBeLessThanOrEqual(3);
    }
    expect(() => readMotDetections("1,-1,1,2,3\n", "a.txt")).toThrow("a.txt:1: 5 fields");
    expect(() => readMotDetections("1,-1,1,2,3,4\n0,-1,1,2,3,4", "a.txt")).toThrow("a.txt:2: frame is 0");
    expect(() => readMotDetections("1,-1,1,x,3,4\n", "a.txt")).toThrow("a.txt:1: column 4 is x");
    expect(() => readMotDetections("1,-1,1,2,0,4\n", "a.txt")).toThrow("a.txt:1: the box is 0 x 4");
  });
});
