import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCocoTruth } from "./coco.js";
import { parseCocoResults } from "./coco-results.js";

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const image = { images: [{ id: 1 }], categories: [{ id: 1 }] };

describe("boxes of segmentations", () => {
  const annotation = (more: object) =>
    parseCocoTruth(json({ ...image, annotations: [{ image_id: 1, category_id: 1, iscrowd: 0, ...more }] }), "gt.json")
      .annotations[0];

  it("are those of polygons; the area is theirs where the annotation has none", () => {
    const square = [10, 10, 40, 10, 40, 30, 10, 30];
    expect(annotation({ segmentation: [square] })).toMatchObject({ bbox: [10, 10, 30, 20], area: 600 });
    expect(annotation({ segmentation: [square, [60, 10, 61, 10, 60, 12]], bbox: [] })).toMatchObject({
      bbox: [10, 10, 51, 20],
      area: 601,
    });
    expect(annotation({ segmentation: square, bbox: null, area: 5 })).toMatchObject({ area: 5 });
    expect(annotation({ segmentation: [[1, 2, 3]], bbox: [1, 2, 3, 4] }).bbox).toEqual([1, 2, 3, 4]);
    for (const segmentation of [undefined, null, []]) {
      expect(() => annotation({ segmentation })).toThrow("gt.json:1: the annotation has no bbox and no segmentation");
    }
    expect(() => annotation({ segmentation: [[1, 2, 3, 4]] })).toThrow("has 4 numbers; it is x, y of three points");
  });

  /** COCO's compression, reimplemented from its description. */
  const compress = (counts: readonly number[]) =>
    counts
      .map((count, i) => {
        let value = i > 2 ? count - counts[i - 2] : count;
        let text = "";
        for (let more = true; more; ) {
          let letter = value & 31;
          value >>= 5;
          more = (letter & 16) !== 0 ? value !== -1 : value !== 0;
          if (more) letter |= 32;
          text += String.fromCharCode(letter + 48);
        }
        return text;
      })
      .join("");

  it("are those of masks, by brute force, of run lengths as numbers and as text", () => {
    const mask = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70 })).chain(([height, width]) =>
      fc.record({
        height: fc.constant(height),
        width: fc.constant(width),
        pixels: fc.array(fc.boolean(), { minLength: height * width, maxLength: height * width }),
      }),
    );
    fc.assert(
      fc.property(mask, ({ height, width, pixels }) => {
        const counts = [0];
        for (const [i, pixel] of pixels.entries()) {
          if ((i === 0 ? false : pixels[i - 1]) !== pixel) counts.push(0);
          counts[counts.length - 1]++;
        }
        const on = pixels.flatMap((pixel, i) => (pixel ? [[Math.floor(i / height), i % height]] : []));
        const [xs, ys] = [on.map(([x]) => x), on.map(([, y]) => y)];
        const bbox =
          on.length === 0
            ? [0, 0, 0, 0]
            : [
                Math.min(...xs),
                Math.min(...ys),
                Math.max(...xs) - Math.min(...xs) + 1,
                Math.max(...ys) - Math.min(...ys) + 1,
              ];
        const size = [height, width];
        for (const each of [counts, compress(counts)]) {
          expect(annotation({ segmentation: { counts: each, size } })).toMatchObject({ bbox, area: on.length });
        }
        const [found] = parseCocoResults(
          json([{ image_id: 1, category_id: 1, score: 1, segmentation: { size, counts } }]),
          "r.json",
        ).boxes;
        expect(found).toMatchObject({ bbox, area: on.length });
      }),
      { numRuns: 100 },
    );
    expect(() => annotation({ segmentation: { counts: [3], size: [2, 2] } })).toThrow("add up to 3; size is 2 x 2");
  });
});
