import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import {
  Canvas,
  colourOf,
  contactSheet,
  drawText,
  encodeJpeg,
  inkOn,
  listPictures,
  measureText,
  readPicture,
  savePicture,
} from "./index.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-picture-"));
const grey = (width: number, height: number): Picture => ({
  width,
  height,
  channels: 3,
  data: new Uint8Array(width * height * 3).fill(128),
});
const pixel = (picture: Picture, x: number, y: number) => [
  ...picture.data.subarray(3 * (y * picture.width + x), 3 * (y * picture.width + x) + 3),
];

describe("drawing", () => {
  it("draws a box on its edge and leaves the picture given and the inside alone", () => {
    const source = grey(500, 500);
    const canvas = new Canvas(source);
    canvas.marks([{ x: 100, y: 200, width: 80, height: 60, colour: [255, 0, 0] }]);
    expect(source.data.every((value) => value === 128)).toBe(true);
    for (const [x, y] of [
      [140, 200],
      [140, 259],
      [100, 230],
      [179, 230],
    ]) {
      const [red, green, blue] = pixel(canvas, x, y);
      expect(red).toBeGreaterThan(200);
      expect(green + blue).toBeLessThan(120);
    }
    for (let y = 206; y < 254; y++)
      for (let x = 106; x < 174; x++) expect(pixel(canvas, x, y)).toEqual([128, 128, 128]);
    for (const [x, y] of [
      [94, 230],
      [140, 194],
      [140, 266],
      [186, 230],
    ])
      expect(pixel(canvas, x, y)).toEqual([128, 128, 128]);
  });

  it("draws the same outline as the plain loop over all pixels would", () => {
    const skipping = new Canvas(grey(60, 50));
    skipping.outline(7.3, 9.6, 41.2, 30.9, [255, 255, 255], 3, 1, 4);
    const plain = new Canvas(grey(60, 50));
    // An outline equals the larger filled shape minus the smaller, with the same distance function, pixel by pixel.
    for (let y = 0; y < 50; y++)
      for (let x = 0; x < 60; x++) {
        const dx = Math.abs(x + 0.5 - 27.9) - 20.6 + 4;
        const dy = Math.abs(y + 0.5 - 25.05) - 15.45 + 4;
        const distance = Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - 4;
        plain.blend(x, y, [255, 255, 255], Math.min(1, Math.max(0, 2 - Math.abs(distance))));
      }
    for (let i = 0; i < plain.data.length; i++)
      expect(Math.abs(plain.data[i] - skipping.data[i])).toBeLessThanOrEqual(1);
  });

  it("takes boxes and tags at and beyond every edge", () => {
    for (const [x, y] of [
      [-20, -20],
      [90, 90],
      [-200, 10],
      [1e6, 5],
      [40, -5],
    ]) {
      const canvas = new Canvas(grey(100, 100));
      canvas.marks([{ x, y, width: 30, height: 40, colour: colourOf(1), label: "a long label that does not fit" }]);
      expect(canvas.data).toHaveLength(30000);
    }
  });

  it("writes text inside the box that measureText promises", () => {
    const text = "Agjq|W_0189 (é)";
    const { width, ascent, descent } = measureText(text, { size: 20 });
    let covered = 0;
    drawText(text, 10, 30, { size: 20 }, (x, y) => {
      covered++;
      expect(x).toBeGreaterThanOrEqual(10 - 4);
      expect(x).toBeLessThanOrEqual(10 + width + 4);
      expect(y).toBeGreaterThanOrEqual(30 - ascent - 4);
      expect(y).toBeLessThanOrEqual(30 + descent + 4);
    });
    expect(covered).toBeGreaterThan(500);
  });

  it("has a different shape for every printable ASCII character it knows, and one for all others", () => {
    const shapes = new Map<string, string>();
    for (let code = 33; code < 127; code++) {
      const points: string[] = [];
      drawText(String.fromCharCode(code), 10, 30, { size: 24 }, (x, y, alpha) => points.push(`${x},${y},${alpha}`));
      shapes.set(String.fromCharCode(code), points.join(";"));
    }
    const known = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;-_/|%#()[]+=*<>?!'\""];
    expect(new Set(known.map((character) => shapes.get(character))).size).toBe(
      known.length - (shapes.get("I") === shapes.get("l") ? 1 : 0),
    );
  });

  it("keeps colours apart and labels readable", () => {
    const colours = Array.from({ length: 40 }, (_, i) => colourOf(i));
    expect(new Set(colours.map(String)).size).toBe(40);
    expect(inkOn([255, 255, 0])).toEqual([16, 18, 24]);
    expect(inkOn([40, 40, 160])).toEqual([255, 255, 255]);
  });
});

describe("contact sheets", () => {
  it("place pictures in reading order with captions below", () => {
    const red: Picture = { ...grey(64, 32), data: new Uint8Array(64 * 32 * 3).map((_, i) => (i % 3 === 0 ? 255 : 0)) };
    const one: Picture = { width: 10, height: 10, channels: 1, data: new Uint8Array(100).fill(255) };
    const sheet = contactSheet([{ picture: red, caption: "first" }, { picture: one }, { picture: red }], {
      columns: 2,
      cellSize: 64,
      gap: 4,
    });
    expect([sheet.width, sheet.height]).toEqual([2 * 68 + 4, 2 * (64 + 14 + 4) + 4]);
    expect(pixel(sheet, 4 + 32, 4 + 32)).toEqual([255, 0, 0]);
    expect(pixel(sheet, 4 + 68 + 32, 4 + 32)).toEqual([255, 255, 255]);
    expect(pixel(sheet, 4 + 32, 4 + 82 + 32)).toEqual([255, 0, 0]);
    expect(pixel(sheet, 4 + 68 + 32, 4 + 82 + 32)).toEqual([24, 26, 32]);
    expect(contactSheet([]).width).toBeGreaterThan(0);
  });
});

describe("picture files", () => {
  it("come back from PNG bit for bit, from JPEG nearly", async () => {
    const picture: Picture = {
      width: 5,
      height: 3,
      channels: 3,
      data: Uint8Array.from({ length: 45 }, (_, i) => 100 + i),
    };
    await savePicture(join(folder, "a.png"), picture);
    expect(await readPicture(join(folder, "a.png"))).toEqual(picture);
    await savePicture(join(folder, "a.jpg"), picture, 95);
    const back = await readPicture(join(folder, "a.jpg"));
    expect(Math.max(...back.data.map((value, i) => Math.abs(value - picture.data[i])))).toBeLessThan(12);
    expect((await encodeJpeg(picture)).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
  });
  it("are read upright, grey as RGB, transparent on grey", async () => {
    const data = Buffer.from([255, 0, 0, 0, 0, 255]);
    await sharp(data, { raw: { width: 2, height: 1, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .png()
      .toFile(join(folder, "turned.png"));
    const turned = await readPicture(join(folder, "turned.png"));
    expect([turned.width, turned.height, ...turned.data]).toEqual([1, 2, 255, 0, 0, 0, 0, 255]);
    await sharp(Buffer.from([7, 9]), { raw: { width: 2, height: 1, channels: 1 } })
      .png()
      .toFile(join(folder, "grey.png"));
    expect([...(await readPicture(join(folder, "grey.png"))).data]).toEqual([7, 7, 7, 9, 9, 9]);
    await sharp(Buffer.from([7, 9, 11, 0]), { raw: { width: 1, height: 1, channels: 4 } })
      .png()
      .toFile(join(folder, "clear.png"));
    expect([...(await readPicture(join(folder, "clear.png"))).data]).toEqual([114, 114, 114]);
  });
  it("that are damaged are named", async () => {
    const jpeg = await encodeJpeg(grey(64, 64));
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 256);
    writeFileSync(join(folder, "cut.jpg"), (await encodeJpeg({ ...grey(64, 64), data: noise })).subarray(0, 2000));
    writeFileSync(join(folder, "text.jpg"), "not a picture");
    writeFileSync(join(folder, "good.jpg"), jpeg);
    for (const name of ["cut.jpg", "text.jpg", "absent.jpg"]) {
      const error = await readPicture(join(folder, name)).catch((e) => e);
      expect(error).toBeInstanceOf(PhinetsError);
      expect(error.message).toContain(join(folder, name));
      expect(error.message).not.toContain("\n");
    }
    expect((await readPicture(join(folder, "good.jpg"))).width).toBe(64);
  });
  it("are listed in natural order", () => {
    const many = join(folder, "many");
    mkdirSync(join(many, "sub.jpg"), { recursive: true });
    for (const name of ["frame10.jpg", "frame2.PNG", "frame1.jpg", "notes.txt", ".hidden.jpg"])
      writeFileSync(join(many, name), "");
    expect(listPictures(many).map((path) => basename(path))).toEqual(["frame1.jpg", "frame2.PNG", "frame10.jpg"]);
    expect(readFileSync(join(many, "notes.txt"), "utf8")).toBe("");
  });
});
