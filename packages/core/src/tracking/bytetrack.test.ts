import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import { PhinetsError } from "../tensor/index.js";
import { ByteTracker } from "./bytetrack.js";
import { readMotDetections } from "./motchallenge.js";
import { Sort } from "./sort.js";
import type { Track, Tracker, TrackerBox } from "./tracker.js";

const at = (x: number, score = 0.9, y = 0): TrackerBox => ({ x1: x, y1: y, x2: x + 10, y2: y + 10, score, class: 1 });
const ids = (tracks: readonly Track[]) => tracks.map(({ id }) => id);

describe("ByteTracker", () => {
  it("keeps a known object by detections of low score, which begin none", () => {
    const tracker = new ByteTracker();
    expect(ids(tracker.update([at(0), at(50, 0.3)]))).toEqual([1]);
    expect(tracker.update([at(1, 0.2), at(50, 0.3)])).toMatchObject([{ id: 1, score: 0.2, class: 1 }]);
    expect(ids(tracker.update([at(2, 0.05)]))).toEqual([]);
    expect(tracker.born).toBe(1);
  });

  it("finds a lost object by a good detection within maxAge, never by a poor one", () => {
    for (const [gap, found] of [
      [4, [1]],
      [5, []],
    ] as const) {
      const tracker = new ByteTracker({ maxAge: 4 });
      tracker.update([at(0)]);
      tracker.update([at(0)]);
      for (let i = 0; i < gap; i++) expect(tracker.update(i > 0 ? [at(0, 0.4)] : [])).toEqual([]);
      expect(ids(tracker.update([at(0)]))).toEqual(found);
    }
  });

  it("shows an object from its second find on, and forgets one that is not found again at once", () => {
    const tracker = new ByteTracker();
    tracker.update([]);
    expect(tracker.update([at(0)])).toEqual([]);
    expect(ids(tracker.update([at(1)]))).toEqual([1]);
    tracker.update([at(1), at(70)]);
    tracker.update([at(1)]);
    expect(ids(tracker.update([at(1), at(70)]))).toEqual([1]);
    expect(tracker.born).toBe(3);
  });

  it("gives good detections the choice before poor ones, and known tracks before new ones", () => {
    const tracker = new ByteTracker();
    tracker.update([at(0)]);
    expect(tracker.update([at(0, 0.3), at(3, 0.8)])).toMatchObject([{ id: 1, score: 0.8 }]);
  });

  it("refuses what is out of range by name", () => {
    expect(() => new ByteTracker({ lowScore: -1 })).toThrow("bytetrack: lowScore is -1; it must lie in 0..1");
    expect(() => new ByteTracker({ maxAge: 0.5 })).toThrow("bytetrack: maxAge is 0.5");
    expect(() => new ByteTracker({ firstId: 0 })).toThrow("firstId is 0; it must be an integer of at least 1");
    expect(() => new ByteTracker().update([at(0, Number.NaN)])).toThrow("detection 0 has score NaN");
  });
});

const makers: Record<string, (firstId?: number) => Tracker> = {
  Sort: (firstId) => new Sort({ minHits: 0, maxAge: 2, firstId }),
  "Sort, any overlap": () => new Sort({ minHits: 1, iouThreshold: 0 }),
  ByteTracker: (firstId) => new ByteTracker({ firstId }),
  "ByteTracker, any overlap": () => new ByteTracker({ iouThreshold: 0, lowIouThreshold: 0, newIouThreshold: 0 }),
};

describe.each(Object.entries(makers))("%s", (_, make) => {
  const coordinate = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -30, max: 30 }) },
    { weight: 1, arbitrary: fc.double() },
  );
  const score = fc.oneof(fc.constant(undefined), fc.double({ min: 0, max: 1 }), fc.double());
  const anyBox: fc.Arbitrary<TrackerBox> = fc.record({
    x1: coordinate,
    y1: coordinate,
    x2: coordinate,
    y2: coordinate,
    score,
  });
  const size = fc.integer({ min: 1, max: 30 });
  const goodBox = fc.tuple(fc.nat(40), fc.nat(40), size, size, fc.nat(10)).map(([x1, y1, width, height, tenths]) => ({
    x1,
    y1,
    x2: x1 + width,
    y2: y1 + height,
    score: tenths / 10,
  }));
  const extreme = fc
    .tuple(coordinate, coordinate, fc.double({ min: 0, noNaN: true }), fc.double({ min: 0, noNaN: true }))
    .map(([x1, y1, width, height]) => ({ x1, y1, x2: x1 + width, y2: y1 + height }));
  const frames = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.array(goodBox, { maxLength: 8 }) },
      { weight: 1, arbitrary: fc.array(anyBox, { maxLength: 3 }) },
      { weight: 1, arbitrary: fc.array(extreme, { maxLength: 3 }) },
    ),
    { maxLength: 20 },
  );

  it("never shows an id twice nor a number that is not finite, and refuses by name what is no box", () => {
    fc.assert(
      fc.property(frames, (list) => {
        const tracker = make();
        for (const boxes of list) {
          const before = [tracker.frames, tracker.born];
          let tracks: Track[];
          try {
            tracks = tracker.update(boxes);
          } catch (error) {
            expect(error).toBeInstanceOf(PhinetsError);
            expect(error).toMatchObject({ code: "tracking.box" });
            expect((error as Error).message).toMatch(/^track: detection \d+ (is|has score) /);
            expect([tracker.frames, tracker.born]).toEqual(before);
            continue;
          }
          expect(new Set(ids(tracks)).size).toBe(tracks.length);
          expect(tracks.length).toBeLessThanOrEqual(boxes.length);
          for (const t of tracks) expect(Number.isFinite(t.x1 + t.y1 + t.x2 + t.y2)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("goes on after a refused frame as if it had not been", () => {
    fc.assert(
      fc.property(frames, (list) => {
        const all = make();
        const accepted: (readonly TrackerBox[])[] = [];
        const shown: Track[][] = [];
        for (const boxes of list) {
          try {
            shown.push(all.update(boxes));
            accepted.push(boxes);
          } catch {}
        }
        const clean = make();
        expect(accepted.map((boxes) => clean.update(boxes))).toEqual(shown);
      }),
    );
  });

  it("writes the same into a list that is used again", () => {
    fc.assert(
      fc.property(fc.array(fc.array(goodBox, { maxLength: 6 }), { maxLength: 15 }), (list) => {
        const fresh = make();
        const again = make();
        const into: Track[] = [];
        for (const boxes of list) {
          expect(again.update(boxes, into)).toBe(into);
          expect(into).toEqual(fresh.update(boxes));
        }
      }),
    );
  });
});

it("a list that is used again keeps its objects over emptier frames, and mixes no kinds of detections", () => {
  for (const make of [makers.Sort, makers.ByteTracker]) {
    const tracker = make();
    const into: Track[] = [];
    const both = [at(0), at(50)];
    tracker.update(both, into);
    const objects = new Set(into);
    expect(tracker.update([at(0)], into).length).toBe(1);
    for (const track of tracker.update(both, into)) expect(objects).toContain(track);
    const { x1, y1, x2, y2 } = at(0);
    expect(tracker.update([{ x1, y1, x2, y2 }], into)).toEqual([{ id: 1, x1, y1, x2, y2 }]);
    expect(tracker.update([at(0)], into)).toMatchObject([{ id: 1, score: 0.9, class: 1 }]);
  }
});

it("ids run on over sequences with firstId", () => {
  for (const make of [makers.Sort, makers.ByteTracker]) {
    const first = make();
    first.update([at(0), at(50)]);
    const second = make(1 + first.born);
    expect(ids(second.update([at(0)]))).toEqual([3]);
    expect(second.born).toBe(1);
  }
});

describe.skipIf(!goldens || !existsSync(`${goldens}/sort/det`))("ByteTracker on MOT15's detections", () => {
  it("breaks tracks less often than SORT", () => {
    const count = { sort: 0, bytetrack: 0 };
    for (const file of readdirSync(`${goldens}/sort/det`)) {
      const frames = readMotDetections(readFileSync(`${goldens}/sort/det/${file}`, "utf8"), file);
      const lengths = (tracker: Tracker) => new Set(frames.flatMap((boxes) => ids(tracker.update(boxes)))).size;
      count.sort += lengths(new Sort());
      count.bytetrack += lengths(new ByteTracker());
    }
    expect(count.bytetrack).toBeGreaterThan(50);
    expect(count.bytetrack).toBeLessThan(count.sort);
  });
});
