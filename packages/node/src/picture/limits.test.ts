import { describe, expect, it } from "vitest";
import { withPixels } from "./limits.js";
import { fitName, outputNames } from "./sources.js";

describe("room for pixels", () => {
  it("is given to a few pictures at a time, and to a large one alone, in their order", async () => {
    let decoding = 0;
    let most = 0;
    const order: number[] = [];
    const sizes = [30e6, 30e6, 30e6, 100e6, 1, 1, 90e6, 60e6];
    await Promise.all(
      sizes.map((pixels, n) =>
        withPixels(pixels, async () => {
          decoding += pixels;
          order.push(n);
          most = Math.max(most, decoding);
          if (pixels > 64e6) expect(decoding).toBe(pixels);
          await new Promise((resolve) => setTimeout(resolve, 2));
          decoding -= pixels;
        }),
      ),
    );
    expect(order).toEqual(sizes.map((_, n) => n));
    expect(most).toBe(100e6);
  });

  it("is given back by what fails", async () => {
    await expect(withPixels(100e6, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withPixels(100e6, async () => "next")).toBe("next");
  });
});

describe("names of outputs", () => {
  it("leave room for an extension, and stay apart when they are cut", () => {
    expect(fitName("x".repeat(251), 4)).toBe("x".repeat(251));
    const names = outputNames(["é".repeat(127), `${"é".repeat(127)}a`, `${"x".repeat(251)}.png`]);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(251);
    expect(new Set(names).size).toBe(3);
    expect(fitName("\u{1f600}".repeat(70), 4)).toMatch(/^\u{1f600}+~[0-9a-f]{8}$/u);
  });

  it("stay apart for 50,000 pictures of one name", () => {
    const names = outputNames(Array.from({ length: 50_000 }, (_, n) => `${n}/1.png`));
    expect(new Set(names).size).toBe(50_000);
    expect(names.slice(0, 3)).toEqual(["1_png", "1_png_2", "1_png_3"]);
  });
});
