import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { arrange, instructions, layouts, offsetsOf, opcodes } from "./index.js";

describe("layouts", () => {
  it("have names, sizes, gaps and an open end", () => {
    const layout = "a b*3 unused*2 c d*" as const;
    expect(offsetsOf(layout)).toMatchObject({ a: 0, b: 1, c: 6, d: 7 });
    expect(arrange(layout, { c: 5, d: [6, 7], b: [2, 3, 4], a: 1 })).toEqual([1, 2, 3, 4, 0, 0, 5, 6, 7]);
    expect(() => arrange(layout, { a: 1, b: [2, 3], c: 4, d: [] })).toThrow(/"b" .* has 2 words/);
  });

  it("lie in the assembly's copy where they lie here", () => {
    const text = readFileSync(new URL("assembly/instructions.generated.ts", import.meta.url), "utf8");
    const copies = new Map(
      [...text.matchAll(/^export const enum (\w+) \{([^}]*)\}/gm)].map(([, name, members]) => [
        name,
        Object.fromEntries(
          [...members.matchAll(/(\w+) = (-?\d+),/g)].map(([, member, value]) => [member, Number(value)]),
        ),
      ]),
    );
    expect(copies.get("Opcode")).toEqual(opcodes);
    for (const [name, layout] of Object.entries({ ...instructions, ...layouts })) {
      if (name === "geometry") continue;
      const { unused, ...offsets } = offsetsOf(layout) as Record<string, number>;
      expect(copies.get(name[0].toUpperCase() + name.slice(1)), name).toEqual(offsets);
    }
    const geometry = /export class Geometry \{([^}]*)\}/.exec(text)![1].match(/\w+(?=: i32)/g);
    expect(geometry).toEqual(Object.keys(offsetsOf(layouts.geometry)));
  });
});
