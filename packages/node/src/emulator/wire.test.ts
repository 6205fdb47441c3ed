/** A board's messages: the C sender's bytes equal the library's, and so do an emulated board's tracks. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FollowedFrame, Follower, wireMessagesOf } from "@phinets/core/export";
import { IntegerInterpreter } from "@phinets/core/inference";
import { classNames } from "@phinets/core/networks";
import { loadBoard } from "@phinets/core/target";
import { Random } from "@phinets/core/tensor";
import { encodeWire, WireDecoder, type WireMessage } from "@phinets/core/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clip, height, randomDetector, width } from "../../../../test/random-detector.js";
import { installed } from "../../../../test/tools.js";
import { firmwareSources } from "../firmware/build.js";
import { runTool } from "../host/tool.js";
import { emulatedLine } from "./line.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-wire-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const decoded = (bytes: Uint8Array): { messages: WireMessage[]; errors: object } => {
  const decoder = new WireDecoder();
  return { messages: decoder.push(bytes), errors: decoder.errors };
};
const noErrors = { damaged: 0, long: 0, version: 0, malformed: 0 };
const bytesOf = (messages: readonly WireMessage[]) => Buffer.concat(messages.map(encodeWire));

/**
 * Reads frames from a file: int32 boxes, int32 tracks, the structs; then sends rows of each kind with counting bytes.
 */
const main = `#include <stdio.h>
#include <string.h>
#include "phinets_wire.h"
static FILE *out;
static void put(uint8_t byte) { fputc(byte, out); }
int main(int argc, char **argv) {
  static phinets_follower f;
  static phinets_wire wire;
  static uint8_t pixels[3 * 1360];
  static int8_t row[3 * 48];
  static char name[100];
  const char *classes[300];
  FILE *in = fopen(argv[1], "rb");
  out = fopen(argv[argc - 1], "wb");
  memset(name, 'n', 62);
  strcpy(name + 62, "\\xc3\\xb6 and more");
  for (int i = 0; i < 300; i++) classes[i] = i % 2 == 0 ? "screw" : "nut, M8 or so, of steel";
  phinets_wire_info info = {name, classes, 300, 48, 40, 40000};
  phinets_wire_start(&wire, put);
  phinets_wire_hello(&wire, &info);
  int32_t counts[2];
  for (uint32_t frame = 0; fread(counts, 4, 2, in) == 2; frame++) {
    f.box_count = counts[0], f.track_count = counts[1];
    if (fread(f.boxes, sizeof f.boxes[0], (size_t)counts[0], in) != (size_t)counts[0]) return 3;
    if (fread(f.tracks, sizeof f.tracks[0], (size_t)counts[1], in) != (size_t)counts[1]) return 3;
    phinets_wire_found(&wire, &info, frame, &f);
  }
  for (int i = 0; i < (int)sizeof pixels; i++) pixels[i] = (uint8_t)(i % 700 < 255 ? 1 + i % 255 : i);
  for (int i = 0; i < (int)sizeof row; i++) row[i] = (int8_t)(i - 128 < 128 ? i - 128 : 127);
  info.width = 1360;
  phinets_wire_row(&wire, &info, 0xFFFFFFFF, 39, PHINETS_WIRE_RGB888, pixels);
  phinets_wire_row(&wire, &info, 1, 0, PHINETS_WIRE_RGB565, pixels);
  phinets_wire_row(&wire, &info, 1, 1, PHINETS_WIRE_GREY, pixels);
  info.width = 1361;
  phinets_wire_row(&wire, &info, 1, 1, PHINETS_WIRE_GREY, pixels);
  info.width = 48;
  phinets_wire_input_row(&wire, &info, 2, 7, 3, row);
  phinets_wire_input_row(&wire, &info, 2, 7, 1, row);
  phinets_wire_input_row(&wire, &info, 2, 7, 2, row);
  return fclose(in) | fclose(out);
}
`;

describe.skipIf(!installed("gcc"))("on the host", () => {
  test("the sender's bytes are the library's", async () => {
    const random = new Random(3, 1);
    const picture = { width: 48, height: 40 };
    const frames = [0, 1, 7, 256].map((count): FollowedFrame => {
      // Also far outside, where the format's range ends; ties are rounded upwards.
      const draw = () =>
        random.uniform() < 0.1 ? random.uniform(-90, 90) : (random.integer(4000) - 1000) / (random.integer(2) + 1999);
      const boxes = Array.from({ length: count }, () => ({
        ...{ x: draw(), y: draw(), width: draw(), height: draw() },
        ...{ score: random.uniform() < 0.2 ? random.integer(2) : random.uniform(), class: random.integer(300) },
      }));
      const tracks = boxes.slice(0, 32).map(({ class: index, score }, i) => ({
        ...{ id: i === 0 ? 2 ** 31 - 1 : i, class: index, score },
        ...{ x1: draw(), y1: draw(), x2: draw(), y2: draw() },
      }));
      return { boxes, tracks };
    });
    const parts = frames.flatMap(({ boxes, tracks }) => [
      Int32Array.of(boxes.length, tracks.length),
      ...boxes.flatMap(({ x, y, width, height, score, class: index }) => [
        Float64Array.of(x, y, width, height, score),
        Int32Array.of(index, 0),
      ]),
      ...tracks.flatMap(({ id, x1, y1, x2, y2 }, i) => [Int32Array.of(id, i), Float64Array.of(x1, y1, x2, y2)]),
    ]);
    writeFileSync(join(folder, "in.bin"), Buffer.concat(parts.map((part) => new Uint8Array(part.buffer))));
    writeFileSync(join(folder, "main.c"), main);
    const warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Werror"];
    const flags = ["-std=c99", "-O1", ...warnings, "-fsanitize=address,undefined", "-fno-sanitize-recover"];
    const includes = ["detect", "track", "follow", "wire"].map((part) => `-I${join(firmwareSources, part)}`);
    const sources = ["main.c", join(firmwareSources, "wire/phinets_wire.c")];
    const built = await runTool("gcc", [...flags, ...includes, ...sources, "-o", "wire"], { cwd: folder });
    expect(built).toMatchObject({ exitCode: 0, stderr: "" });
    const run = await runTool("./wire", ["in.bin", "out.bin"], { cwd: folder });
    expect(run).toEqual({ exitCode: 0, stdout: "", stderr: "" });

    const file = readFileSync(join(folder, "out.bin"));
    const { messages, errors } = decoded(file);
    expect(errors).toEqual(noErrors);
    const hello = messages[0] as Extract<WireMessage, { type: "hello" }>;
    // Names are cut before a character that does not fit; classes as far as there is room.
    expect(hello).toMatchObject({ name: "n".repeat(62), width: 48, height: 40, intervalUs: 40000 });
    expect(hello.classes).toEqual(
      Array.from({ length: hello.classes.length }, (_, i) => (i % 2 === 0 ? "screw" : "nut, M8 or so, of steel")),
    );
    const room = 4096 - 2 - 2 - 10 - 62 - hello.classes.reduce((sum, name) => sum + 1 + name.length, 0);
    expect([hello.classes.length === 255, room >= 0, room < 24]).not.toEqual([false, true, false]);
    const pixels = Uint8Array.from({ length: 3 * 1360 }, (_, i) => (i % 700 < 255 ? 1 + (i % 255) : i & 255));
    const input = Uint8Array.from({ length: 3 * 48 }, (_, i) => i);
    const row = { type: "row", width: 1360, height: 40 } as const;
    const small = { type: "row", frame: 2, y: 7, width: 48, height: 40 } as const;
    const expected: WireMessage[] = [
      hello,
      ...frames.flatMap((frame, i) => wireMessagesOf(frame, i, picture)),
      { ...row, frame: 2 ** 32 - 1, y: 39, pixels: "rgb888", data: pixels },
      { ...row, frame: 1, y: 0, pixels: "rgb565", data: pixels.subarray(0, 2720) },
      { ...row, frame: 1, y: 1, pixels: "grey", data: pixels.subarray(0, 1360) },
      { ...small, pixels: "rgb888", data: input },
      { ...small, pixels: "grey", data: input.subarray(0, 48) },
    ];
    expect(file.equals(Buffer.concat([Buffer.of(0), bytesOf(expected)]))).toBe(true);
  }, 30_000);
});

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("on the emulated core", () => {
  const picture = { width, height };

  /** The library's results for a clip, as a board's messages. */
  function expectedOf(seed: number, frames: readonly Int8Array[], pictures: boolean) {
    const { q, detector } = randomDetector(seed, 0.6);
    const [interpreter, follower] = [new IntegerInterpreter(q), new Follower(q, detector)];
    const hello = {
      type: "hello",
      name: 'nuts "ö"',
      classes: classNames(detector.head),
      ...picture,
      intervalUs: 0,
    } as const;
    let shown = 0;
    const messages = frames.flatMap((input, frame): WireMessage[] => {
      const followed = follower.next(interpreter.run(input));
      shown += followed.tracks.length;
      const rows = Array.from({ length: pictures ? height : 0 }, (_, y): WireMessage => {
        const data = Uint8Array.from(input.subarray(y * width * 3, (y + 1) * width * 3), (value) => value + 128);
        return { type: "row", frame, y, ...picture, pixels: "rgb888", data };
      });
      return [...rows, ...(frame % 32 === 0 ? [hello] : []), ...wireMessagesOf(followed, frame, picture)];
    });
    return { q, detector, messages, shown };
  }

  async function lineOf(...[q, frames, options]: Parameters<typeof emulatedLine>): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of emulatedLine(q, frames, { name: 'nuts "ö"', ...options })) parts.push(part);
    return Buffer.concat(parts);
  }

  test("the board's own application sends the library's boxes and tracks, and its frames", async () => {
    const frames = clip(34, 5);
    const { q, detector, messages, shown } = expectedOf(5, frames, true);
    const bytes = await lineOf(q, frames, { detector, pictures: true });
    // Compared as numbers, in the format's steps, and then byte by byte.
    const rounded = decoded(bytesOf(messages));
    expect(rounded.errors).toEqual(noErrors);
    expect(decoded(bytes)).toEqual(rounded);
    expect(bytes.equals(Buffer.concat([Buffer.of(0), bytesOf(messages)]))).toBe(true);
    expect(shown).toBeGreaterThan(50);
  }, 120_000);

  test.each(["rp2040", "nrf52840", "rp2350", "stm32n657"])(
    "so does that of %s, with rows that are pushed, twice",
    async (name) => {
      const frames = clip(5, 5);
      const { q, detector, messages } = expectedOf(5, [...frames, ...frames], false);
      const bytes = await lineOf(q, frames, { detector, target: loadBoard(name), input: "rows", times: 2 });
      expect(bytes.equals(Buffer.concat([Buffer.of(0), bytesOf(messages)]))).toBe(true);
    },
    120_000,
  );

  test("it ends with who reads it", async () => {
    const { q, detector } = randomDetector(5, 0.6);
    const stop = new AbortController();
    const decoder = new WireDecoder();
    let seen = 0;
    for await (const part of emulatedLine(q, clip(3, 5), { detector, times: 0, signal: stop.signal })) {
      seen += decoder.push(part).length;
      if (seen > 20) stop.abort();
    }
    expect(stop.signal.aborted).toBe(true);
    await expect(lineOf(q, [], { detector })).rejects.toThrow(/0 inputs for the emulated board/);
  }, 120_000);
});
