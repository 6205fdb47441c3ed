/**
 * Builds the applications' common code on a PC, with a camera that shows one picture, and compares it with the library.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Picture, writeInputInt8 } from "@phinets/core/data";
import { Follower, modelOptions, wireMessagesOf } from "@phinets/core/export";
import { IntegerEngine } from "@phinets/core/inference";
import { loadModel, type Model } from "@phinets/core/model";
import { Sort } from "@phinets/core/tracking";
import { encodeWire, type WireMessage } from "@phinets/core/wire";
import { expect } from "vitest";
import { makeRun } from "../make-run.js";
import { phinets } from "../road-tools.js";

const apps = fileURLToPath(new URL("../../docs/apps", import.meta.url));
const side = 128;

/** The 8-bit colours of an RGB565 pixel: its bits, with the highest repeated below. */
const coloursOf = (pixel: number): number[] => {
  const [r, g, b] = [pixel >> 11, (pixel >> 5) & 63, pixel & 31];
  return [(r << 3) | (r >> 2), (g << 2) | (g >> 4), (b << 3) | (b >> 2)];
};

/** The bytes that a board sends that sees one picture `frames` times: its rows, boxes and tracks. */
function sentBy({ network, classes, recipe }: Model, picture: Picture, frames: number): Buffer {
  const { width, height, data } = picture;
  const quantized = recipe.parts.quantized!;
  const [engine, follower] = [new IntegerEngine(quantized), new Follower(quantized, modelOptions(network).detector!)];
  const input = new Int8Array(data.length);
  writeInputInt8(data, input);
  const hello = { type: "hello", name: "people", classes, width, height, intervalUs: 0 } as const;
  const messages = Array.from({ length: frames }, (_, frame): WireMessage[] => {
    const rows = Array.from({ length: height }, (_, y): WireMessage => {
      const row = data.subarray(y * width * 3, (y + 1) * width * 3);
      return { type: "row", frame, y, width, height, pixels: "rgb888", data: row };
    });
    const followed = follower.next(engine.run(input));
    return [...rows, ...(frame === 0 ? [hello] : []), ...wireMessagesOf(followed, frame, { width, height })];
  });
  return Buffer.concat([Buffer.of(0), ...messages.flat().map(encodeWire)]);
}

/**
 * Builds and runs the application in `folder`, with whole pictures and by rows, and compares its lines; and its wire
 * messages where it is built to send them.
 */
export async function compareApplication(folder: string): Promise<void> {
  const run = join(folder, "run");
  makeRun(run);
  const model = await loadModel((name) => new Uint8Array(readFileSync(join(run, name))), { on: "int8" });
  const { width, height } = model.input;
  const pixels = Uint16Array.from({ length: side * side }, (_, i) => Math.imul(i ^ (i >> 5), 2654435761) >>> 12);
  const bytes = Buffer.alloc(2 * pixels.length);
  for (const [i, pixel] of pixels.entries()) bytes.writeUInt16BE(pixel, 2 * i);
  writeFileSync(join(folder, "picture"), bytes);

  // The mean of the camera's pixels in each cell of the input, rounded half up.
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [top, bottom] = [y, y + 1].map((n) => Math.floor((n * side) / height));
      const [left, right] = [x, x + 1].map((n) => Math.floor((n * side) / width));
      const cell = [];
      for (let row = top; row < bottom; row++) cell.push(...pixels.subarray(row * side + left, row * side + right));
      for (let c = 0; c < 3; c++) {
        const sum = cell.reduce((all, pixel) => all + coloursOf(pixel)[c], 0);
        data[(y * width + x) * 3 + c] = Math.floor(sum / cell.length + 0.5);
      }
    }
  const tracker = model.track(new Sort());
  const wanted = [0, 1, 2].flatMap(() =>
    tracker.update({ width, height, channels: 3, data }).map(({ id, name, score = 0, ...box }) => {
      const corners = [box.x1 / width, box.y1 / height, box.x2 / width, box.y2 / height];
      return [id, name, Math.trunc(100 * score), ...corners.map((part) => Math.trunc(part * side) + 0)].join(" ");
    }),
  );
  expect(wanted.length).toBeGreaterThan(3);

  for (const input of ["whole", "rows"]) {
    const out = join(folder, input);
    const { exitCode, stderr } = await phinets("export", "--model", run, "--input", input, "--out", out);
    expect(exitCode, stderr).toBe(0);
    for (const part of ["common", "simulated"])
      for (const file of readdirSync(join(apps, part))) copyFileSync(join(apps, part, file), join(out, file));
    const sources = readdirSync(out).filter((file) => file.endsWith(".c"));
    execFileSync("cc", ["-Wall", "-Wextra", "-Werror", ...sources, "-o", "people"], { cwd: out });
    const printed = execFileSync(join(out, "people"), [join(folder, "picture"), "3"], { encoding: "utf8" });
    expect(printed.trim().split("\r\n"), input).toEqual(wanted);
    const wired = ["-DPHINETS_WIRE", "-DPHINETS_WIRE_PICTURES", "-o", "sends"];
    execFileSync("cc", ["-Wall", "-Wextra", "-Werror", ...sources, ...wired], { cwd: out });
    const sent = execFileSync(join(out, "sends"), [join(folder, "picture"), "3"]);
    expect(sent.equals(sentBy(model, { width, height, channels: 3, data }, 3)), input).toBe(true);
  }
}
