/** What a board sends: the C sender's bytes are the library's, and an emulated board's tracks are the library's. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitC, linkerScript } from "@phinets/core/export";
import { IntegerInterpreter } from "@phinets/core/inference";
import { loadBoard } from "@phinets/core/target";
import { Random } from "@phinets/core/tensor";
import { encodeWire, WireDecoder, type WireMessage } from "@phinets/core/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clip, height, randomDetector, width } from "../../../../test/random-detector.js";
import { installed } from "../../../../test/tools.js";
import { firmwareSources, link, writeFirmware } from "../firmware/build.js";
import { runTool } from "../host/tool.js";
import { type FollowedFrame, Follower } from "./follow.js";
import { emulatedFor } from "./machines.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-wire-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A frame of the library as the two messages that the firmware sends. */
function messagesOf({ boxes, tracks }: FollowedFrame, frame: number, picture: { width: number; height: number }) {
  const pixels = (x1: number, y1: number, x2: number, y2: number) => ({
    ...{ x1: x1 * picture.width, y1: y1 * picture.height },
    ...{ x2: x2 * picture.width, y2: y2 * picture.height },
  });
  return [
    {
      ...{ type: "boxes" as const, frame },
      boxes: boxes.map(({ x, y, width, height, score, class: index }) => ({
        ...pixels(x, y, x + width, y + height),
        ...{ class: index, score },
      })),
    },
    {
      ...{ type: "tracks" as const, frame },
      tracks: tracks.map(({ id, x1, y1, x2, y2, class: index, score }) => ({
        ...{ id, ...pixels(x1, y1, x2, y2) },
        ...{ class: index!, score: score! },
      })),
    },
  ];
}

const decoded = (bytes: Uint8Array): { messages: WireMessage[]; errors: object } => {
  const decoder = new WireDecoder();
  return { messages: decoder.push(bytes), errors: decoder.errors };
};
const noErrors = { damaged: 0, long: 0, version: 0, malformed: 0 };
const bytesOf = (messages: readonly WireMessage[]) => Buffer.concat(messages.map(encodeWire));

/** Frames from a file: int32 boxes, int32 tracks, the structs; then a row of each kind, of the bytes that count up. */
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
      // Far outside too, where steps end; halves of a step are rounded upwards.
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
    // Cut before the character that would be cut in two; as many classes as there is room for.
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
      ...frames.flatMap((frame, i) => messagesOf(frame, i, picture)),
      { ...row, frame: 2 ** 32 - 1, y: 39, pixels: "rgb888", data: pixels },
      { ...row, frame: 1, y: 0, pixels: "rgb565", data: pixels.subarray(0, 2720) },
      { ...row, frame: 1, y: 1, pixels: "grey", data: pixels.subarray(0, 1360) },
      { ...small, pixels: "rgb888", data: input },
      { ...small, pixels: "grey", data: input.subarray(0, 48) },
    ];
    expect(file.equals(Buffer.concat([Buffer.of(0), bytesOf(expected)]))).toBe(true);
  }, 30_000);
});

/** A clip in the emulated memory, UART 0 of QEMU's MPS2 AN500, and the end by semihosting. */
const application = `#include "phinets_model.h"
#include "phinets_follow.h"
#define REGISTER(address) (*(volatile uint32_t *)(address))
#define FRAMES 0x60000000
enum { UART = 0x40004000 };
void phinets_write(uint8_t byte) {
  while (REGISTER(UART + 4) & 1) {
  }
  REGISTER(UART) = byte;
}
int phinets_frame(int8_t *input) {
  static uint32_t frame;
  if (frame == 0) {
    REGISTER(UART + 16) = 16;
    REGISTER(UART + 8) = 1;
  }
  if (frame == REGISTER(FRAMES)) {
    const uint32_t block[] = {0x20026, 0};
    register int r0 __asm__("r0") = 0x20;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  }
  const int8_t *from = (const int8_t *)FRAMES + 16 + frame++ * PHINETS_INPUT_BYTES;
  for (int32_t i = 0; i < PHINETS_INPUT_BYTES; i++) input[i] = from[i];
  return 1;
}
`;

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("on the emulated Cortex-M7", () => {
  test("the UART of the board's own application says the library's boxes and tracks, and shows its frames", async () => {
    const { q, detector } = randomDetector(5, 0.6);
    const board = loadBoard("stm32h743");
    const where = join(folder, "m7");
    writeFirmware(where, emitC(q, { detector }));
    writeFileSync(join(where, "model/app.c"), application);
    const { machine } = emulatedFor(board);
    const target = { ...board, name: "wire", regions: machine.regions, flashBytes: machine.regions[0].bytes };
    const flags = ["-DPHINETS_WIRE", "-DPHINETS_WIRE_PICTURES", '-DPHINETS_WIRE_NAME="nuts"'];
    const script = linkerScript(target, { stackBytes: 64 * 1024 });
    const path = await link(where, target, ["boards/start", "boards/cortex-m"], script, { flags });
    const frames = clip(34, 5);
    const memory = Buffer.concat([
      new Uint8Array(Uint32Array.of(frames.length, 0, 0, 0).buffer),
      ...frames.map((frame) => new Uint8Array(frame.buffer)),
    ]);
    writeFileSync(join(where, "frames.bin"), memory);
    const run = await runTool(
      "qemu-system-arm",
      [
        ...["-M", machine.name, "-nographic", "-monitor", "none", "-serial", "file:serial.bin"],
        ...["-semihosting-config", "enable=on,target=native"],
        ...["-device", "loader,file=frames.bin,addr=0x60000000,force-raw=on", "-kernel", path],
      ],
      { cwd: where, timeoutMs: 60_000 },
    );
    expect(run.exitCode, run.stderr).toBe(0);

    const [interpreter, follower] = [new IntegerInterpreter(q), new Follower(q, detector)];
    const picture = { width, height };
    const hello = { type: "hello", name: "nuts", classes: detector.classes, ...picture, intervalUs: 0 } as const;
    let shown = 0;
    const expected = frames.flatMap((input, frame): WireMessage[] => {
      const followed = follower.next(interpreter.run(input)[0]);
      shown += followed.tracks.length;
      const rows = Array.from({ length: height }, (_, y): WireMessage => {
        const data = Uint8Array.from(input.subarray(y * width * 3, (y + 1) * width * 3), (value) => value + 128);
        return { type: "row", frame, y, ...picture, pixels: "rgb888", data };
      });
      return [...rows, ...(frame % 32 === 0 ? [hello] : []), ...messagesOf(followed, frame, picture)];
    });
    const file = readFileSync(join(where, "serial.bin"));
    // As numbers, in the format's steps; then byte by byte.
    const rounded = decoded(bytesOf(expected));
    expect(rounded.errors).toEqual(noErrors);
    expect(decoded(file)).toEqual(rounded);
    expect(file.equals(Buffer.concat([Buffer.of(0), bytesOf(expected)]))).toBe(true);
    expect(shown).toBeGreaterThan(50);
  }, 60_000);
});
