/**
 * Detection and tracking of a clip, from pixels to ids: C on the host and on the emulated Cortex-M7, compared with the
 * library.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CDetector, emitC, type FollowedFrame, Follower, firmwareLimits } from "@phinets/core/export";
import { IntegerInterpreter } from "@phinets/core/inference";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { loadBoard } from "@phinets/core/target";
import { Sort, type Track } from "@phinets/core/tracking";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clip, height, randomDetector, width } from "../../../../test/random-detector.js";
import { randomInput } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { buildFirmware, firmwareSources, writeFirmware } from "../firmware/build.js";
import { writeBundle } from "../firmware/bundle.js";
import { readElf, symbolBytes, symbolOf } from "../firmware/elf.js";
import { runTool } from "../host/tool.js";
import { emulate, emulateTracks } from "./emulate.js";
import { differingFrames } from "./follow.js";
import { machineOfCore } from "./machines.js";
import { inputsPerRun, readTracks, runQemu } from "./qemu.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-follow-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function library(q: QuantizedNetwork, detector: CDetector, frames: readonly Int8Array[]): FollowedFrame[] {
  const [interpreter, follower] = [new IntegerInterpreter(q), new Follower(q, detector)];
  return frames.map((frame) => follower.next(interpreter.run(frame)));
}

/** The host's program: reads frames and writes the same output as the emulated program. */
const main = `#include <stdio.h>
#include "phinets_model.h"
#include "phinets_follow.h"
static int8_t input[PHINETS_INPUT_BYTES], output[PHINETS_OUTPUT_BYTES];
static phinets_follower f;
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  phinets_follow_start(&f);
  while (fread(input, 1, sizeof input, in) == sizeof input) {
    phinets_run(input, output);
    phinets_follow(&f, &phinets_head, output, PHINETS_SCORE_THRESHOLD, PHINETS_NMS_IOU);
    const int32_t counts[2] = {f.box_count, f.track_count};
    fwrite(counts, 4, 2, out);
    fwrite(f.boxes, sizeof f.boxes[0], (size_t)f.box_count, out);
    fwrite(f.tracks, sizeof f.tracks[0], (size_t)f.track_count, out);
  }
  return fclose(in) | fclose(out);
}
`;

test("the library's limits are the firmware's", () => {
  const macro = (file: string, name: string) =>
    Number(new RegExp(`#define ${name} (\\d+)`).exec(readFileSync(join(firmwareSources, file), "utf8"))![1]);
  expect(macro("follow/phinets_follow.h", "PHINETS_MAX_BOXES")).toBe(firmwareLimits.boxes);
  expect(macro("track/phinets_track.h", "PHINETS_MAX_TRACKS")).toBe(firmwareLimits.tracks);
});

test("one bit more is a difference", () => {
  const { q, detector } = randomDetector(5, 0.5);
  const frames = library(q, detector, clip(8, 1));
  const changed = structuredClone(frames) as unknown as { tracks: { x1: number; id: number }[] }[];
  const at = frames.findIndex(({ tracks }) => tracks.length > 0);
  expect(differingFrames(frames, changed as unknown as FollowedFrame[])).toBe(0);
  changed[at].tracks[0].x1 *= 1 + 2 ** -52;
  expect(differingFrames(frames, changed as unknown as FollowedFrame[])).toBe(1);
  expect(differingFrames(frames, frames.slice(0, -2))).toBe(2);
});

test("tracks of fractions, times the picture's size, are the tracks of pixels", () => {
  const { q, detector } = randomDetector(5, 0.5);
  const sort = new Sort();
  // Powers of two, so that nothing is rounded.
  const [pictureWidth, pictureHeight] = [512, 256];
  const scaled = <T extends Pick<Track, "x1" | "y1" | "x2" | "y2">>(boxes: readonly T[]): T[] =>
    boxes.map((box) => ({
      ...box,
      ...{ x1: box.x1 * pictureWidth, x2: box.x2 * pictureWidth },
      ...{ y1: box.y1 * pictureHeight, y2: box.y2 * pictureHeight },
    }));
  let shown = 0;
  for (const { boxes, tracks } of library(q, detector, clip(30, 2))) {
    const corners = boxes.map(({ x, y, width, height, score, class: index }) => ({
      ...{ x1: x, y1: y, x2: x + width, y2: y + height, score, class: index },
    }));
    expect(sort.update(scaled(corners))).toEqual(scaled(tracks));
    shown += tracks.length;
  }
  expect(shown).toBeGreaterThan(100);
});

describe.skipIf(!installed("gcc"))("on the host", () => {
  // With a threshold of 0 there are more boxes than tracks can hold.
  test.each([
    [0, 0.5],
    [6, 0.5],
    [7, 0],
  ])("random detector %i at %f tracks as the library, bit for bit", async (seed, threshold) => {
    const { q, detector } = randomDetector(seed, threshold);
    const frames = clip(40, seed);
    const where = join(folder, `host${seed}`);
    writeFirmware(where, emitC(q, { detector }));
    writeFileSync(join(where, "boards/host/main.c"), main);
    const program = await buildFirmware(where, "host", { sanitize: true });
    const [from, to] = [join(where, "frames.bin"), join(where, "tracks.bin")];
    writeFileSync(from, Buffer.concat(frames.map((frame) => new Uint8Array(frame.buffer))));
    expect(await runTool(program, [from, to])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const expected = library(q, detector, frames);
    expect(readTracks(readFileSync(to))).toEqual(expected);
    expect(expected.reduce((sum, { tracks }) => sum + tracks.length, 0)).toBeGreaterThan(40);
    const most = Math.max(...expected.map(({ boxes }) => boxes.length));
    expect(most).toBeGreaterThan(threshold === 0 ? 100 : 5);
  });
});

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("on the emulated Cortex-M7", () => {
  test("tracks a clip as the library does, and counts what that takes", async () => {
    const { q, detector } = randomDetector(5, 0.6);
    const frames = clip(30, 5);
    const where = join(folder, "qemu");
    const result = await emulate(q, frames, { detector, folder: where, tracks: true });
    const { tracking, target } = result;
    expect(result.matchesInterpreter).toBe(true);
    expect(tracking).toMatchObject({ frames: 30, tracksMatch: true, differingFrames: 0 });
    const expected = library(q, detector, frames);
    expect(tracking!.boxes).toBe(expected.reduce((sum, { boxes }) => sum + boxes.length, 0));
    expect(tracking!.tracks).toBe(new Set(expected.flatMap(({ tracks }) => tracks.map(({ id }) => id))).size);
    expect(tracking!.tracks).toBeGreaterThan(2);
    expect(tracking!.instructions).toBeGreaterThan(1000);
    expect(tracking!.instructions).toBeLessThan(500_000);

    // The same program without tracking: its instructions are the network's alone.
    const program = { path: join(where, "build/emulated-mps2-an500.elf"), machine: machineOfCore("cortex-m7")! };
    const plain = await runQemu(program, frames.slice(0, 2), 5 * 6 * 14);
    expect(plain.followed).toBeUndefined();
    expect(Math.abs(plain.instructions[0] / result.instructions - 1)).toBeLessThan(0.02);
    // Another clip gives other tracks.
    const other = library(q, detector, clip(30, 6));
    expect((await emulateTracks(program, q, frames, other)).tracksMatch).toBe(false);

    // In the chip's image the tracker lies in DTCM with the stack, and only the arena in AXI SRAM.
    const path = join(where, "build/stm32h743.elf");
    const elf = readElf(readFileSync(path), path);
    const follower = elf.symbols.find(({ name }) => name === "follower")!;
    expect(follower.bytes).toBeGreaterThan(15_000);
    const [dtcm, axi] = ["DTCM", "AXI_SRAM"].map((name) => target.regions.find(({ region }) => region === name)!);
    expect(follower.address - 0x20000000).toBeLessThan(dtcm.usedBytes);
    expect(dtcm.usedBytes).toBeGreaterThan(follower.bytes + 16 * 1024);
    expect(axi.usedBytes - symbolBytes(elf, "phinets_arena", path)).toBeLessThan(16);
    expect(dtcm.usedBytes + axi.usedBytes).toBe(target.ramBytes);
  }, 30_000);

  test.each([
    ["the README's", () => /```c\n([\s\S]+?)```/.exec(readFileSync(join(firmwareSources, "README.md"), "utf8"))![1]],
    ["the board's", () => readFileSync(join(firmwareSources, "boards/stm32h743/app.c"), "utf8")],
  ])("%s example links for the chip, its hooks in place of the weak ones", async (name, text) => {
    const { q, detector } = randomDetector(5, 0.6);
    const where = join(folder, name);
    writeFirmware(where, emitC(q, { detector }));
    writeFileSync(join(where, "model/app.c"), text());
    const path = await buildFirmware(where, loadBoard("stm32h743"));
    const elf = readElf(readFileSync(path), path);
    const own = elf.symbols.find((symbol) => symbol.name === (name === "the board's" ? "camera" : "parts"))!;
    expect(own.bytes).toBe(name === "the board's" ? 2 * 320 * 240 : 4);
    if (name === "the board's") expect(own.address).toBe(0x30000000);
  });

  test.skipIf(!installed("cmake")).each([
    ["phinets", "whole", "phinets_arena", 0x24000000],
    // Without a whole picture everything fits the fastest bank.
    ["nuts", "rows", "nuts_arena_DTCM", 0x20000000],
  ] as const)(
    "the folder of %s, input %s, builds with CMake for the chip",
    async (name, input, arena, address) => {
      const { q, detector } = randomDetector(5, 0.6);
      const where = join(folder, `exported-${name}`);
      writeBundle(where, q, { detector, name, input });
      const configured = ["-B", "build", "-DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake"];
      expect(await runTool("cmake", configured, { cwd: where })).toMatchObject({ exitCode: 0, stderr: "" });
      expect(await runTool("cmake", ["--build", "build"], { cwd: where })).toMatchObject({ exitCode: 0, stderr: "" });
      const path = join(where, "build/stm32h743.elf");
      const elf = readElf(readFileSync(path), path);
      expect(elf.symbols.find((symbol) => symbol.name === "camera")!.address).toBe(0x30000000);
      expect(elf.symbols.find((symbol) => symbol.name === "Reset_Handler")).toBeDefined();
      expect(symbolOf(elf, arena, path).address).toBe(address);
      for (const library of [`lib${name}_model.a`, "libphinets_kernels.a"])
        expect(existsSync(join(where, "build", library))).toBe(true);
    },
    120_000,
  );

  test("a network that is no detector has nothing to track, and a clip has to fit", async () => {
    const { q, detector } = randomDetector(1, 0.4);
    await expect(emulate(q, [randomInput(q, 1)], { tracks: true })).rejects.toThrow("the network is no detector");
    const frames = new Array<Int8Array>(inputsPerRun(height * width * 3) + 1).fill(randomInput(q, 1));
    await expect(
      emulateTracks({ path: "x.elf", machine: machineOfCore("cortex-m7")! }, q, frames, library(q, detector, [])),
    ).rejects.toThrow("bytes for inputs; track 2912 at most");
  });
});
