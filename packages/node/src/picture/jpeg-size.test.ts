import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { jpegSize } from "./jpeg-size.js";

const plain = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#c83214" } });

describe("size of a JPEG", () => {
  it.each([
    ["baseline", {}],
    ["progressive", { progressive: true }],
    ["with every chroma sample", { chromaSubsampling: "4:4:4" }],
    ["with optimised tables", { mozjpeg: true }],
  ])("%s", async (_, options) => {
    for (const [width, height] of [
      [1, 1],
      [640, 480],
      [17, 3000],
    ]) {
      expect(jpegSize(await plain(width, height).jpeg(options).toBuffer())).toEqual({ width, height });
    }
  });

  it("is left to a decoder where EXIF may turn the picture, and where it is none", async () => {
    expect(jpegSize(await plain(20, 10).withMetadata({ orientation: 6 }).jpeg().toBuffer())).toBeUndefined();
    expect(jpegSize(await plain(20, 10).png().toBuffer())).toBeUndefined();
    const whole = await plain(20, 10).jpeg().toBuffer();
    for (let length = 0; length < 20; length++) expect(jpegSize(whole.subarray(0, length))).toBeUndefined();
  });
});
