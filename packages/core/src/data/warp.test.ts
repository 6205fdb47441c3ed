import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { augment } from "./augment.js";
import { erase } from "./erase.js";
import { drawOperations } from "./rand-augment.js";
import type { BoxLabel, Picture } from "./types.js";
import { compose, identity, rotation, warp, warpBoxes } from "./warp.js";

const size = { width: 90, height: 70 };

/** A white rectangle on black, away from the border, and its box. */
function scene(random: Random, channels = 1): { picture: Picture; label: BoxLabel } {
  const [w, h] = [16 + random.integer(24), 16 + random.integer(16)];
  const [left, top] = [20 + random.integer(20), 15 + random.integer(20)];
  const data = new Uint8Array(size.width * size.height * channels);
  for (let y = top; y < top + h; y++) {
    data.fill(255, (y * size.width + left) * channels, (y * size.width + left + w) * channels);
  }
  const label = { class: 0, x: (left + w / 2) / 90, y: (top + h / 2) / 70, width: w / 90, height: h / 70 };
  return { picture: { ...size, channels, data }, label };
}

function expectAround(picture: Picture, box: BoxLabel, tolerance: number): void {
  let [left, right, top, bottom] = [picture.width, 0, picture.height, 0];
  for (let i = 0; i < picture.data.length; i += picture.channels) {
    if (picture.data[i] < 64) continue;
    const at = i / picture.channels;
    const [x, y] = [at % picture.width, Math.floor(at / picture.width)];
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x + 1), Math.min(top, y), Math.max(bottom, y + 1)];
  }
  const [w, h] = [picture.width, picture.height];
  expect(Math.abs((box.x - box.width / 2) * w - left)).toBeLessThan(tolerance);
  expect(Math.abs((box.x + box.width / 2) * w - right)).toBeLessThan(tolerance);
  expect(Math.abs((box.y - box.height / 2) * h - top)).toBeLessThan(tolerance);
  expect(Math.abs((box.y + box.height / 2) * h - bottom)).toBeLessThan(tolerance);
}

describe("warp", () => {
  it("quarter turns move pixels exactly, clockwise", () => {
    const picture = { width: 2, height: 2, channels: 1, data: Uint8Array.of(10, 20, 30, 40) };
    expect([...warp(picture, rotation(90, picture), 0).data]).toEqual([30, 10, 40, 20]);
    expect([...warp(picture, rotation(-90, picture), 0).data]).toEqual([20, 40, 10, 30]);
    expect(warp(picture, rotation(0, picture), 0)).toBe(picture);
  });

  it("whole-pixel translations move pixels and fill, in between they mix", () => {
    const picture = { width: 3, height: 1, channels: 1, data: Uint8Array.of(10, 20, 30) };
    expect([...warp(picture, { ...identity, x0: 1 }, 7).data]).toEqual([7, 10, 20]);
    expect([...warp(picture, { ...identity, x0: -5 }, 7).data]).toEqual([7, 7, 7]);
    expect([...warp(picture, { ...identity, x0: -0.5 }, 0).data]).toEqual([15, 25, 15]);
  });

  it("composes: first one, then the other", () => {
    const turn = rotation(30, size);
    const there = compose(turn, rotation(-30, size));
    expect(there.xx).toBeCloseTo(1, 12);
    expect(there.x0).toBeCloseTo(0, 10);
    const moved = compose({ ...identity, x0: 3 }, turn);
    expect(moved.x0).toBeCloseTo(turn.x0 + 3 * turn.xx, 12);
  });

  it("boxes of turned pictures surround what they surrounded", () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = new Random(seed);
      const { picture, label } = scene(random, seed % 2 === 0 ? 1 : 3);
      const options = { rotateDegrees: 25, flip: 0.5, jitter: 0, hueDegrees: 0, saturation: 1, exposure: 1, fill: 0 };
      const out = augment(picture, [label], options, random, size);
      expectAround(out.picture, out.labels[0], 2);
    }
  });

  it("boxes follow RandAugment's moves", () => {
    let moves = 0;
    for (let seed = 0; seed < 60; seed++) {
      const random = new Random(seed);
      const { picture, label } = scene(random);
      const { move } = drawOperations(5, identity, size, random);
      if (move !== identity) moves++;
      const [box] = warpBoxes([label], size, move, 0, 0);
      expectAround(warp(picture, move, 0), box, 2);
    }
    expect(moves).toBeGreaterThan(20);
  });

  it("boxes follow zoom and shift", () => {
    const widths: number[] = [];
    for (let seed = 0; seed < 40; seed++) {
      const random = new Random(seed);
      const { picture, label } = scene(random);
      const still = { jitter: 0, hueDegrees: 0, saturation: 1, exposure: 1, fill: 0, minVisible: 0 };
      const out = augment(picture, [label], { ...still, zoom: 1.3, shift: 0.1 }, random, size);
      expectAround(out.picture, out.labels[0], 1.6);
      if (out.labels[0].x + out.labels[0].width / 2 < 1) widths.push(out.labels[0].width / label.width);
    }
    expect(Math.min(...widths)).toBeGreaterThanOrEqual(1 / 1.3 - 1e-9);
    expect(Math.min(...widths)).toBeLessThan(0.87);
    expect(Math.max(...widths)).toBeLessThanOrEqual(1.3 + 1e-9);
    expect(Math.max(...widths)).toBeGreaterThan(1.15);
  });
});

describe("random erasing", () => {
  it("covers 2 to 20 % with noise, leaves the rest, drops covered boxes", () => {
    const boxes: BoxLabel[] = [0.25, 0.75].flatMap((x) =>
      [0.25, 0.75].map((y) => ({ class: 0, x, y, width: 0.1, height: 0.1 })),
    );
    let dropped = 0;
    for (let seed = 0; seed < 60; seed++) {
      const [width, height] = [100, 80];
      const picture = { width, height, channels: 3, data: new Uint8Array(width * height * 3) };
      const kept = erase(picture, boxes, 0.25, new Random(seed));
      const touched = new Uint8Array(width * height);
      for (let i = 0; i < touched.length; i++)
        touched[i] = picture.data.subarray(3 * i, 3 * i + 3).some((v) => v) ? 1 : 0;
      const share = touched.reduce((sum, v) => sum + v, 0) / touched.length;
      expect(share).toBeGreaterThan(0.017);
      expect(share).toBeLessThan(0.21);
      for (const box of boxes) {
        let covered = 0;
        for (let y = (box.y - 0.05) * height; y < (box.y + 0.05) * height - 0.5; y++) {
          for (let x = (box.x - 0.05) * width; x < (box.x + 0.05) * width - 0.5; x++)
            covered += touched[Math.round(y) * width + Math.round(x)];
        }
        if (Math.abs(covered - 60) < 2) continue; // close to the limit of 75 % of 80 pixels
        expect(kept.includes(box)).toBe(covered < 60);
        if (covered >= 60) dropped++;
      }
    }
    expect(dropped).toBeGreaterThan(5);
  });
});
