import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  beginEditing,
  clipFrameOf,
  type EditAction,
  type Editing,
  edit,
  Follower,
  framesOfClip,
  leastSide,
  placeAt,
  redo,
  select,
  selectedOf,
  selectNext,
  undo,
} from "./index.js";

const size = { width: 64, height: 48 };
const box = (left: number, top: number, width: number, height: number, kind = 0) => ({
  ...{ class: kind, left, top, width, height },
});
const drawingOf = ({ boxes, suggestions }: Editing) => ({ boxes, suggestions });

const far = fc.double({ min: -200, max: 200, noNaN: true });
const by = fc.tuple(far, far);
const id = fc.nat(12);
const edge = fc.constantFrom(-1, 0, 1) as fc.Arbitrary<-1 | 0 | 1>;
const someBoxes = fc.array(
  fc.tuple(far, far, far, far).map(([x, y, w, h]) => ({ ...box(x, y, w, h), score: 0.5 })),
  { maxLength: 3 },
);
const action: fc.Arbitrary<EditAction> = fc.oneof(
  fc.record({ kind: fc.constant("draw" as const), class: fc.nat(3), from: by, to: by }),
  fc.record({ kind: fc.constant("move" as const), id, by }),
  fc.record({ kind: fc.constant("resize" as const), id, handle: fc.tuple(edge, edge), by }),
  fc.record({ kind: fc.constant("class" as const), id, class: fc.nat(3) }),
  fc.record({ kind: fc.constantFrom("delete" as const, "duplicate" as const), id }),
  fc.record({ kind: fc.constantFrom("add" as const, "suggest" as const), boxes: someBoxes }),
  fc.record({ kind: fc.constantFrom("accept" as const, "drop" as const), id: fc.option(id, { nil: undefined }) }),
);

describe("editing", () => {
  it("undoes all to the start and redoes all to the end, through every state between", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        let editing = beginEditing(size, [box(1, 1, 10, 10), box(20, 20, 5, 5, 1)]);
        const states = [drawingOf(editing)];
        for (const each of actions) {
          const next = edit(editing, each);
          // An action without effect is not a step to undo.
          if (next.past.length !== editing.past.length) states.push(drawingOf(next));
          else expect(drawingOf(next)).toEqual(drawingOf(editing));
          editing = next;
        }
        for (const state of states.toReversed()) {
          expect(drawingOf(editing)).toEqual(state);
          editing = undo(editing);
        }
        expect(editing.past).toEqual([]);
        for (const state of states) {
          expect(drawingOf(editing)).toEqual(state);
          editing = redo(editing);
        }
        expect(editing.future).toEqual([]);
      }),
    );
  });

  it("keeps every box in the picture, at least so large, and under a number of its own", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        let editing = beginEditing(size, []);
        for (const each of actions) {
          editing = edit(editing, each);
          const all = [...editing.boxes, ...editing.suggestions];
          expect(new Set(all.map((one) => one.id)).size).toBe(all.length);
          for (const { left, top, width, height, id: own } of all) {
            expect(own).toBeLessThan(editing.nextId);
            expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
            expect(Math.min(width, height)).toBeGreaterThanOrEqual(leastSide - 1e-9);
            expect(left + width).toBeLessThanOrEqual(size.width + 1e-9);
            expect(top + height).toBeLessThanOrEqual(size.height + 1e-9);
          }
        }
      }),
    );
  });

  it("draws, moves, resizes, names, doubles and deletes", () => {
    let editing = beginEditing(size, []);
    editing = edit(editing, { kind: "draw", class: 1, from: [30, 20], to: [10, 8] });
    expect(selectedOf(editing)).toEqual({ ...box(10, 8, 20, 12, 1), id: 0 });
    editing = edit(editing, { kind: "move", id: 0, by: [-50, 2] });
    expect(editing.boxes[0]).toMatchObject(box(0, 10, 20, 12, 1));
    editing = edit(editing, { kind: "resize", id: 0, handle: [1, -1], by: [5, 3] });
    expect(editing.boxes[0]).toMatchObject(box(0, 13, 25, 9, 1));
    editing = edit(editing, { kind: "resize", id: 0, handle: [1, 0], by: [-100, 7] });
    expect(editing.boxes[0]).toMatchObject(box(0, 13, leastSide, 9, 1));
    editing = edit(editing, { kind: "class", id: 0, class: 2 });
    editing = edit(editing, { kind: "duplicate", id: 0 });
    expect(editing.boxes.map(({ class: kind, left, top }) => [kind, left, top])).toEqual([
      [2, 0, 13],
      [2, 8, 21],
    ]);
    editing = edit(editing, { kind: "delete", id: 1 });
    expect(selectedOf(editing)?.id).toBe(0);
    expect(undo(editing).boxes.length).toBe(2);
    expect(edit(editing, { kind: "move", id: 9, by: [1, 1] })).toBe(editing);
    expect(undo(beginEditing(size, [])).boxes).toEqual([]);
  });

  it("goes round the boxes and judges suggestions one after another", () => {
    let editing = beginEditing(size, [box(1, 1, 5, 5)]);
    const found = [10, 20, 30].map((left) => ({ ...box(left, 5, 6, 6), score: left / 100 }));
    editing = edit(editing, { kind: "suggest", boxes: found });
    expect(selectedOf(editing)).toMatchObject({ left: 10, score: 0.1 });
    editing = edit(editing, { kind: "accept", id: editing.selected });
    expect(selectedOf(editing)).toMatchObject({ left: 20 });
    editing = edit(editing, { kind: "drop", id: editing.selected });
    expect(selectedOf(editing)).toMatchObject({ left: 30 });
    expect(editing.boxes).toEqual([
      { ...box(1, 1, 5, 5), id: 0 },
      { ...box(10, 5, 6, 6), id: 1 },
    ]);
    expect(undo(undo(editing)).suggestions.length).toBe(3);
    const order: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      order.push(editing.selected);
      editing = selectNext(editing);
    }
    expect(order).toEqual([3, 0, 1, 3]);
    expect(selectNext(select(editing, undefined), -1).selected).toBe(3);
    expect(edit(editing, { kind: "accept" }).boxes.length).toBe(3);
    expect(edit(editing, { kind: "delete", id: 3 }).suggestions).toEqual([]);
  });
});

describe("following", () => {
  it("keeps to one object among others, over frames that miss it, until it is gone", () => {
    // Two nuts that move in parallel, and a bolt that passes through both; the first nut leaves after frame 20.
    const at = (frame: number) => [
      ...(frame <= 20 ? [box(5 * frame, 10, 30, 20)] : []),
      box(5 * frame, 45, 30, 20),
      box(60 - 4 * frame, 5 + 2 * frame, 30, 20, 1),
    ];
    const follower = new Follower(at(0)[0]);
    for (let frame = 1; frame <= 20; frame++) {
      const missed = frame === 7 || frame === 12 || frame === 13;
      const [own, ...others] = at(frame);
      const found = follower.next(missed ? others : frame % 2 === 0 ? [...others, own] : [own, ...others]);
      expect(found, `frame ${frame}`).toEqual(missed ? undefined : own);
      expect(follower.isLost).toBe(false);
    }
    expect([21, 22].map((frame) => [follower.next(at(frame)), follower.isLost])).toEqual([
      [undefined, false],
      [undefined, false],
    ]);
    expect([follower.next([]), follower.isLost]).toEqual([undefined, true]);
  });
});

describe("keyframes", () => {
  it("are exact, with straight lines between and nothing around", () => {
    const at = (frame: number, left: number) => ({ frame, left, top: 3 * left, width: 10, height: 20 + left });
    const number = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(fc.uniqueArray(number, { minLength: 2, maxLength: 6 }), number, (frames, asked) => {
        const keyframes = frames.map((frame) => at(frame, (frame * 7919) % 101));
        const place = placeAt(keyframes, asked);
        const exact = keyframes.find(({ frame }) => frame === asked);
        if (exact !== undefined) expect({ frame: asked, ...place }).toEqual(exact);
        const [low, high] = [Math.min(...frames), Math.max(...frames)];
        expect(place === undefined).toBe(asked < low || asked > high);
        if (place === undefined) return;
        const before = Math.max(...frames.filter((frame) => frame <= asked));
        const after = Math.min(...frames.filter((frame) => frame >= asked));
        const [a, b] = [before, after].map((frame) => (frame * 7919) % 101);
        // Cross-multiplied: the slope is the same on both sides.
        expect((place.left - a) * (after - before)).toBeCloseTo((b - a) * (asked - before), 6);
        expect(place.top).toBeCloseTo(3 * place.left, 6);
        expect(place.width).toBe(10);
      }),
    );
  });

  it("know a clip by the names of its frames", () => {
    const files = ["a/belt_10.jpg", "a/belt_2.jpg", "b/belt_3.jpg", "a/belt_7.png", "a/other.jpg", "a/belt_4.JPG"];
    expect(framesOfClip("a/belt_2.jpg", files)).toEqual([
      { file: "a/belt_2.jpg", frame: 2 },
      { file: "a/belt_4.JPG", frame: 4 },
      { file: "a/belt_10.jpg", frame: 10 },
    ]);
    expect([clipFrameOf("a/other.jpg"), framesOfClip("a/other.jpg", files)]).toEqual([undefined, []]);
    expect(clipFrameOf("12/000034.jpg")).toEqual({ clip: "12/#.jpg", frame: 34 });
  });
});
