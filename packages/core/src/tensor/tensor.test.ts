import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cos,
  decodeSafetensors,
  deepestJson,
  encodeSafetensors,
  exp,
  log,
  log2,
  log10,
  PhinetsError,
  parseJson,
  Random,
  requireShallow,
  showValue,
  sigmoid,
  tensor,
  utf8Decode,
} from "./index.js";

const ulps = (a: number, b: number) => Math.abs(a - b) / (Math.abs(b) * 2 ** -52);

describe("math", () => {
  it("exp and log are within 2 ulp of the host's", () => {
    fc.assert(fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => ulps(exp(x), Math.exp(x)) <= 2));
    fc.assert(
      fc.property(
        fc.double({ min: 1e-300, max: 1e300, noNaN: true }),
        (x) => Math.abs(log(x) - Math.log(x)) <= 2 * 2 ** -52 * Math.max(1, Math.abs(Math.log(x))),
      ),
    );
  });
  it("log2 and log10 are the host's to 15 digits", () => {
    const near = (a: number, b: number) => Math.abs(a - b) <= 1e-15 * Math.max(1, Math.abs(b));
    const values = fc.double({ min: 1e-300, max: 1e300, noNaN: true });
    fc.assert(fc.property(values, (x) => near(log2(x), Math.log2(x)) && near(log10(x), Math.log10(x))));
    expect([log10(1), log10(0), log2(-1)]).toEqual([0, Number.NEGATIVE_INFINITY, Number.NaN]);
  });
  it("cos is accurate where a schedule needs it", () => {
    fc.assert(fc.property(fc.double({ min: -4, max: 4, noNaN: true }), (x) => Math.abs(cos(x) - Math.cos(x)) < 1e-14));
  });
  it("handles the ends", () => {
    expect([exp(0), exp(-800), exp(800), exp(Number.NEGATIVE_INFINITY)]).toEqual([1, 0, Number.POSITIVE_INFINITY, 0]);
    expect([log(1), log(0), log(Number.POSITIVE_INFINITY)]).toEqual([
      0,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
    expect(log(-1)).toBeNaN();
    expect(exp(Number.NaN)).toBeNaN();
    expect(log(5e-324)).toBeCloseTo(Math.log(5e-324), 12);
    expect(Math.abs(exp(-740) - Math.exp(-740))).toBeLessThanOrEqual(5e-324);
    expect(sigmoid(-1000)).toBe(0);
    expect(sigmoid(1000)).toBe(1);
  });
});

describe("Random", () => {
  it("depends on its whole key and on nothing else", () => {
    expect(new Random(1, 2, 3).uint32()).toBe(new Random(1, 2, 3).uint32());
    const first = new Set<number>();
    for (let a = 0; a < 10; a++)
      for (let b = 0; b < 10; b++) for (let c = 0; c < 10; c++) first.add(new Random(a, b, c).uint32());
    expect(first.size).toBe(1000);
  });
  it("is uniform, and normal where asked", () => {
    const random = new Random(7);
    const bins = new Array(16).fill(0);
    for (let i = 0; i < 160_000; i++) bins[random.integer(16)]++;
    const chi = bins.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0);
    expect(chi).toBeLessThan(45); // 15 degrees of freedom, p = 1e-4
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < 100_000; i++) {
      const x = random.normal();
      sum += x;
      squares += x * x;
    }
    expect(Math.abs(sum / 100_000)).toBeLessThan(0.015);
    expect(Math.abs(squares / 100_000 - 1)).toBeLessThan(0.03);
  });
  it("permutes", () => {
    expect([...new Random(3).permutation(50)].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});

describe("safetensors", () => {
  it("round-trips any weights", () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((s) => s !== "__metadata__" && s !== "__proto__"),
          fc.array(fc.float({ noNaN: true }), { maxLength: 20 }),
        ),
        (arrays) => {
          const weights = Object.fromEntries(
            Object.entries(arrays).map(([name, a]) => [name, tensor("float32", [a.length], Float32Array.from(a))]),
          );
          const decoded = decodeSafetensors(encodeSafetensors(weights, { made: "here" }));
          expect(decoded.metadata).toEqual({ made: "here" });
          expect(Object.keys(decoded.weights).sort()).toEqual(Object.keys(weights).sort());
          for (const name of Object.keys(weights)) expect(decoded.weights[name]).toEqual(weights[name]);
        },
      ),
    );
  });
  it("refuses every truncation of a file, by name", () => {
    const file = encodeSafetensors({
      a: tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4)),
      b: tensor("int8", [3]),
    });
    for (let n = 0; n < file.length; n++)
      expect(() => decodeSafetensors(file.subarray(0, n), "x.safetensors")).toThrow(/^x\.safetensors: /);
  });
});

describe("JSON that somebody else wrote", () => {
  const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}1${"}]".repeat(depth / 2)}`;
  it("is read down to a hundred levels, and no further", () => {
    expect(parseJson(nested(deepestJson))).toEqual(JSON.parse(nested(deepestJson)));
    for (const depth of [deepestJson + 2, 200_000])
      expect(() => parseJson(nested(depth))).toThrow("lists and objects are nested more than 100 deep");
    expect(() => parseJson("{")).toThrow(/^not JSON \(/);
    // An object that is reachable along many paths is visited once per level.
    let diamond: unknown = 1;
    for (let i = 0; i < 90; i++) diamond = [diamond, diamond];
    expect(() => requireShallow(diamond)).not.toThrow();
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => requireShallow(loop)).toThrow("nested more than");
  });
  it("is shown in messages, however large or deep", () => {
    for (const value of [1, "a", null, true, [1, "x", { a: [null] }], {}, []])
      expect(showValue(value)).toBe(JSON.stringify(value));
    expect(showValue(undefined)).toBe("missing");
    expect(showValue([[[[[[1]]]]]])).toBe("[[[[[...]]]]]");
    expect(showValue(JSON.parse(nested(100_000)))).toBe('[{"a":[{"a":[...]}]}]');
    for (const value of ["y".repeat(1e6), Array(1e6).fill(1), { ["k".repeat(1e6)]: 1 }, [["z".repeat(1e6)]]])
      expect(showValue(value).length).toBeLessThanOrEqual(60);
  });
});

describe("errors", () => {
  it("are one line, whatever the file holds that they quote", () => {
    const message = (text: string, path?: string) => new PhinetsError("a.b", text, path).message;
    expect(message("f.json: unknown field a\u0000\u2028b")).toBe("f.json: unknown field a\\u0000\\u2028b");
    expect(message(`f.ini: is "${"9".repeat(10_000)}"; a number`)).toMatch(
      /^f\.ini: is "9{1000,1500}\.\.\.9{400,}"; a number$/,
    );
    expect(message("gcc failed:\r\n  no space")).toBe("gcc failed: no space");
    expect(message(`f.ini: is "${" ".repeat(1e6)}"`).length).toBeLessThanOrEqual(2000); // quadratic time would never finish
    expect(message("a\nb.jpg: is empty", "a\nb.jpg")).toBe("a\\nb.jpg: is empty");
  });

  it("bytes that are no UTF-8 are refused by name", () => {
    expect(utf8Decode(Uint8Array.of(0xc3, 0xa9))).toBe("é");
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]])
      expect(() => utf8Decode(Uint8Array.from(bytes))).toThrow(new PhinetsError("tensor.utf8", "not a text in UTF-8"));
  });
});
