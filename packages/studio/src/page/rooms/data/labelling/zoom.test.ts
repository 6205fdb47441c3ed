import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { panned, seen, whole, type Zoom, zoomed } from "./zoom.js";

const side = fc.double({ min: 1, max: 4, noNaN: true });
const room = fc.record({ across: side, down: side });
const place = fc.double({ min: -1, max: 2, noNaN: true });
const step = fc.oneof(
  fc.record({ factor: fc.double({ min: 0.2, max: 5, noNaN: true }), about: fc.tuple(place, place) }),
  fc.record({ by: fc.tuple(place, place) }),
);
const most = 40;

describe("zoom", () => {
  it("keeps the picture in the window, never smaller than whole nor larger than it may be", () => {
    fc.assert(
      fc.property(room, fc.array(step, { maxLength: 20 }), (window, steps) => {
        let zoom: Zoom = whole;
        for (const each of steps) {
          zoom = "by" in each ? panned(zoom, each.by, window) : zoomed(zoom, { ...each, most, room: window });
          expect(zoom.scale).toBeGreaterThanOrEqual(1);
          expect(zoom.scale).toBeLessThanOrEqual(most);
          for (const [start, length] of [
            [zoom.left, window.across],
            [zoom.top, window.down],
          ]) {
            const edges = [start + (length - 1) / 2, length - (start + (length - 1) / 2 + zoom.scale)];
            // The free space beside the picture is the same on both sides, or none.
            expect(Math.abs(Math.max(0, edges[0]) - Math.max(0, edges[1]))).toBeLessThan(1e-9);
            if (zoom.scale >= length) expect(Math.max(...edges)).toBeLessThan(1e-9);
          }
          const { x1, y1, x2, y2 } = seen(zoom, window);
          expect(x2 - x1).toBeCloseTo(Math.min(1, window.across / zoom.scale), 9);
          expect(y2 - y1).toBeCloseTo(Math.min(1, window.down / zoom.scale), 9);
        }
      }),
    );
  });

  it("leaves what is under the pointer there", () => {
    const window = { across: 1, down: 1 };
    const zoom = zoomed(whole, { factor: 4, about: [0.25, 0.75], most, room: window });
    expect(zoom).toEqual({ scale: 4, left: -0.75, top: -2.25 });
    expect(seen(zoom, window)).toEqual({ x1: 0.1875, y1: 0.5625, x2: 0.4375, y2: 0.8125 });
    const again = zoomed(zoom, { factor: 2, about: [0.5, 0.5], most, room: window });
    expect((0.5 - again.left) / again.scale).toBeCloseTo((0.5 - zoom.left) / zoom.scale, 12);
    expect(zoomed(again, { factor: 1 / 100, about: [0.1, 0.9], most, room: window })).toEqual(whole);
  });
});
