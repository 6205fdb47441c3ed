/** The C tracker compared with the library's: the same detections give the same tracks, to the last bit. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@phinets/core/tensor";
import { Sort, type TrackerBox } from "@phinets/core/tracking";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goldens } from "../../../../test/shared.js";
import { installed } from "../../../../test/tools.js";
import { firmwareSources } from "../firmware/build.js";
import { runTool } from "../host/tool.js";

const most = 32;
const trackBytes = 8 + 4 * 8;

/** Reads frames (int32 count, 4 bytes, corners) and writes, for each, int32 count, 4 bytes and the tracks. */
const main = `#include <stdio.h>
#include "phinets_track.h"
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  static phinets_tracker tracker;
  static phinets_corners boxes[256];
  static phinets_track tracks[PHINETS_MAX_TRACKS];
  int32_t head[2];
  phinets_tracker_start(&tracker);
  while (fread(head, 4, 2, in) == 2) {
    if (fread(boxes, sizeof boxes[0], (size_t)head[0], in) != (size_t)head[0]) return 3;
    head[0] = phinets_tracker_update(&tracker, boxes, head[0], tracks);
    fwrite(head, 4, 2, out);
    fwrite(tracks, sizeof tracks[0], (size_t)head[0], out);
  }
  return fclose(in) | fclose(out);
}
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-track-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasGcc = installed("gcc");

async function build(): Promise<void> {
  writeFileSync(join(folder, "main.c"), main);
  const track = join(firmwareSources, "track");
  const units = readdirSync(track).filter((name) => name.endsWith(".c"));
  // GNU C fuses products and sums on machines that can, unless the source forbids it.
  const flags = [
    "-std=gnu99",
    "-O2",
    "-march=native",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fsanitize=address,undefined",
    `-I${track}`,
  ];
  const sources = [join(folder, "main.c"), ...units.map((unit) => join(track, unit))];
  // No -lm: the tracker needs no library.
  const { stderr } = await runTool("gcc", [...flags, ...sources, "-o", join(folder, "track")]);
  expect(stderr).toBe("");
}

async function compare(frames: readonly (readonly TrackerBox[])[]): Promise<number> {
  const bytes = frames.map((boxes) => {
    const values = new Float64Array(boxes.flatMap(({ x1, y1, x2, y2 }) => [x1, y1, x2, y2]));
    return Buffer.concat([new Uint8Array(new Int32Array([boxes.length, 0]).buffer), new Uint8Array(values.buffer)]);
  });
  writeFileSync(join(folder, "frames.bin"), Buffer.concat(bytes));
  const [from, to] = [join(folder, "frames.bin"), join(folder, "tracks.bin")];
  expect(await runTool(join(folder, "track"), [from, to])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const file = readFileSync(to);
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const sort = new Sort({ maxTracks: most });
  let at = 0;
  let shown = 0;
  for (const boxes of frames) {
    const expected = sort.update(boxes);
    expect(view.getInt32(at, true)).toBe(expected.length);
    at += 8;
    for (const track of expected) {
      expect(view.getInt32(at, true)).toBe(track.id);
      const corners = [8, 16, 24, 32].map((offset) => view.getFloat64(at + offset, true));
      expect(corners).toEqual([track.x1, track.y1, track.x2, track.y2]);
      at += trackBytes;
    }
    shown += expected.length;
  }
  expect(at).toBe(file.length);
  return shown;
}

describe.skipIf(!hasGcc)("phinets_track", () => {
  beforeAll(build);

  test("crowds that appear, cross, overlap and vanish", async () => {
    let shown = 0;
    for (let seed = 0; seed < 6; seed++) {
      const random = new Random(seed, 21);
      const objects = Array.from({ length: 14 }, () => ({
        x: random.uniform(0, 200),
        y: random.uniform(0, 100),
        vx: random.uniform(-4, 4),
        vy: random.uniform(-3, 3),
        size: random.uniform(20, 60),
      }));
      const frames = Array.from({ length: 60 }, (_, frame) =>
        objects
          .filter(() => random.uniform() < 0.9)
          .map(({ x, y, vx, vy, size }) => {
            const [x1, y1] = [x + vx * frame + random.normal(), y + vy * frame + random.normal()];
            return { x1, y1, x2: x1 + size * random.uniform(0.9, 1.1), y2: y1 + 1.5 * size };
          }),
      );
      frames[30] = [];
      shown += await compare(frames);
    }
    expect(shown).toBeGreaterThan(500);
  });

  test("more detections than it has room for are left out, without a bad access", async () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ x1: 50 * i, y1: 0, x2: 50 * i + 30, y2: 30 }));
    const values = new Float64Array(many.flatMap(({ x1, y1, x2, y2 }) => [x1, y1, x2, y2]));
    const frame = Buffer.concat([new Uint8Array(new Int32Array([100, 0]).buffer), new Uint8Array(values.buffer)]);
    const [from, to] = [join(folder, "many.bin"), join(folder, "many-tracks.bin")];
    writeFileSync(from, Buffer.concat([frame, frame]));
    expect(await runTool(join(folder, "track"), [from, to])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(readFileSync(to).length).toBe(2 * (8 + most * trackBytes));
  });

  test("corners whose area or aspect is no number that the filter holds are none", async () => {
    // The library refuses each of them: too small, too large, too thin.
    const none = [
      [0, 0, 1e-200, 1e-200],
      [0, 0, 1e200, 1e200],
      [0, 0, 1e300, 1e-300],
    ];
    for (const [x1, y1, x2, y2] of none)
      expect(() => new Sort().update([{ x1, y1, x2, y2 }])).toThrow("corners must be");
    const bytes = new Uint8Array(new Float64Array(none.flat()).buffer);
    const frame = Buffer.concat([new Uint8Array(new Int32Array([none.length, 0]).buffer), bytes]);
    const [from, to] = [join(folder, "none.bin"), join(folder, "none-tracks.bin")];
    writeFileSync(from, Buffer.concat([frame, frame, frame]));
    expect(await runTool(join(folder, "track"), [from, to])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(readFileSync(to)).toEqual(Buffer.alloc(3 * 8));
  });

  test.skipIf(!goldens).each(["TUD-Campus", "ETH-Sunnyday", "PETS09-S2L1"])("real detections: %s", async (sequence) => {
    const frames: TrackerBox[][] = [];
    for (const line of readFileSync(`${goldens}/sort/det/${sequence}.txt`, "utf8").trim().split("\n")) {
      const [frame, , x1, y1, width, height] = line.split(",").map(Number);
      while (frames.length < frame) frames.push([]);
      if (frames[frame - 1].length < most) frames[frame - 1].push({ x1, y1, x2: x1 + width, y2: y1 + height });
    }
    expect(await compare(frames)).toBeGreaterThan(100);
  });
});

describe.skipIf(!hasGcc)("after years", () => {
  test("counters stay, ids begin again, and new boxes still wait to be shown", async () => {
    const program = `#include <stdio.h>
#include "phinets_track.h"
int main(void) {
  static phinets_tracker tracker;
  static phinets_track tracks[PHINETS_MAX_TRACKS];
  phinets_tracker_start(&tracker);
  tracker.frames = INT32_MAX - 2;
  tracker.born = INT32_MAX - 1;
  for (int frame = 0; frame < 8; frame++) {
    const phinets_corners boxes[] = {{10, 10, 30, 30}, {100, 100, 130, 130}};
    const int32_t shown = phinets_tracker_update(&tracker, boxes, 2, tracks);
    printf("%d:", shown);
    for (int32_t i = 0; i < shown; i++) printf(" %d", tracks[i].id);
    printf("\\n");
  }
  printf("%d\\n", tracker.frames == INT32_MAX);
  return 0;
}
`;
    const track = join(firmwareSources, "track");
    writeFileSync(join(folder, "years.c"), program);
    const units = readdirSync(track)
      .filter((name) => name.endsWith(".c"))
      .map((unit) => join(track, unit));
    const flags = ["-std=gnu99", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover", `-I${track}`];
    await runTool("gcc", [...flags, join(folder, "years.c"), ...units, "-o", join(folder, "years")], {});
    const { stdout } = await runTool(join(folder, "years"), [], {});
    const none = "0:\n";
    expect(stdout).toBe(`${none.repeat(3)}${`2: 1 ${2 ** 31 - 1}\n`.repeat(5)}1\n`);
  });
});
