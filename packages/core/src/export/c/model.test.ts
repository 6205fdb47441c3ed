import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { yolov2Head } from "../../../../../test/random-detector.js";
import { randomlyQuantized, randomNetwork } from "../../../../../test/random-network.js";
import { type Graph, GraphBuilder } from "../../graph/index.js";
import type { QuantizedNetwork } from "../../quantization/index.js";
import { loadBoard, makeProgram, type Program, programOf } from "../../target/index.js";
import { emitC, firmwareProgram } from "./index.js";
import { arrayDefinition, commentText, floatLiteral, stringLiteral } from "./literals.js";

/** A network with every kind of statement, and few numbers. */
function tinyDetector(width = 6) {
  const builder = new GraphBuilder("tiny");
  const x = builder.input("picture", [1, 6, width, 1]);
  let y = builder.conv2d("stem", x, { filters: 2, kernel: 3, stride: 2, padding: 1, bias: true, activation: "relu6" });
  y = builder.hardswish("act", builder.depthwise("depthwise", y, { kernel: 3, padding: 1, bias: true }));
  const gate = builder.sigmoid("gate", builder.conv2d("excite", builder.globalAveragePool("mean", y), { filters: 2 }));
  y = builder.multiply("scale", y, gate);
  y = builder.add("sum", y, builder.conv2d("project", y, { filters: 2, bias: true }));
  y = builder.maxPool("pool", y, 2, 1);
  return randomlyQuantized(builder.build([builder.conv2d("boxes", y, { filters: 6, bias: true })]), 3);
}

/** One channel's accumulator exceeds 2^30, and its byte can take two values depending on the picture. */
function largeAndVarying(): QuantizedNetwork {
  const q = tinyDetector();
  const [weight] = Object.keys(q.weightScales);
  const stem = { scale: Math.fround(0.05), zeroPoint: -100 };
  const scales = q.weightScales[weight].slice();
  scales[1] = Math.fround((2 ** -24 * stem.scale) / q.values.picture.scale);
  (q.weights["stem.bias"].data as Int32Array)[1] = 2 ** 30 + 2 ** 23; // 64.5
  return { ...q, values: { ...q.values, stem }, weightScales: { ...q.weightScales, [weight]: scales } };
}

const detector = { head: yolov2Head(['"bolt"'], [[0.72, 1.43]]) };

describe("emitC", () => {
  test("a tiny detector's C is the committed one", async () => {
    const files = emitC(tinyDetector(), { name: "tiny", detector });
    expect(Object.keys(files)).toEqual(["tiny_model.c", "tiny_model.h"]);
    for (const [name, text] of Object.entries(files))
      await expect(text).toMatchFileSnapshot(`__snapshots__/${name}.snap`);
  });

  test("with DSP kernels and pushed rows it is the committed one too", async () => {
    const q = tinyDetector(16);
    const program = makeProgram(q.graph, { dsp: true, optimize: "ram", input: "rows" });
    const files = emitC(q, { name: "tiny_dsp", program });
    for (const [name, text] of Object.entries(files))
      await expect(text).toMatchFileSnapshot(`__snapshots__/${name}.snap`);
  });

  test("equal networks give equal bytes", () => {
    expect(emitC(randomNetwork(4))).toEqual(emitC(randomNetwork(4)));
  });

  /** Fields of phinets_step as written in the table: three rings, the window, scratch. */
  function tableOf(source: string) {
    return [
      ...source.matchAll(
        /\{phinets_step_(\w+), &layer\d+, \{([^}]+)\}, \{([^}]+)\}, \{([^}]+)\},\n\s+\{([^}]+)\}, (\d+), (PHINETS_ARENA_BANK[ +\d]*), ([01])\},/g,
      ),
    ].map(([, kernel, ...fields]) => ({ kernel, fields }));
  }

  test.each([
    ["portable", (graph: Graph) => makeProgram(graph, { dsp: false })],
    ["DSP", (graph: Graph) => makeProgram(graph, { dsp: true })],
    ["DSP, smallest, rows pushed", (graph: Graph) => makeProgram(graph, { dsp: true, optimize: "ram", input: "rows" })],
    ["DSP, two banks", (graph: Graph) => programOf(graph, loadBoard("stm32h743"))],
  ] as const)("the table is the program: kernels, places, windows, groups (%s)", (_, make) => {
    for (const seed of [1, 5, 8]) {
      const q = randomNetwork(seed);
      const program = make(q.graph);
      const { "phinets_model.c": source, "phinets_model.h": header } = emitC(q, { program });
      expect(header).toContain(`#define PHINETS_ARENA_BYTES ${program.arenaBytes}\n`);
      expect(header.includes("#define PHINETS_INPUT_BY_ROWS 1")).toBe(program.options.input === "rows");
      expect(header.includes("phinets_input(void)")).toBe(program.options.input === "whole");
      const bank = (index: number): string => `PHINETS_ARENA_BANK${index === 0 ? "" : ` + ${index}`}`;
      const ring = (name: string | undefined): string => {
        if (name === undefined) return "0, 0, 1, 0";
        const { lowering, places } = program;
        const value = lowering.values.get(name)!;
        if (name === lowering.input) return `0, ${value.width * value.channels}, 0, PHINETS_INPUT_BANK`;
        const place = places.get(name);
        if (place !== undefined) return `${place.offset}, ${place.stride}, ${place.rows}, ${bank(place.bank)}`;
        const before = lowering.outputs
          .slice(0, lowering.outputs.indexOf(name))
          .map((other) => lowering.values.get(other)!);
        const offset = before.reduce((sum, { height, width, channels }) => sum + height * width * channels, 0);
        return `${offset}, ${value.width * value.channels}, ${value.height}, PHINETS_OUTPUT_BANK`;
      };
      const expected = program.stream.groups.flatMap(({ steps }) =>
        steps.map(({ kernel, reads, output, ...step }, i) => {
          const [{ value, window }] = reads;
          const slides = window !== "whole" && !("spans" in window);
          const { size, stride, before } = slides ? window : { size: 1, stride: 1, before: 0 };
          const rows = `${size}, ${stride}, ${before}, ${program.lowering.values.get(value)!.height}`;
          const scratch = program.scratch.get(
            program.stream.groups.flatMap((g) => g.steps).find((s) => s.output === output)!,
          );
          const more = i < steps.length - 1 ? "1" : "0";
          expect(step.scratchBytes > 0).toBe(scratch !== undefined);
          return {
            kernel,
            fields: [
              ring(value),
              ring(reads[1]?.value),
              ring(output),
              rows,
              String(scratch?.offset ?? 0),
              bank(scratch?.bank ?? 0),
              more,
            ],
          };
        }),
      );
      expect(tableOf(source)).toEqual(expected);
    }
  });

  test("the schedule is the program's: first steps of groups, 255 for an input row", () => {
    const q = randomNetwork(2);
    const program = makeProgram(q.graph, { dsp: true });
    const text = /uint8_t schedule\[(\d+)\] = \{([^}]*)\}/.exec(emitC(q, { program })["phinets_model.c"])!;
    const starts: number[] = [];
    let at = 0;
    for (const { steps } of program.stream.groups) {
      starts.push(at);
      at += steps.length;
    }
    const expected = program.stream.schedule.map((group) => (group < 0 ? 255 : starts[group]));
    expect(text[2].match(/\d+/g)!.map(Number)).toEqual(expected);
    expect(Number(text[1])).toBe(expected.length);
  });

  test("a table that others read too is not fused", () => {
    const builder = new GraphBuilder("shared");
    const x = builder.input("x", [1, 2, 2, 3]);
    const y = builder.conv2d("y", x, { filters: 3 });
    const q = randomlyQuantized(builder.build([builder.add("z", y, builder.hardswish("h", y))]), 1);
    const source = emitC(q)["phinets_model.c"];
    expect(source).toContain("{phinets_step_lookup,");
    expect(source).toContain(".table = NULL");
  });

  test("names that are not C identifiers are refused", () => {
    for (const name of ["2nd", "a-b", "", "a b"])
      expect(() => emitC(tinyDetector(), { name })).toThrow(`name ${JSON.stringify(name)} is not a C identifier`);
  });

  test("a convolution in groups has a kernel of its own", () => {
    const builder = new GraphBuilder("g");
    const x = builder.input("x", [1, 3, 3, 4]);
    const two = builder.conv2d("two", x, { filters: 4, kernel: 3, padding: 1, groups: 2 });
    const { "phinets_model.c": model } = emitC(randomlyQuantized(builder.build([two]), 1));
    expect(model).toContain("phinets_step_grouped");
    expect(model).toMatch(/static const phinets_step_groups layer0 = \{[^;]*, 2\};/);
  });

  test("a window of more rows than the firmware looks at is refused", () => {
    const build = (kernel: number) => {
      const builder = new GraphBuilder("tall");
      return randomlyQuantized(builder.build([builder.maxPool("y", builder.input("x", [1, 20, 20, 2]), kernel, 1)]), 1);
    };
    expect(() => emitC(build(17))).toThrow('maxPool "y": its window has 17 rows; C export knows at most 16');
    expect(emitC(build(16))["phinets_model.c"]).toContain("{16, 1, 0, 20}");
  });

  test("the header says so where layers read what lies last in the caller's buffer", () => {
    const builder = new GraphBuilder("net");
    const y = builder.conv2d("y", builder.input("x", [1, 5, 5, 1]), { filters: 1, bias: true });
    const z = builder.conv2d("z", y, { filters: 2, bias: true });
    const headerOf = (outputs: string[]) => emitC(randomlyQuantized(builder.build(outputs), 1))["phinets_model.h"];
    const said = /output: PHINETS_OUTPUT_BYTES, which layers also read, up to 3 bytes beyond its end\./;
    expect(headerOf([z, y])).toMatch(said);
    expect(headerOf([y, z])).not.toMatch(said);
  });

  test("outputs that no step makes are refused", () => {
    const builder = new GraphBuilder("twice");
    const x = builder.input("x", [1, 2, 2, 2]);
    const y = builder.conv2d("y", x, { filters: 2 });
    const build = (outputs: string[]) => emitC(randomlyQuantized(builder.build(outputs), 1));
    expect(() => build([y, builder.flatten("flat", y)])).toThrow(
      'output "flat": has the same bytes as output "y"; leave it out',
    );
    expect(() => build([y, x])).toThrow('output "x": has the same bytes as the input');
  });

  test("DSP kernels for arithmetic that they do not know are refused", () => {
    const q = largeAndVarying();
    expect(() => emitC(q, { program: makeProgram(q.graph, { dsp: true }) })).toThrow(
      'conv2d "stem": channel 1 may reach 2^30; the DSP kernels do not compute that',
    );
  });

  test("a bias that could overflow the accumulator is refused", () => {
    const q = tinyDetector();
    const bias = q.weights["stem.bias"].data as Int32Array;
    bias[1] = 2147483647;
    expect(() => emitC(q)).toThrow('conv2d "stem": bias 2147483647 of channel 1 could overflow');
  });
});

describe("firmwareProgram", () => {
  const board = loadBoard("stm32h743");
  const runsDsp = (q: QuantizedNetwork): boolean => {
    const program: Program = firmwareProgram(q, board);
    expect(program.options.dsp).toBe(program.lowering.steps.some(({ kernel }) => kernel.startsWith("dsp_")));
    return program.options.dsp;
  };
  test("has DSP kernels where they compute the network's arithmetic", () => {
    const q = tinyDetector();
    expect(runsDsp(q)).toBe(true);
    const [weight] = Object.keys(q.weightScales);
    const scaled = (scale: number): QuantizedNetwork => ({
      ...q,
      weightScales: { ...q.weightScales, [weight]: q.weightScales[weight].map(() => Math.fround(scale)) },
    });
    // Rescalings need at least one right shift, so they must be below 1/2. A channel that is rescaled by almost nothing
    // is constant.
    const one = q.values.stem.scale / q.values.picture.scale;
    for (const factor of [0.49, 2 ** -31, 2 ** -40]) expect(runsDsp(scaled(factor * one)), String(factor)).toBe(true);
    for (const factor of [0.51, 0.99, 3]) expect(runsDsp(scaled(factor * one)), String(factor)).toBe(false);
  });
  test("has portable ones where an accumulator may reach 2^30, unless its byte is always the same", () => {
    expect(runsDsp(largeAndVarying())).toBe(false);
    const q = tinyDetector();
    (q.weights["stem.bias"].data as Int32Array)[1] = 2 ** 30;
    expect(runsDsp(q)).toBe(true);
  });
  test("has portable ones on a core without the extension", () => {
    expect(firmwareProgram(tinyDetector(), loadBoard("rp2040")).options.dsp).toBe(false);
  });
});

describe("C literals", () => {
  test("float literals read back as the same float32", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = floatLiteral(value);
        expect(text).toMatch(/^-?\d+(\.\d+)?(e[+-]\d+)?f$/);
        expect(text).toMatch(/[.e]/);
        expect(Math.fround(Number(text.slice(0, -1)))).toBe(Object.is(value, -0) ? 0 : value);
      }),
    );
  });

  test("strings keep to printable ASCII", () => {
    expect(stringLiteral('a"b\\c?é1\n')).toBe('"a\\042b\\134c\\077\\303\\2511\\012"');
    expect(commentText("a*/b/*c\né")).toBe("a* /b/ *c??");
  });

  test("long arrays wrap at 120 columns and keep every value", () => {
    const values = Array.from({ length: 500 }, (_, i) => ((i * 37) % 256) - 128);
    const lines = arrayDefinition("int8_t", "w", values).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(lines.slice(1, -1).join("").match(/-?\d+/g)!.map(Number)).toEqual(values);
    expect(arrayDefinition("int32_t", "b", [-2147483648])).toBe("static const int32_t b[1] = {(-2147483647 - 1)};");
  });
});
