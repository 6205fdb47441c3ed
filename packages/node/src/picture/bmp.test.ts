import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { PhinetsError, Random } from "@phinets/core/tensor";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ffmpegPixels, largestDifference, rejection } from "../../../../test/decoding.js";
import { decodePicture, pictureSizeOf } from "./decode.js";

const ffmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
if (!ffmpeg) console.warn("skipped: ffmpeg is not installed; npm run setup installs it");
const folder = mkdtempSync(join(tmpdir(), "phinets-decode-"));
const random = new Random(7);

function put(name: string, bytes: Uint8Array | string): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

const reason = async (promise: Promise<unknown>) => (await rejection(promise)).message.replace(folder, "");

const noise = (count: number, most = 255) => Array.from({ length: count }, () => random.integer(most + 1));

interface BmpParts {
  readonly width: number;
  /** Negative: rows start at the top. */
  readonly height: number;
  readonly bits: number;
  readonly compression?: number;
  readonly headerSize?: number;
  readonly masks?: readonly number[];
  readonly palette?: readonly number[];
  readonly pixels: readonly number[];
}

function bmp({ width, height, bits, compression = 0, headerSize = 40, masks = [], palette = [], pixels }: BmpParts) {
  const head = Buffer.alloc(14 + headerSize);
  const after = headerSize === 40 ? masks.flatMap((mask) => [mask, mask >>> 8, mask >>> 16, mask >>> 24]) : [];
  const rest = Buffer.from([...after, ...palette, ...pixels].map((value) => value & 255));
  head.write("BM");
  head.writeUInt32LE(head.length + rest.length, 2);
  head.writeUInt32LE(head.length + rest.length - pixels.length, 10);
  head.writeUInt32LE(headerSize, 14);
  if (headerSize === 12) {
    head.writeUInt16LE(width, 18);
    head.writeUInt16LE(height, 20);
    head.writeUInt16LE(1, 22);
    head.writeUInt16LE(bits, 24);
  } else {
    head.writeInt32LE(width, 18);
    head.writeInt32LE(height, 22);
    head.writeUInt16LE(1, 26);
    head.writeUInt16LE(bits, 28);
    head.writeUInt32LE(compression, 30);
    if (headerSize > 40) for (const [i, mask] of masks.entries()) head.writeUInt32LE(mask, 54 + 4 * i);
  }
  return Buffer.concat([head, rest]);
}

const grid = (picture: Picture) => {
  const { width, height, data } = picture;
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)].join(" ")),
  );
};

describe("bitmaps", () => {
  it.skipIf(!ffmpeg)("of every depth are what ffmpeg makes of them", async () => {
    const [width, height] = [13, 7];
    const png = await sharp(Uint8Array.from(noise(width * height * 3)), { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    const source = put("noise.png", png);
    for (const format of ["bgra", "bgr24", "rgb565le", "rgb555le", "gray", "rgb8", "monob"]) {
      const file = join(folder, `${format}.bmp`);
      execFileSync("ffmpeg", ["-loglevel", "error", "-y", "-i", source, "-pix_fmt", format, file]);
      const picture = await decodePicture(file);
      expect(picture).toMatchObject({ width, height, channels: 3 });
      expect(await pictureSizeOf(file)).toEqual({ width, height });
      // Five bits to eight: we round, ffmpeg repeats bits.
      expect(largestDifference(picture, ffmpegPixels(file)), format).toBeLessThanOrEqual(
        /565|555/.test(format) ? 4 : 0,
      );
    }
    const colours = (count: number) => noise(4 * count).map((value, i) => (i % 4 === 3 ? 0 : value));
    const coded: [string, BmpParts][] = [
      ["top", { width: 3, height: -2, bits: 24, pixels: noise(24) }],
      ["four", { width: 5, height: 2, bits: 4, palette: colours(16), pixels: noise(8) }],
      [
        "rle8",
        {
          width: 4,
          height: 3,
          bits: 8,
          compression: 1,
          palette: colours(256),
          pixels: [4, 1, 0, 0, 0, 3, 2, 3, 5, 0, 1, 9, 0, 0, 2, 7, 2, 8, 0, 1],
        },
      ],
      [
        "rle4",
        {
          width: 5,
          height: 2,
          bits: 4,
          compression: 2,
          palette: colours(16),
          pixels: [5, 0x12, 0, 0, 0, 5, 0x34, 0x56, 0x70, 0, 0, 1],
        },
      ],
      ["core", { width: 3, height: 2, bits: 24, headerSize: 12, pixels: noise(24) }],
    ];
    for (const [name, parts] of coded) {
      const file = put(`${name}.bmp`, bmp(parts));
      expect(largestDifference(await decodePicture(file), ffmpegPixels(file)), name).toBe(0);
    }
  });

  it("are read by their bit fields; alpha that is all zero is none", async () => {
    const masks = [0xff, 0xff00, 0xff0000, 0xff000000];
    const fields = (pixels: number[]) =>
      bmp({ width: 2, height: 1, bits: 32, compression: 3, headerSize: 108, masks, pixels });
    const clear = await decodePicture(put("clear.bmp", fields([10, 20, 30, 255, 40, 50, 60, 0])));
    expect(grid(clear)).toEqual([["10 20 30", "114 114 114"]]);
    const opaque = await decodePicture(put("opaque.bmp", fields([10, 20, 30, 0, 40, 50, 60, 0])));
    expect(grid(opaque)).toEqual([["10 20 30", "40 50 60"]]);
    const five = bmp({
      width: 2,
      height: 1,
      bits: 16,
      compression: 3,
      masks: [0xf800, 0x7e0, 0x1f],
      pixels: [0xff, 0xff, 0, 0xf8],
    });
    expect(grid(await decodePicture(put("565.bmp", five)))).toEqual([["255 255 255", "255 0 0"]]);
  });

  it("that are cut, too large or of a kind that is not read are named", async () => {
    const whole = bmp({ width: 8, height: 8, bits: 24, pixels: noise(192) });
    for (const length of [20, 40, 60, 200])
      expect(await reason(decodePicture(put("cut.bmp", whole.subarray(0, length))))).toMatch(
        /cut\.bmp: is truncated or damaged; replace/,
      );
    const huge = bmp({ width: 100000, height: 100000, bits: 8, compression: 1, pixels: [0, 1] });
    expect(await reason(decodePicture(put("huge.bmp", huge)))).toMatch(/is 100000x100000, more than/);
    const jpeg = bmp({ width: 8, height: 8, bits: 24, compression: 4, pixels: [0] });
    expect(await reason(decodePicture(put("jpeg.bmp", jpeg)))).toMatch(
      /of 24 bits with compression 4, which is not read; save it as PNG/,
    );
    // Any bytes give a picture or a reason.
    for (let n = 0; n < 300; n++) {
      const bytes = Buffer.from(whole);
      for (let k = 0; k < 3; k++) bytes[14 + random.integer(40)] = random.integer(256);
      await decodePicture("x.bmp", { bytes }).catch((error) => expect(error).toBeInstanceOf(PhinetsError));
    }
  });
});
