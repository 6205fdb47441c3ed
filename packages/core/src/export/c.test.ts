import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomlyQuantized, randomNetwork } from "../../../../test/random-network.js";
import { planArena } from "../cost/index.js";
import { GraphBuilder } from "../graph/index.js";
import { emitC } from "./c.js";
import { arrayDefinition, commentText, floatLiteral, stringLiteral } from "./c-literals.js";

/** Every kind of statement once, with few numbers. */
function tinyDetector() {
  const builder = new GraphBuilder("tiny");
  const x = builder.input("picture", [1, 6, 6, 1]);
  let y = builder.conv2d("stem", x, { filters: 2, kernel: 3, stride: 2, padding: 1, bias: true, activation: "relu6" });
  y = builder.hardswish("act", builder.depthwise("depthwise", y, { kernel: 3, padding: 1, bias: true }));
  const gate = builder.sigmoid("gate", builder.conv2d("excite", builder.globalAveragePool("mean", y), { filters: 2 }));
  y = builder.multiply("scale", y, gate);
  y = builder.add("sum", y, builder.conv2d("project", y, { filters: 2, bias: true }));
  y = builder.maxPool("pool", y, 2, 1);
  return randomlyQuantized(builder.build([builder.conv2d("boxes", y, { filters: 6, bias: true })]), 3);
}

const detector = { classes: ['"bolt"'], anchors: [[0.72, 1.43]] as [number, number][] };

describe("emitC", () => {
  test("a tiny detector's C is the committed one", async () => {
    const files = emitC(tinyDetector(), { name: "tiny", detector });
    expect(Object.keys(files)).toEqual(["tiny_model.c", "tiny_model.h"]);
    for (const [name, text] of Object.entries(files))
      await expect(text).toMatchFileSnapshot(`__snapshots__/${name}.snap`);
  });

  test("equal networks give equal bytes", () => {
    expect(emitC(randomNetwork(4))).toEqual(emitC(randomNetwork(4)));
  });

  test("addresses are the plan's", () => {
    const q = randomNetwork(1);
    const { bytes, tensors } = planArena(q.graph);
    const { "phinets_model.c": source, "phinets_model.h": header } = emitC(q);
    expect(header).toContain(`#define PHINETS_ARENA_BYTES ${bytes}\n`);
    const offsets = new Set(Object.values(tensors).map((tensor) => tensor.offset));
    const used = [...source.matchAll(/phinets_arena \+ (\d+)/g)].map((match) => Number(match[1]));
    expect(used.length).toBeGreaterThan(20);
    for (const offset of used) expect(offsets).toContain(offset);
  });

  test("a table that others read too is not fused", () => {
    const builder = new GraphBuilder("shared");
    const x = builder.input("x", [1, 2, 2, 3]);
    const y = builder.conv2d("y", x, { filters: 3 });
    const q = randomlyQuantized(builder.build([builder.add("z", y, builder.hardswish("h", y))]), 1);
    const source = emitC(q)["phinets_model.c"];
    expect(source).toContain("phinets_lookup(");
    expect(source).toContain(".table = NULL");
  });

  test("names that are not C identifiers are refused", () => {
    for (const name of ["2nd", "a-b", "", "a b"])
      expect(() => emitC(tinyDetector(), { name })).toThrow(`name ${JSON.stringify(name)} is not a C identifier`);
  });

  test("grouped convolutions and softmax are refused by name", () => {
    const build = (make: (builder: GraphBuilder, x: string) => string) => {
      const builder = new GraphBuilder("g");
      return randomlyQuantized(builder.build([make(builder, builder.input("x", [1, 3, 3, 4]))]), 1);
    };
    expect(() => emitC(build((b, x) => b.conv2d("two", x, { filters: 4, groups: 2 })))).toThrow(
      'conv2d "two": has 2 groups',
    );
    expect(() => emitC(build((b, x) => b.softmax("soft", x)))).toThrow('softmax "soft"');
  });

  test("a bias that could overflow the accumulator is refused", () => {
    const q = tinyDetector();
    const bias = q.weights["stem.bias"].data as Int32Array;
    bias[1] = 2147483647;
    expect(() => emitC(q)).toThrow('conv2d "stem": bias 2147483647 of channel 1 could overflow');
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
