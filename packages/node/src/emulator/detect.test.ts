/** phinets_detect compared with the library's detection, on random maps. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Detection, detectByHead } from "@phinets/core/detection";
import { GraphBuilder } from "@phinets/core/graph";
import { IntegerInterpreter } from "@phinets/core/inference";
import { type BoxHead, classCount, type Yolov5Head, type Yolov8Head } from "@phinets/core/networks";
import { dequantizeOutput } from "@phinets/core/quantization";
import { joined, Random } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { yolov2Head } from "../../../../test/random-detector.js";
import { randomInput, randomlyQuantized } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { writeBundle } from "../firmware/bundle.js";
import { runTool } from "../host/tool.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-detect-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const anchors: [number, number][] = [
  [0.72, 1.43],
  [1.12, 1.09],
  [2.9, 0.4],
];
const capacity = 64;

/** A map of the output. */
type Map = readonly [height: number, width: number, channels: number, scale: number, zeroPoint: number];

/** A program that reads maps and writes, for each, the number of boxes and `capacity` boxes. */
const main = `#include <stdio.h>
#include "phinets_model.h"
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  static int8_t map[PHINETS_OUTPUT_BYTES];
  static phinets_box boxes[${capacity}];
  while (fread(map, 1, sizeof map, in) == sizeof map) {
    int32_t count = phinets_detect(&phinets_head, map, 0.3, 0.45, boxes, ${capacity});
    fwrite(&count, 4, 1, out);
    fwrite(boxes, sizeof boxes[0], ${capacity}, out);
  }
  return fclose(in) | fclose(out);
}
`;

describe.skipIf(!installed("gcc"))("phinets_detect", () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `class ${i}`);
  const yolov5 = (classes: number): Yolov5Head => ({
    ...{ kind: "yolov5", classes: names(classes) },
    anchors: [
      anchors.map(([width, height]) => [8 * width, 8 * height]),
      [
        [30, 61],
        [62, 45],
      ],
    ],
  });
  const yolov8 = (classes: number, bins: number): Yolov8Head => ({ kind: "yolov8", classes: names(classes), bins });

  // Scales and zero points of the maps. The coarsest scale makes boxes of infinite size; with the last zero point no
  // byte lies above it.
  test.each<[what: string, BoxHead, maps: readonly Map[], quiet: number]>([
    ["one class", yolov2Head(names(1), anchors), [[6, 8, 18, 0.05, 37]], 0.8],
    ["four classes", yolov2Head(names(4), anchors), [[6, 8, 27, 0.09, -128]], 0.8],
    ["no byte above 0", yolov2Head(names(1), anchors, "scaled"), [[6, 8, 18, 0.03, 127]], 0.8],
    ["infinite boxes", yolov2Head(names(2), anchors, "scaled"), [[6, 8, 21, 4, 0]], 0.8],
    [
      "two maps",
      yolov5(2),
      [
        [6, 8, 21, 0.06, 12],
        [3, 4, 14, 0.05, -20],
      ],
      0.8,
    ],
    [
      "distances and classes in one map",
      yolov8(3, 4),
      [
        [6, 8, 19, 0.05, 90],
        [3, 4, 19, 0.07, 60],
      ],
      0,
    ],
    [
      "in two, of one scale and of another",
      yolov8(2, 8),
      [
        [6, 8, 32, 0.04, 5],
        [6, 8, 2, 0.04, 100],
        [3, 4, 2, 0.09, 100],
        [3, 4, 32, 0.02, -7],
      ],
      0,
    ],
    ["distances as they are", yolov8(1, 1), [[3, 4, 5, 0.025, 100]], 0],
  ])("finds what the library finds, to the last bit: %s", async (what, head, maps, quiet) => {
    const [where, objectsFolder] = [join(folder, what.replaceAll(" ", "-")), join(folder, "objects")];
    const builder = new GraphBuilder("head");
    const x = builder.input("x", [1, 48, 64, 2]);
    const outputs = maps.map(([height, , channels], i) =>
      builder.conv2d(`y${i}`, x, { filters: channels, stride: 48 / height }),
    );
    const random = randomlyQuantized(builder.build(outputs), 1);
    const values = { ...random.values };
    for (const [i, [, , , scale, zeroPoint]] of maps.entries())
      values[outputs[i]] = { scale: Math.fround(scale), zeroPoint };
    const q = { ...random, values };
    writeBundle(where, q, { detector: { head } });
    writeFileSync(join(where, "main.c"), main);
    const flags = ["-std=gnu99", "-O2", "-march=native", "-Wall", "-Wextra", "-Werror"];
    const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover"];
    // Only these files: the kernels are not tested here.
    const own = (name: string): boolean => /^(main|phinets_model|phinets_detect|yolov\d)\.c$/.test(name);
    const units = readdirSync(where).filter((name) => name.endsWith(".c"));
    const others = units.filter((name) => !own(name) && !/track|assignment|follow/.test(name));
    const gcc = (...args: string[]) => runTool("gcc", args, { cwd: where });
    // Objects that are the same for every head are compiled once.
    if (!existsSync(objectsFolder)) {
      mkdirSync(objectsFolder);
      const compile = await runTool("gcc", ["-std=c99", "-c", ...others.map((name) => join(where, name))], {
        cwd: objectsFolder,
      });
      expect(compile).toMatchObject({ exitCode: 0, stderr: "" });
    }
    const objects = others.map((name) => join(objectsFolder, name.replace(/c$/, "o")));
    expect(await gcc(...flags, ...sanitizers, ...units.filter(own), ...objects, "-o", "model")).toMatchObject({
      exitCode: 0,
      stderr: "",
    });

    const draw = new Random(maps.length, 3);
    // For heads with an objectness it is usually low, so that some maps stay below the capacity and some boxes overlap.
    const isObjectness = (i: number): boolean => i % (5 + classCount(head)) === 4;
    const frames = Array.from({ length: 40 }, () =>
      maps.map(([height, width, channels]) =>
        new Int8Array(height * width * channels).map((_, i) =>
          isObjectness(i) && draw.uniform() < quiet ? -100 : draw.integer(256) - 128,
        ),
      ),
    );
    writeFileSync(join(where, "maps.bin"), Buffer.concat(frames.flat().map((map) => new Uint8Array(map.buffer))));
    expect(await runTool("./model", ["maps.bin", "boxes.bin"], { cwd: where })).toMatchObject({
      stderr: "",
      exitCode: 0,
    });
    const file = readFileSync(join(where, "boxes.bin"));
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    const shapes = maps.map(([height, width, channels]) => [1, height, width, channels]);
    let boxes = 0;
    frames.forEach((frame, i) => {
      const at = i * (4 + capacity * 48);
      const output = joined(frame.map((bytes, n) => dequantizeOutput(q, bytes, n)));
      const options = { threshold: 0.3, maxCandidates: capacity, maxDetections: capacity };
      const expected = detectByHead(head, { output, shapes, input: { height: 48, width: 64 } }, options);
      const count = view.getInt32(at, true);
      expect(Array.from({ length: count }, (_, k) => readBox(view, at + 4 + k * 48))).toEqual(expected);
      boxes += expected.length;
    });
    expect(boxes).toBeGreaterThan(50);
  });

  test.each(["whole", "rows"] as const)(
    "the exported folder compiles with `cc *.c host/main.c`, input %s",
    async (input) => {
      const where = join(folder, `bundle-${input}`);
      const builder = new GraphBuilder("classifier");
      const x = builder.input("x", [1, 4, 4, 1]);
      const q = randomlyQuantized(builder.build([builder.dense("y", builder.flatten("flat", x), 3)]), 1);
      const files = writeBundle(where, q, { classes: ["a", "b", "c"], input });
      expect(files).toEqual([...files].sort());
      expect(filesIn(where)).toEqual(files);
      const units = readdirSync(where).filter((name) => name.endsWith(".c"));
      const args = [...units, "host/main.c", "-o", "program"];
      expect(await runTool("cc", args, { cwd: where })).toMatchObject({ exitCode: 0, stderr: "" });
      const pictures = [1, 2].map((seed) => randomInput(q, seed));
      writeFileSync(join(where, "in.bin"), Buffer.concat(pictures.map((picture) => new Uint8Array(picture.buffer))));
      expect(await runTool("./program", ["in.bin", "out.bin"], { cwd: where })).toMatchObject({ exitCode: 0 });
      const expected = pictures.flatMap((picture) => [...new IntegerInterpreter(q).run(picture)[0]]);
      expect([...new Int8Array(readFileSync(join(where, "out.bin")))]).toEqual(expected);
    },
  );
});

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function readBox(view: DataView, at: number): Detection {
  const [x, y, width, height, score] = [0, 8, 16, 24, 32].map((offset) => view.getFloat64(at + offset, true));
  return { x, y, width, height, score, class: view.getInt32(at + 40, true) };
}
