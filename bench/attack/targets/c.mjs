/**
 * Compares the generated and hand-written C, under AddressSanitizer and UBSan, with the library: random networks on
 * extreme inputs, detection on random maps, tracking on random frames. Every byte must be equal.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { detectByHead } from "@phinets/core/detection";
import { GraphBuilder } from "@phinets/core/graph";
import { IntegerInterpreter } from "@phinets/core/inference";
import { dequantizeOutput } from "@phinets/core/quantization";
import { boardNames, loadBoard } from "@phinets/core/target";
import { joined, sizeOf } from "@phinets/core/tensor";
import { Sort } from "@phinets/core/tracking";
import { writeBundle } from "../../../packages/node/dist/firmware/bundle.js";
import { drawsOf } from "../lib/case.mjs";
import { judge } from "../lib/faults.mjs";
import { extremeInputs, randomGraph, randomlyQuantized } from "../lib/networks.mjs";
import { outcomeOf, run } from "../lib/processes.mjs";

const sanitizers = ["-std=gnu99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const pick = (draws, list) => list[draws.integer(list.length)];
const bytesOf = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Object files, cached by their sources' content, so that only changed files are compiled. */
async function objectOf(cache, folder, unit, headers) {
  const text = readFileSync(join(folder, unit));
  const object = join(cache, `${createHash("sha256").update(headers).update(text).digest("hex").slice(0, 20)}.o`);
  if (existsSync(object)) return object;
  mkdirSync(cache, { recursive: true });
  // Another thread may compile the same file at the same time.
  const next = `${object}.${threadId}.new`;
  const { code, stderr } = await run("gcc", [...sanitizers, "-c", unit, "-o", next], { cwd: folder });
  if (code !== 0) throw new Error(`gcc ${unit}: ${stderr.slice(0, 500)}`);
  renameSync(next, object);
  return object;
}

/** Compiles every unit of a folder. */
async function build(cache, folder) {
  const files = readdirSync(folder);
  const headers = files
    .filter((file) => file.endsWith(".h") && !file.endsWith("_model.h"))
    .map((file) => readFileSync(join(folder, file)));
  const digest = createHash("sha256");
  for (const header of headers) digest.update(header);
  const key = digest.digest("hex");
  const objects = [];
  for (const unit of files.filter((file) => file.endsWith(".c"))) {
    const own = /^(main|.*_model)\.c$/.test(unit);
    const model = own
      ? readFileSync(
          join(
            folder,
            files.find((file) => file.endsWith("_model.h")),
          ),
        )
      : "";
    objects.push(await objectOf(own ? join(folder, "objects") : cache, folder, unit, key + model));
  }
  const { code, stderr } = await run("gcc", [...sanitizers, ...objects, "-o", "program"], { cwd: folder });
  if (code !== 0) throw new Error(`gcc: ${stderr.slice(0, 500)}`);
}

/** Runs a built program on input bytes; throws the sanitizer's messages. */
async function output(folder, input) {
  writeFileSync(join(folder, "in.bin"), input);
  const { code, signal, stderr } = await run("./program", ["in.bin", "out.bin"], { cwd: folder, seconds: 120 });
  if (code !== 0 || stderr !== "")
    throw new Error(`exit ${code ?? signal}: ${stderr.split("\n").slice(0, 8).join("\n")}`);
  return readFileSync(join(folder, "out.bin"));
}

const mainOfNetwork = `#include <stdio.h>
#include "net_model.h"
static int8_t input[NET_INPUT_BYTES + 3], output[NET_OUTPUT_BYTES + 3]; /* may be read up to 3 bytes beyond the end */
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  while (fread(input, 1, NET_INPUT_BYTES, in) == NET_INPUT_BYTES) {
    net_run(input, output);
    fwrite(output, 1, NET_OUTPUT_BYTES, out);
  }
  return fclose(in) | fclose(out);
}
`;

const boards = boardNames.map((name) => loadBoard(name));

async function network({ seed, n, folder }) {
  const draws = drawsOf(seed, "c-network", n);
  const graph = randomGraph(draws);
  const q = randomlyQuantized(draws, graph);
  const inputs = extremeInputs(draws, graph);
  const where = join(folder, "work", `c-network-${n}`);
  return outcomeOf(where, async () => {
    let interpreter;
    try {
      interpreter = new IntegerInterpreter(q);
      writeBundle(where, q, { name: "net", target: pick(draws, boards) });
    } catch (error) {
      return judge(error);
    }
    writeFileSync(join(where, "main.c"), mainOfNetwork);
    await build(join(folder, "objects"), where);
    const expected = Buffer.concat(inputs.flatMap((input) => interpreter.run(input).map(bytesOf)));
    const found = await output(where, Buffer.concat(inputs.map(bytesOf)));
    return Buffer.compare(expected, found) === 0
      ? { outcome: "accepted" }
      : { outcome: "fault", problem: differs(expected, found) };
  });
}

function differs(expected, found) {
  const at = expected.findIndex((byte, i) => byte !== found[i]);
  return `${found.length} bytes, ${expected.length} expected; byte ${at} is ${found[at]}, the interpreter's is ${expected[at]}`;
}

const capacity = 64;
const mainOfDetector = `#include <stdio.h>
#include "net_model.h"
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  static int8_t map[NET_OUTPUT_BYTES];
  static phinets_box boxes[${capacity}];
  static double limits[2];
  while (fread(limits, 8, 2, in) == 2 && fread(map, 1, sizeof map, in) == sizeof map) {
    int32_t head[2] = {phinets_detect(&net_head, map, limits[0], limits[1], boxes, ${capacity}), 0};
    fwrite(head, 4, 2, out);
    fwrite(boxes, sizeof boxes[0], (size_t)head[0], out);
  }
  return fclose(in) | fclose(out);
}
`;
const mapsOfAttempt = 5000;

const namesOf = (count) => Array.from({ length: count }, (_, i) => `class ${i}`);
const anchorsOf = (draws, most) =>
  Array.from({ length: 1 + draws.integer(4) }, () => [draws.uniform(0.01, most), draws.uniform(0.01, most)]);

/** A head of some kind, and the channels of its maps. */
const headOf = {
  yolov2(draws, classes) {
    const head = { kind: "yolov2", classes: namesOf(classes), anchors: anchorsOf(draws, 8), filters: 1 };
    const channels = [head.anchors.length * (5 + classes)];
    return { head: { ...head, decoder: pick(draws, ["yolov2", "scaled"]) }, channels };
  },
  yolov5(draws, classes) {
    const anchors = Array.from({ length: 1 + draws.integer(3) }, () => anchorsOf(draws, 100));
    const channels = anchors.map((each) => each.length * (5 + classes));
    return { head: { kind: "yolov5", classes: namesOf(classes), anchors }, channels };
  },
  yolov8(draws, classes) {
    const bins = 1 + draws.integer(8);
    const levels = Array.from({ length: 1 + draws.integer(3) }, () => pick(draws, ["one", "boxes", "scores"]));
    const [sides, kinds] = [4 * bins, classes];
    const maps = { one: [sides + kinds], boxes: [sides, kinds], scores: [kinds, sides] };
    return {
      head: { kind: "yolov8", classes: namesOf(classes), bins },
      channels: levels.flatMap((each) => maps[each]),
    };
  },
};

async function detector({ seed, n, folder }) {
  const draws = drawsOf(seed, "c-detector", n);
  const classes = 1 + draws.integer(4);
  const { head, channels } = headOf[pick(draws, Object.keys(headOf))](draws, classes);
  const [height, width] = [1 + draws.integer(6), 1 + draws.integer(6)];
  const builder = new GraphBuilder("head");
  const x = builder.input("x", [1, height, width, 2]);
  const outputs = channels.map((filters, i) => builder.conv2d(`y${i}`, x, { filters }));
  const random = randomlyQuantized(draws, builder.build(outputs));
  const values = { ...random.values };
  for (const output of outputs)
    values[output] = { scale: Math.fround(2 ** draws.uniform(-8, 3)), zeroPoint: draws.integer(256) - 128 };
  const q = { ...random, values };
  const shapes = outputs.map((output) => q.graph.shapes[output]);
  const where = join(folder, "work", `c-detector-${n}`);
  return outcomeOf(where, async () => {
    try {
      writeBundle(where, q, { name: "net", detector: { head } });
    } catch (error) {
      return judge(error);
    }
    writeFileSync(join(where, "main.c"), mainOfDetector);
    await build(join(folder, "objects"), where);
    const frames = Array.from({ length: mapsOfAttempt }, () => {
      const quiet = draws.uniform();
      const style = draws.integer(8);
      const maps = shapes.map((shape) =>
        new Int8Array(sizeOf(shape)).map((_, i) => {
          if (i % (5 + classes) === 4 && draws.uniform() < quiet) return -128;
          return style === 0 ? 127 : style === 1 ? pick(draws, [-128, 127]) : draws.integer(256) - 128;
        }),
      );
      return {
        maps,
        threshold: pick(draws, [0, 0.3, draws.uniform()]),
        iouThreshold: pick(draws, [0, 1, 0.45, draws.uniform()]),
      };
    });
    const parts = frames.flatMap(({ maps, threshold, iouThreshold }) => [
      bytesOf(Float64Array.of(threshold, iouThreshold)),
      ...maps.map(bytesOf),
    ]);
    const file = await output(where, Buffer.concat(parts));
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    let at = 0;
    for (const [i, { maps, threshold, iouThreshold }] of frames.entries()) {
      const output = joined(maps.map((bytes, k) => dequantizeOutput(q, bytes, k)));
      const expected = detectByHead(
        head,
        { output, shapes, input: { height, width } },
        { threshold, iouThreshold, maxCandidates: capacity, maxDetections: capacity },
      );
      const count = view.getInt32(at, true);
      at += 8;
      if (count !== expected.length)
        return { outcome: "fault", problem: `map ${i}: ${count} boxes, the library has ${expected.length}` };
      for (const box of expected) {
        const own = [box.x, box.y, box.width, box.height, box.score];
        const theirs = own.map((_, k) => view.getFloat64(at + 8 * k, true));
        if (own.some((value, k) => !Object.is(value, theirs[k])) || view.getInt32(at + 40, true) !== box.class)
          return { outcome: "fault", problem: `map ${i}: box ${theirs}, the library's is ${own}` };
        at += 48;
      }
    }
    return { outcome: "accepted", units: mapsOfAttempt };
  });
}

const mainOfTracker = `#include <stdio.h>
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
const framesOfAttempt = 10_000;
const mostTracks = 32;
const trackBytes = 40;

/** Whether a box is valid: the C code skips invalid boxes, the library refuses them. */
function isBox({ x1, y1, x2, y2 }) {
  const [width, height] = [x2 - x1, y2 - y1];
  const area = width * height;
  return width > 0 && height > 0 && area > 0 && Number.isFinite(area) && Number.isFinite(width / height);
}

/** Boxes that move, flicker, meet and vanish, from empty to the whole frame. */
function randomFrames(draws) {
  const objects = [];
  const extreme =
    draws.integer(3) === 0
      ? () => pick(draws, [0, -0, 1e-300, 1e-9, 1e6, 1e12, 1e100, -1e100, 5e-324])
      : () => draws.uniform(-50, 400);
  return Array.from({ length: framesOfAttempt }, () => {
    if (draws.uniform() < 0.08 && objects.length < 20) {
      const size = draws.uniform(1, 80);
      objects.push({
        x: draws.uniform(0, 300),
        y: draws.uniform(0, 200),
        vx: draws.uniform(-6, 6),
        vy: draws.uniform(-4, 4),
        size,
      });
    }
    if (draws.uniform() < 0.05) objects.splice(draws.integer(objects.length + 1), 1);
    const boxes = objects
      .filter(() => draws.uniform() < 0.9)
      .map((each) => {
        each.x += each.vx;
        each.y += each.vy;
        if (each.x < 0 || each.x > 300) each.vx = -each.vx;
        if (each.y < 0 || each.y > 200) each.vy = -each.vy;
        const [x1, y1] = [each.x + draws.normal(), each.y + draws.normal()];
        return { x1, y1, x2: x1 + each.size * draws.uniform(0.8, 1.2), y2: y1 + each.size };
      });
    if (draws.uniform() < 0.02) boxes.push({ x1: extreme(), y1: extreme(), x2: extreme(), y2: extreme() });
    return draws.uniform() < 0.02 ? [] : boxes;
  });
}

async function tracker({ seed, n, folder }) {
  const frames = randomFrames(drawsOf(seed, "c-tracker", n));
  const where = join(folder, "work", `c-tracker-${n}`);
  return outcomeOf(where, async () => {
    const sources = new URL("../../../firmware/track/", import.meta.url);
    for (const file of readdirSync(sources).filter((name) => /\.[ch]$/.test(name)))
      writeFileSync(join(where, file), readFileSync(new URL(file, sources)));
    writeFileSync(join(where, "main.c"), mainOfTracker);
    writeFileSync(join(where, "none_model.h"), "");
    await build(join(folder, "objects"), where);
    const parts = frames.flatMap((boxes) => [
      bytesOf(Int32Array.of(boxes.length, 0)),
      bytesOf(Float64Array.from(boxes.flatMap(({ x1, y1, x2, y2 }) => [x1, y1, x2, y2]))),
    ]);
    const file = await output(where, Buffer.concat(parts));
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    const sort = new Sort({ maxTracks: mostTracks });
    let at = 0;
    for (const [i, boxes] of frames.entries()) {
      const expected = sort.update(boxes.slice(0, mostTracks).filter(isBox));
      if (view.getInt32(at, true) !== expected.length)
        return {
          outcome: "fault",
          problem: `frame ${i}: ${view.getInt32(at, true)} tracks, the library has ${expected.length}`,
        };
      at += 8;
      for (const { id, x1, y1, x2, y2 } of expected) {
        const own = [x1, y1, x2, y2];
        const theirs = own.map((_, k) => view.getFloat64(at + 8 + 8 * k, true));
        if (view.getInt32(at, true) !== id || own.some((value, k) => !Object.is(value, theirs[k])))
          return {
            outcome: "fault",
            problem: `frame ${i}: track ${view.getInt32(at, true)} ${theirs}, the library's is ${id} ${own}`,
          };
        at += trackBytes;
      }
    }
    return { outcome: "accepted", units: framesOfAttempt };
  });
}

export const cTargets = [
  { name: "c-network", attempt: network, goal: 1000 },
  { name: "c-detector", attempt: detector, goal: 1_000_000 / mapsOfAttempt, unit: "frames" },
  { name: "c-tracker", attempt: tracker, goal: 1_000_000 / framesOfAttempt, unit: "frames" },
].map((target) => ({ group: "c", ...target }));
