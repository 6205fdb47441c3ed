/** phinets_detect against the library's own detection, on random maps. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Decoder, type Detection, detect } from "@phinets/core/detection";
import { GraphBuilder } from "@phinets/core/graph";
import { IntegerInterpreter } from "@phinets/core/inference";
import { Random } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
  // The coarsest scale makes boxes of infinite size; with the last zero point no byte lies above it.
  test.each<[Decoder, number, number, number]>([
    ["yolov2", 1, 0.05, 37],
    ["yolov2", 4, 0.09, -128],
    ["scaled", 1, 0.03, 127],
    ["scaled", 2, 4, 0],
  ])("finds what the library finds, to the last bit (%s, %i classes, scale %f, zero point %i)", async (...settings) => {
    const [decoder, classes, scale, zeroPoint] = settings;
    const where = join(folder, `${decoder}${classes}`);
    const builder = new GraphBuilder("head");
    const shape = [5, 6, anchors.length * (5 + classes)] as const;
    const x = builder.input("x", [1, shape[0], shape[1], 2]);
    const random = randomlyQuantized(builder.build([builder.conv2d("y", x, { filters: shape[2] })]), 1);
    const q = { ...random, values: { ...random.values, y: { scale: Math.fround(scale), zeroPoint } } };
    const names = Array.from({ length: classes }, (_, i) => `class ${i}`);
    writeBundle(where, q, { detector: { classes: names, anchors, decoder } });
    writeFileSync(join(where, "main.c"), main);
    const flags = ["-std=gnu99", "-O2", "-march=native", "-Wall", "-Wextra", "-Werror"];
    const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover"];
    // The kernels are not what is tested here.
    const own = (name: string): boolean => /^(main|phinets_model|phinets_detect)\.c$/.test(name);
    const units = readdirSync(where).filter((name) => name.endsWith(".c"));
    const others = units.filter((name) => !own(name) && !/track|assignment|follow/.test(name));
    const gcc = (...args: string[]) => runTool("gcc", args, { cwd: where });
    expect(await gcc("-std=c99", "-c", ...others)).toMatchObject({ exitCode: 0, stderr: "" });
    const objects = others.map((name) => name.replace(/c$/, "o"));
    expect(await gcc(...flags, ...sanitizers, ...units.filter(own), ...objects, "-o", "model")).toMatchObject({
      exitCode: 0,
      stderr: "",
    });

    const draw = new Random(classes, 3);
    const bytes = shape[0] * shape[1] * shape[2];
    // Mostly low objectness, so that some maps stay below the capacity and some boxes overlap.
    const maps = Array.from({ length: 40 }, () =>
      new Int8Array(bytes).map((_, i) =>
        i % (5 + classes) === 4 && draw.uniform() < 0.8 ? -100 : draw.integer(256) - 128,
      ),
    );
    writeFileSync(join(where, "maps.bin"), Buffer.concat(maps.map((map) => new Uint8Array(map.buffer))));
    expect(await runTool("./model", ["maps.bin", "boxes.bin"], { cwd: where })).toMatchObject({
      stderr: "",
      exitCode: 0,
    });
    const file = readFileSync(join(where, "boxes.bin"));
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    let boxes = 0;
    maps.forEach((map, i) => {
      const at = i * (4 + capacity * 48);
      const real = Float64Array.from(map, (value) => Math.fround(scale) * (value - zeroPoint));
      const options = { threshold: 0.3, maxCandidates: capacity };
      const expected = detect(real, shape, { anchors, classes, decoder }, options);
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
