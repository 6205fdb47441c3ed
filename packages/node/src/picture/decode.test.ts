import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { Random } from "@phinets/core/tensor";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ffmpegPixels, largestDifference, rejection } from "../../../../test/decoding.js";
import { decodePicture, pictureSizeOf } from "./decode.js";
import { parsePixelRange } from "./index.js";

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

const grid = (picture: Picture) => {
  const { width, height, data } = picture;
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)].join(" ")),
  );
};

describe("Netpbm", () => {
  it("is read, plain and binary, of any depth", async () => {
    const cases: [string, string | Buffer, string[][]][] = [
      [
        "a.pbm",
        "P1\n# bits\n3 2\n101\n0 1 0",
        [
          ["0 0 0", "255 255 255", "0 0 0"],
          ["255 255 255", "0 0 0", "255 255 255"],
        ],
      ],
      ["b.pgm", "P2 2 1 15 0 15 ", [["0 0 0", "255 255 255"]]],
      ["c.ppm", "P3\n1 1\n255\n1 2 3\n", [["1 2 3"]]],
      [
        "d.pbm",
        Buffer.from([..."P4\n3 1\n"].map((c) => c.charCodeAt(0)).concat(0b01000000)),
        [["255 255 255", "0 0 0", "255 255 255"]],
      ],
      [
        "e.pgm",
        Buffer.concat([Buffer.from("P5\n2 1\n65535\n"), Buffer.from([0x01, 0x01, 0xff, 0xff])]),
        [["1 1 1", "255 255 255"]],
      ],
      ["f.ppm", Buffer.concat([Buffer.from("P6 1 1 255\n"), Buffer.from([7, 8, 9])]), [["7 8 9"]]],
      [
        "g.pnm",
        Buffer.concat([
          Buffer.from("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n"),
          Buffer.from([7, 0]),
        ]),
        [["114 114 114"]],
      ],
    ];
    for (const [name, bytes, pixels] of cases) {
      const file = put(name, bytes);
      expect(grid(await decodePicture(file)), name).toEqual(pixels);
      expect(await pictureSizeOf(file), name).toEqual({ width: pixels[0].length, height: pixels.length });
    }
    expect(await reason(decodePicture(put("cut.ppm", "P6 9 9 255\nabc")))).toMatch(/is truncated or damaged/);
    expect(await reason(decodePicture(put("bad.ppm", "P6 9")))).toMatch(/has a damaged header/);
  });
});

/** An uncompressed TIFF of one strip. `format` 1 unsigned, 2 signed, 3 float; `photometric` 1 grey, 2 RGB. */
function tiff(
  data: Uint8Array | Uint16Array | Int16Array | Float32Array,
  options: { width: number; bands?: number; format?: number; photometric?: number; extra?: number[] },
): Buffer {
  const { width, bands = 1, format = 1, photometric = 1, extra = [] } = options;
  const bytes = Buffer.from(data.buffer);
  const height = data.length / width / bands;
  const bits = 8 * data.BYTES_PER_ELEMENT;
  const each = (value: number) => new Array<number>(bands).fill(value);
  const tags: [number, number[]][] = [
    [256, [width]],
    [257, [height]],
    [258, each(bits)],
    [259, [1]],
    [262, [photometric]],
    [273, [8]],
    [277, [bands]],
    [278, [height]],
    [279, [bytes.length]],
    [284, [1]],
    ...(extra.length ? [[338, extra] as [number, number[]]] : []),
    [339, each(format)],
  ];
  const values: Buffer[] = [];
  let end = 8 + bytes.length;
  const rows = tags.map(([tag, list]) => {
    const row = Buffer.alloc(12);
    const value = Buffer.alloc(Math.max(4, 2 * list.length));
    for (const [i, number] of list.entries()) value.writeUInt16LE(number, 2 * i);
    row.writeUInt16LE(tag, 0);
    row.writeUInt16LE(3, 2);
    row.writeUInt32LE(list.length, 4);
    if (value.length === 4) value.copy(row, 8);
    else {
      row.writeUInt32LE(end, 8);
      end += value.length;
      values.push(value);
    }
    return row;
  });
  const head = Buffer.from("II*\0....");
  head.writeUInt32LE(end, 4);
  return Buffer.concat([head, bytes, ...values, Buffer.from([rows.length, 0]), ...rows, Buffer.alloc(4)]);
}

describe("deep pictures", () => {
  const thermal = Uint16Array.from([7000, 7500, 8000, 9000]);

  it("are divided by 257, or stretched from low..high to 0..255, with a hint where that would help", async () => {
    const png = await sharp(thermal, { raw: { width: 4, height: 1, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    const pgm = Buffer.concat([Buffer.from("P5 4 1 65535\n"), Buffer.from(thermal.slice().buffer).swap16()]);
    for (const [name, bytes] of [
      ["t.png", png],
      ["t.tif", tiff(thermal, { width: 4 })],
      ["t.pgm", pgm],
    ] as const) {
      const hints: string[] = [];
      const file = put(name, bytes);
      const plain = await decodePicture(file, { onHint: (hint) => hints.push(hint) });
      expect(grid(plain), name).toEqual([[27, 29, 31, 35].map((v) => `${v} ${v} ${v}`)]);
      expect(hints.join("\n"), name).toMatch(
        /values, 7000\.\.9000, are 1\/32 of the 65536 .*--pixel-range 7000\.\.9000$/,
      );
      const pixelRange = parsePixelRange("7500..8500");
      const stretched = await decodePicture(file, { pixelRange, onHint: (hint) => hints.push(hint) });
      expect(grid(stretched), name).toEqual([[0, 0, 128, 255].map((v) => `${v} ${v} ${v}`)]);
      expect(hints).toHaveLength(1);
    }
  });

  it("keep colours and alpha", async () => {
    const rgba = await sharp(Uint16Array.from([65535, 25700, 0, 65535, 9, 9, 9, 0]), {
      raw: { width: 2, height: 1, channels: 4 },
    })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect(grid(await decodePicture(put("rgba16.png", rgba)))).toEqual([["255 100 0", "114 114 114"]]);
    const greyAlpha = tiff(Uint16Array.from([25700, 65535, 25700, 0]), { width: 2, bands: 2, extra: [2] });
    expect(grid(await decodePicture(put("la.tif", greyAlpha)))).toEqual([["100 100 100", "114 114 114"]]);
  });

  it("of floats are 0..1, or say that they need a range", async () => {
    const unit = tiff(Float32Array.from([0, 0.5, 1, Number.NaN]), { width: 4, format: 3 });
    expect(grid(await decodePicture(put("unit.tif", unit)))[0]).toEqual([0, 128, 255, 0].map((v) => `${v} ${v} ${v}`));
    const celsius = put("celsius.tif", tiff(Float32Array.from([-10, 20, 35.5]), { width: 3, format: 3 }));
    expect(await reason(decodePicture(celsius))).toMatch(/floats in -10\.\.35\.5; .*--pixel-range -10\.\.35\.5$/);
    const picture = await decodePicture(celsius, { pixelRange: parsePixelRange("-10..50") });
    expect(grid(picture)[0]).toEqual([0, 128, 193].map((v) => `${v} ${v} ${v}`));
  });

  it("of more bands: the colours are taken, what is not alpha is not looked at", async () => {
    const five = Uint8Array.from([1, 2, 3, 0, 9, 4, 5, 6, 255, 9]);
    const rgb = [["1 2 3", "4 5 6"]];
    expect(
      grid(await decodePicture(put("5.tif", tiff(five, { width: 2, bands: 5, photometric: 2, extra: [0, 0] })))),
    ).toEqual(rgb);
    const four = Uint8Array.from([1, 2, 3, 0, 4, 5, 6, 128]);
    const near = tiff(four, { width: 2, bands: 4, photometric: 2, extra: [0] });
    expect(grid(await decodePicture(put("nir.tif", near)))).toEqual(rgb);
    const alpha = tiff(four, { width: 2, bands: 4, photometric: 2, extra: [2] });
    expect(grid(await decodePicture(put("alpha.tif", alpha)))[0][0]).toBe("114 114 114");
    const deep = tiff(
      Uint16Array.from(four, (v) => v * 257),
      { width: 2, bands: 4, photometric: 2, extra: [0] },
    );
    expect(grid(await decodePicture(put("nir16.tif", deep)))).toEqual(rgb);
    const unknown = tiff(four, { width: 2, bands: 4, photometric: 1, extra: [0, 0, 0] });
    expect(await reason(decodePicture(put("unknown.tif", unknown)))).toMatch(/has 4 bands and does not say which/);
    const signed = tiff(Int16Array.from([-5, 5]), { width: 2, format: 2 });
    expect(await reason(decodePicture(put("signed.tif", signed)))).toMatch(
      /has signed 16-bit values.*; save it with unsigned/,
    );
  });

  it("and shallow ones are stretched alike; a range beyond them is named", async () => {
    const file = put("grey.pgm", "P2 3 1 255 50 100 200");
    const picture = await decodePicture(file, { pixelRange: parsePixelRange("50..150") });
    expect(grid(picture)[0]).toEqual([0, 128, 255].map((v) => `${v} ${v} ${v}`));
    expect(await reason(decodePicture(file, { pixelRange: parsePixelRange("7000..9000") }))).toMatch(
      /values end at 255, so --pixel-range 7000\.\.9000/,
    );
    for (const text of ["", "7000", "9..8", "a..b", "1..2..3"])
      expect(() => parsePixelRange(text)).toThrow(/--pixel-range is /);
  });
});

describe("pictures are known by their content", () => {
  const plain = sharp({ create: { width: 20, height: 10, channels: 3, background: "#c83214" } });
  // A bitmap of one pixel of 24 bits.
  const bitmapHead = Buffer.from(
    "424d3a000000000000003600000028000000010000000100000001001800".padEnd(108, "0"),
    "hex",
  );

  it("whatever their name says", async () => {
    for (const [name, bytes] of [
      ["a.heic", await plain.clone().jpeg().toBuffer()],
      ["b.jpg", await plain.clone().png().toBuffer()],
      ["c.png", Buffer.concat([bitmapHead, Buffer.from([20, 50, 200, 0])])],
      ["d.jfif", await plain.clone().jpeg().toBuffer()],
      ["e.bmp", await plain.clone().webp({ lossless: true }).toBuffer()],
    ] as const) {
      const [red, green, blue] = (await decodePicture(put(name, bytes))).data;
      expect(
        [Math.abs(red - 200), Math.abs(green - 50), Math.abs(blue - 20)].every((d) => d < 4),
        name,
      ).toBe(true);
    }
  });

  it("and those that are not read by name and reason", async () => {
    const heic = Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08meta", "latin1");
    expect(await reason(decodePicture(put("phone.heic", heic)))).toMatch(/phone\.heic: is HEIC, .*; save it as JPEG/);
    expect(await reason(decodePicture(put("x.png", "<svg xmlns='x'/>")))).toMatch(
      /is an SVG drawing, which is not read; save it as PNG/,
    );
    expect(await reason(decodePicture(put("x.jpg", "GIF9")))).toMatch(/is not a picture \(known: JPEG, PNG/);
  });

  it.skipIf(!ffmpeg)("JPEG 2000 and TGA are read through ffmpeg, at any depth", async () => {
    const [width, height] = [17, 9];
    const data = Uint8Array.from(noise(width * height * 3));
    const source = put(
      "source.png",
      await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer(),
    );
    for (const [name, ...words] of [["t.tga"], ["t.jp2", "-c:v", "jpeg2000", "-pred", "dwt53", "-pix_fmt", "rgb24"]]) {
      const file = join(folder, name);
      execFileSync("ffmpeg", ["-loglevel", "error", "-y", "-i", source, ...words, file]);
      expect(largestDifference(await decodePicture(file), ffmpegPixels(file)), name).toBe(0);
      expect(await pictureSizeOf(file), name).toEqual({ width, height });
    }
    const deep = put("deep.pgm", Buffer.concat([Buffer.from("P5 8 8 65535\n"), Buffer.alloc(128, 0x1e)]));
    execFileSync("ffmpeg", [
      "-loglevel",
      "error",
      "-y",
      "-i",
      deep,
      "-c:v",
      "jpeg2000",
      "-pred",
      "dwt53",
      join(folder, "deep.jp2"),
    ]);
    const picture = await decodePicture(join(folder, "deep.jp2"), { pixelRange: parsePixelRange("7000..8420") });
    expect(Math.abs(picture.data[0] - 127)).toBeLessThanOrEqual(1); // 0x1e1e is 7710
    const cut = Buffer.from("\0\0\0\x0cjP  \r\n\x87\n", "latin1");
    expect(await reason(decodePicture(put("cut.jp2", cut)))).toMatch(/is truncated or damaged/);
  });

  it("sizes are those of the upright picture", async () => {
    const turned = put("turned.jpg", await plain.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer());
    expect(await pictureSizeOf(turned)).toEqual({ width: 10, height: 20 });
    expect(await reason(pictureSizeOf(put("none.jpg", "text")))).toMatch(/is not a picture/);
  });
});
