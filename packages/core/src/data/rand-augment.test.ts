import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { applyColours, type ColourOperation, drawOperations } from "./rand-augment.js";
import type { Picture } from "./types.js";
import { identity } from "./warp.js";

function apply(name: ColourOperation["name"], strength: number, picture: Picture): number[] {
  const copy = { ...picture, data: picture.data.slice() };
  applyColours(copy, [{ name, strength }]);
  return [...copy.data];
}

const line = (...values: number[]): Picture => ({
  width: values.length,
  height: 1,
  channels: 1,
  data: Uint8Array.from(values),
});

describe("RandAugment", () => {
  it("known values", () => {
    expect(apply("autoContrast", 1, line(50, 100, 150))).toEqual([0, 128, 255]);
    expect(apply("autoContrast", 1, line(7, 7))).toEqual([7, 7]);
    expect(apply("equalize", 1, line(10, 11, 12, 200))).toEqual([0, 85, 170, 255]);
    expect(apply("equalize", 1, line(9, 9))).toEqual([9, 9]);
    expect(apply("solarize", 0.5, line(0, 127, 128, 255))).toEqual([0, 127, 127, 0]);
    expect(apply("solarize", -1, line(0, 10, 255))).toEqual([255, 245, 0]);
    expect(apply("posterize", 1, line(15, 16, 255))).toEqual([0, 16, 240]);
    expect(apply("brightness", 1, line(0, 100, 200))).toEqual([0, 190, 255]); // 1.9 times, in 256ths
    expect(apply("brightness", -1, line(0, 100, 200))).toEqual([0, 10, 20]);
    expect(apply("contrast", -1, line(0, 200))).toEqual([90, 110]);
    expect(apply("contrast", 1, line(80, 120))).toEqual([62, 138]);
    expect(apply("colour", 1, line(3, 80))).toEqual([3, 80]);
    const red = { width: 1, height: 1, channels: 3, data: Uint8Array.of(200, 100, 100) };
    expect(apply("colour", -1, red)).toEqual([137, 127, 127]); // towards grey 130
  });

  it("sharpness equals its definition and leaves the border", () => {
    const random = new Random(1);
    const [width, height, channels] = [7, 5, 3];
    const data = Uint8Array.from({ length: width * height * channels }, () => random.integer(256));
    const sharp = apply("sharpness", 1, { width, height, channels, data });
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let c = 0; c < channels; c++) {
          const at = (u: number, v: number) => data[(v * width + u) * channels + c];
          let expected = at(x, y);
          if (x > 0 && y > 0 && x < width - 1 && y < height - 1) {
            let smooth = 4 * at(x, y);
            for (const v of [-1, 0, 1]) for (const u of [-1, 0, 1]) smooth += at(x + u, y + v);
            smooth /= 13;
            expected = Math.min(255, Math.max(0, smooth + 1.9 * (at(x, y) - smooth)));
          }
          expect(Math.abs(sharp[(y * width + x) * channels + c] - expected)).toBeLessThan(1.5);
        }
      }
    }
  });

  it("leaves pictures alone at strength 0, but for contrast that is stretched", () => {
    const names = ["solarize", "posterize", "colour", "contrast", "brightness", "sharpness"] as const;
    const bytes = fc.uint8Array({ minLength: 36, maxLength: 36 });
    fc.assert(
      fc.property(bytes, fc.constantFrom(...names), (data, name) => {
        expect(apply(name, 0, { width: 4, height: 3, channels: 3, data })).toEqual([...data]);
      }),
    );
  });

  it("draws two operations evenly, none at magnitude 0", () => {
    const count = new Map<string, number>();
    const size = { width: 40, height: 30 };
    for (let n = 0; n < 2000; n++) {
      const { colours } = drawOperations(10, identity, size, new Random(n));
      for (const { name, strength } of colours) {
        expect(Math.abs(strength)).toBe(1);
        count.set(name, (count.get(name) ?? 0) + 1);
      }
    }
    expect(count.size).toBe(8);
    // 4,000 draws of 13: 308 each, standard deviation 17
    for (const n of count.values()) expect(Math.abs(n - 308)).toBeLessThan(85);
    expect(drawOperations(0, identity, size, new Random(1))).toEqual({ move: identity, colours: [] });
  });
});
