import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  callOf,
  floats,
  joined,
  pickle,
  safetensors,
  type TensorToWrite,
  TorchPickler,
  zip,
} from "../../../../../test/weights-file.js";
import { GraphBuilder } from "../../graph/index.js";
import { encodeSafetensors, Random } from "../../tensor/index.js";
import { buildNetwork, parseNetwork } from "../index.js";
import { importWeights, requireComplete } from "./index.js";
import { readStateDicts } from "./state-dicts.js";

const file = "w.pth";

/** A 3x3 convolution from 2 to 3 channels with bias, and a batch norm. */
function smallGraph() {
  const builder = new GraphBuilder("small");
  const x = builder.conv2d("features.0", builder.input("x", [1, 5, 5, 2]), { filters: 3, kernel: 3, bias: true });
  return builder.build([builder.batchNorm("features.1", x)]);
}
const graph = smallGraph();
const random = new Random(3);
/** OIHW. */
const kernel = Float32Array.from({ length: 3 * 2 * 9 }, () => random.normal());
const three = (value: number): TensorToWrite => ({ shape: [3], bytes: floats([value, value + 1, value + 2]) });

const tensors: Record<string, TensorToWrite> = {
  "features.0.weight": { shape: [3, 2, 3, 3], bytes: floats(kernel) },
  "features.0.bias": three(1),
  "features.1.weight": three(2),
  "features.1.bias": three(3),
  "features.1.running_mean": three(4),
  "features.1.running_var": three(5),
  "features.1.num_batches_tracked": { shape: [], bytes: new Uint8Array(8), type: "Long" },
};

const pth = (changes: Readonly<Record<string, TensorToWrite | undefined>> = {}): Uint8Array => {
  const pickler = new TorchPickler();
  const entries = Object.entries({ ...tensors, ...changes }).filter(([, value]) => value !== undefined);
  return pickler.file(pickler.stateDict(entries as [string, TensorToWrite][]));
};

/** A file whose pickle is `body`. */
const crafted = (...body: (readonly number[])[]): Uint8Array => new TorchPickler().file(body.flat());

describe("values", () => {
  it("become OHWI", () => {
    const { weights } = importWeights(pth(), file, graph);
    const { shape, data } = weights["features.0.weight"];
    expect(shape).toEqual([3, 3, 3, 2]);
    for (let o = 0; o < 3; o++)
      for (let i = 0; i < 2; i++)
        for (let p = 0; p < 9; p++) expect(data[(o * 9 + p) * 2 + i]).toBe(kernel[(o * 2 + i) * 9 + p]);
    expect([...weights["features.1.running_var"].data]).toEqual([5, 6, 7]);
    expect(Object.keys(weights)).toEqual(Object.keys(graph.parameters));
  });
  it("are read through any strides and offsets, channels_last among them", () => {
    const expected = importWeights(pth(), file, graph).weights;
    const ohwi = expected["features.0.weight"].data;
    const strided = pth({
      "features.0.weight": { shape: [3, 2, 3, 3], strides: [18, 1, 6, 2], bytes: floats(ohwi) },
      "features.0.bias": { shape: [3], strides: [2], bytes: floats([1, 9, 2, 9, 3]) },
      "features.1.weight": { shape: [3], strides: [0], bytes: floats([7]) },
    });
    const { weights } = importWeights(strided, file, graph);
    expect(weights["features.0.weight"]).toEqual(expected["features.0.weight"]);
    expect([...weights["features.0.bias"].data]).toEqual([1, 2, 3]);
    expect([...weights["features.1.weight"].data]).toEqual([7, 7, 7]);
  });
  it("come from doubles, halves and bfloat16", () => {
    const { weights } = importWeights(
      pth({
        "features.0.bias": { shape: [3], type: "Double", bytes: new Uint8Array(Float64Array.of(0.1, -2, 3).buffer) },
        // 1.5, -2^-24 (the least half), 65504 (the largest)
        "features.1.weight": {
          shape: [3],
          type: "Half",
          bytes: new Uint8Array(Uint16Array.of(0x3e00, 0x8001, 0x7bff).buffer),
        },
        "features.1.bias": {
          shape: [3],
          type: "BFloat16",
          bytes: new Uint8Array(Uint16Array.of(0x3fc0, 0xc000, 0x4049).buffer),
        },
      }),
      file,
      graph,
    );
    expect([...weights["features.0.bias"].data]).toEqual([Math.fround(0.1), -2, 3]);
    expect([...weights["features.1.weight"].data]).toEqual([1.5, -(2 ** -24), 65504]);
    expect([...weights["features.1.bias"].data]).toEqual([1.5, -2, 3.140625]);
  });
  it("are those that this program saved, too", () => {
    const { weights } = importWeights(pth(), file, graph);
    expect(importWeights(encodeSafetensors(weights), "own.safetensors", graph).weights).toEqual(weights);
  });
  it("have to be finite", () => {
    const bytes = pth({ "features.0.bias": { shape: [3], bytes: floats([1, Number.NaN, 2]) } });
    expect(() => importWeights(bytes, file, graph)).toThrow(/parameter "features\.0\.bias" has NaN at element 1/);
  });
});

describe("keys", () => {
  const read = (bytes: Uint8Array) => importWeights(bytes, file, graph).report;
  it("that are missing, unexpected or of another shape are listed", () => {
    const report = read(
      pth({
        "features.0.bias": undefined,
        "features.1.weight": { shape: [4], bytes: floats([1, 2, 3, 4]) },
        "features.7.weight": three(0),
      }),
    );
    expect(report).toMatchObject({
      missing: ["features.0.bias"],
      unexpected: ["features.7.weight"],
      misshaped: [{ name: "features.1.weight", found: [4], needed: [3] }],
    });
    expect(() => requireComplete(report, file)).toThrow(
      "w.pth: the weights are not this network's (4 of its parameters fit); 1 missing: features.0.bias; 1 unexpected: features.7.weight; 1 of another shape: features.1.weight [4] for [3]",
    );
  });
  it("are those of the state_dict that fits, wherever it lies", () => {
    const pickler = new TorchPickler();
    const other = pickler.stateDict([["features.0.bias", three(9)]]);
    const right = pickler.stateDict(Object.entries(tensors));
    const bytes = pickler.file(pickler.dict({ other, checkpoint: pickler.dict({ model: right }) }));
    expect(read(bytes)).toMatchObject({ path: "checkpoint.model", missing: [] });
    expect([...importWeights(bytes, file, graph).weights["features.0.bias"].data]).toEqual([1, 2, 3]);
  });
  it("of a detector's head are not taken from a classifier", () => {
    const input = { height: 32, width: 32 };
    const options = { family: "phinet", input, blocks: 3, alpha: 0.2 } as const;
    const detector = buildNetwork(parseNetwork({ ...options, head: { kind: "yolov2", classes: 1 } }));
    const pickler = new TorchPickler();
    const classifier = { shape: [2, 9], bytes: floats(new Float32Array(18)) };
    const bytes = pickler.file(pickler.stateDict([["classifier.2.weight", classifier]]));
    expect(importWeights(bytes, file, detector).report.unexpected).toEqual(["classifier.2.weight"]);
  });
  it("of two-layer heads are matched in order, as convolutions or dense layers", () => {
    const head = { kind: "classifier", classes: 2, features: 4 };
    const two = buildNetwork(parseNetwork({ family: "phinet", input: { height: 32, width: 32 }, blocks: 3, head }));
    const pickler = new TorchPickler();
    const layer = (rows: number, columns: number, ...rest: number[]): TensorToWrite => ({
      shape: [rows, columns, ...rest],
      bytes: floats(Array.from({ length: rows * columns }, (_, i) => i)),
    });
    const bytes = pickler.file(
      pickler.stateDict([
        ["new_convolution.weight", layer(4, 9, 1, 1)],
        ["new_convolution.bias", layer(4, 1)],
        ["classifier.weight", layer(2, 4)],
        ["classifier.bias", three(0)],
      ]),
    );
    const { weights, report } = importWeights(bytes, file, two);
    expect(report.loaded).toEqual(["class_conv2d.weight", "final_conv.weight"]);
    expect(report.misshaped.map(({ name }) => name)).toEqual(["class_conv2d.bias", "final_conv.bias"]);
    expect(weights["class_conv2d.weight"].shape).toEqual([4, 1, 1, 9]);
    expect([...weights["final_conv.weight"].data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("a pickle is refused by name when it asks for", () => {
  it.each([
    ["posix", "system"],
    ["nt", "system"],
    ["os", "system"],
    ["builtins", "eval"],
    ["__builtin__", "exec"],
    ["builtins", "getattr"],
    ["subprocess", "Popen"],
    ["torch", "load"],
    ["torch.storage", "_load_from_bytes"],
    ["torch.hub", "load"],
    ["torch.nn.modules.container", "Sequential"],
    ["toString", "constructor"],
    ["__proto__", "x"],
  ])("%s.%s", (module, name) => {
    expect(() => readStateDicts(crafted(callOf(module, name, "echo owned")), file)).toThrow(
      `w.pth: asks for ${module}.${name}, which is not on the list`,
    );
  });
  it("a name put together at run time", () => {
    const body = [...pickle.string("builtins"), ...pickle.string("eval"), 0x93];
    expect(() => readStateDicts(crafted(body), file)).toThrow(/asks for builtins\.eval/);
  });
  it("anything inside an innocent state_dict, in both formats", () => {
    for (const format of ["zip", "legacy"] as const) {
      const pickler = new TorchPickler(format);
      const bytes = pickler.file(
        pickler.dict({
          state_dict: pickler.stateDict(Object.entries(tensors).filter(([, { type }]) => type === undefined)),
          args: callOf("os", "system", "echo owned"),
        }),
      );
      expect(() => readStateDicts(bytes, file)).toThrow(/asks for os\.system/);
    }
  });
  it("a call of an allowed name that is no function", () => {
    expect(() => readStateDicts(crafted(callOf("torch", "FloatStorage", "x")), file)).toThrow(
      /torch\.FloatStorage is called/,
    );
  });
  it("opcodes of protocol 0 and 1, extensions and whatever else is not needed", () => {
    for (const [name, code] of Object.entries({
      INST: 0x69,
      OBJ: 0x6f,
      INT: 0x49,
      STRING: 0x53,
      PERSID: 0x50,
      EXT1: 0x82,
    }))
      expect(() => readStateDicts(crafted([code, 0x31, 0x0a]), file), name).toThrow(
        /opcode ".*" \(\d+\) is not one of/,
      );
  });
});

describe("bombs are refused in bounded memory", () => {
  const repeat = (count: number, ...bytes: number[]): number[] => Array.from({ length: count }, () => bytes).flat();
  const refused = (bytes: Uint8Array, message: RegExp) => {
    const before = process.memoryUsage().rss;
    expect(() => importWeights(bytes, file, graph)).toThrow(message);
    expect(process.memoryUsage().rss - before).toBeLessThan(600e6);
  };
  it("deep recursion", () => {
    refused(crafted(repeat(50_000, ...pickle.emptyList), repeat(49_999, ...pickle.append)), /lie more than 32 deep/);
    refused(crafted(repeat(200_000, ...pickle.emptyList)), /values wait on its stack/);
    refused(crafted(pickle.none, repeat(50_000, 0x85)), /lie more than 32 deep/); // TUPLE1
    refused(crafted(repeat(2_000, ...pickle.mark)), /marks are open/);
  });
  it("a list that holds itself", () => {
    const self = [...pickle.emptyList, ...pickle.put(0), ...pickle.get(0), ...pickle.append];
    const loop = [...pickle.emptyDict, ...pickle.put(0), ...pickle.string("a"), ...pickle.get(0), ...pickle.setItem];
    refused(crafted(self), /lie more than|holds no named tensors/);
    refused(crafted(loop), /lie more than|holds no named tensors/);
  });
  it("a billion laughs", () => {
    const double = [...pickle.put(0), ...pickle.get(0), 0x86]; // TUPLE2 of itself
    refused(crafted(pickle.string("ha"), repeat(31, ...double)), /holds no named tensors/);
    refused(crafted(pickle.string("ha"), repeat(60, ...double)), /lie more than 32 deep/);
  });
  it("millions of small things", () => {
    const many = [...pickle.emptyList, 0x30]; // POP
    refused(crafted(repeat(400_000, ...many)), /more than 300000 objects/);
    refused(crafted(repeat(1_100_000, ...pickle.none, 0x30)), /more than 2000000 opcodes/);
    const pairs = [...pickle.emptyList, ...pickle.mark];
    const pair = [...pickle.int(1), ...pickle.int(2), 0x86];
    const list = [...pairs, ...repeat(5_000, ...pair), 0x65, 0x85, ...pickle.put(1), 0x30]; // APPENDS, TUPLE1
    const call = [...pickle.global("collections", "OrderedDict"), ...pickle.get(1), ...pickle.reduce, 0x30];
    refused(crafted(list, repeat(10_000, ...call)), /more than 2000000 entries/);
  });
  it("lengths that the file does not have", () => {
    refused(crafted([0x58, 255, 255, 255, 255]), /text of 4294967295 bytes/);
    refused(crafted([0x8d, 255, 255, 255, 255, 255, 255, 0, 0]), /text of \d+ bytes/);
    refused(crafted([0x42, 255, 255, 255, 127]), /2147483647 bytes are needed/);
    refused(crafted([0x8b, 255, 255, 255, 127]), /integer of 2147483647 bytes/);
    refused(crafted([0x95, 255, 255, 255, 255, 255, 255, 255, 255]), /size 18446744073709551615/);
  });
  it("a tensor larger than its storage, or larger than the network's", () => {
    const claim = (shape: readonly number[], strides?: readonly number[]) =>
      pth({ "features.0.bias": { shape, strides, bytes: floats([1, 2, 3]) } });
    refused(claim([2 ** 30]), /does not lie in its storage of 3/);
    refused(claim([2, 2], [2, 2]), /does not lie in its storage of 3/);
    refused(claim([1, 1, 1, 1, 1, 1, 1, 1, 3]), /does not lie in its storage/);
    const huge = importWeights(claim([2 ** 30, 2 ** 20], [0, 0]), file, graph).report;
    expect(huge.misshaped).toEqual([{ name: "features.0.bias", found: [2 ** 30, 2 ** 20], needed: [3] }]);
  });
  it("zip bombs: compression, overlap, false sizes, endless names", () => {
    const bytes = new Uint8Array(1000);
    const entry = { name: "a/data.pkl", bytes };
    refused(zip([{ ...entry, method: 8, claims: 2 ** 31 }]), /entry "a\/data\.pkl" is compressed \(method 8\)/);
    refused(zip([{ ...entry, claims: 2 ** 31 }]), /is compressed/);
    const overlapping = Array.from({ length: 100 }, (_, i) => ({ name: `a/data/${i}`, bytes, at: 0 }));
    refused(zip([...overlapping, { ...entry, at: 2 ** 30 }]), /is not where|bytes are needed/);
    const shared = zip([entry, { name: "b", bytes: new Uint8Array(0) }]);
    refused(shared, /ends with|opcode|is not one of/);
  });
});

describe("damage is found", () => {
  const whole = pth();
  const legacy = (() => {
    const pickler = new TorchPickler("legacy");
    return pickler.file(pickler.stateDict(Object.entries(tensors).filter(([, { type }]) => type === undefined)));
  })();
  const plain = safetensors(
    Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, bytes, type }]) => [
        name,
        { shape, bytes, dtype: type === "Long" ? "I64" : "F32" },
      ]),
    ),
  );
  it("in files of every kind, cut off at any byte", () => {
    for (const bytes of [whole, legacy, plain]) {
      expect(importWeights(bytes, file, graph).report.missing).toEqual([]);
      for (let length = 0; length < bytes.length; length++) {
        let error: unknown;
        try {
          importWeights(bytes.subarray(0, length), file, graph);
        } catch (caught) {
          error = caught;
        }
        expect(error, `${length} of ${bytes.length} bytes`).toMatchObject({ name: "PhinetsError", path: file });
      }
    }
  });
  it("where bytes were changed, or the file is only odd", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(whole, legacy, plain),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (bytes, changes) => {
          const damaged = bytes.slice();
          for (const [at, value] of changes) damaged[at % damaged.length] = value;
          try {
            importWeights(damaged, file, graph);
          } catch (error) {
            expect(error).toMatchObject({ name: "PhinetsError" });
          }
        },
      ),
      { numRuns: 1500 },
    );
  });
  it("by checksums, where the pickle cannot tell", () => {
    const data = floats(kernel);
    const at = whole.findIndex((_, i) => data.every((byte, j) => whole[i + j] === byte));
    const damaged = whole.slice();
    damaged[at + 5] ^= 1;
    expect(() => importWeights(damaged, file, graph)).toThrow(/entry "archive\/data\/0" does not have its checksum/);
  });
  it.each([
    [new Uint8Array(0), /no weights file that is known/],
    [Uint8Array.from([0x80, 2, 0x7d, 0x2e]), /is a bare pickle/],
    [zip([{ name: "x/y.txt", bytes: new Uint8Array(4) }]), /has no data\.pkl/],
    [crafted(pickle.emptyDict), /holds no named tensors; save model\.state_dict\(\)/],
    [crafted(pickle.int(3)), /holds no named tensors/],
    [joined([whole, [0]]), /no directory at its end/],
    [
      safetensors({ a: { dtype: "F8_E4M3", shape: [1], bytes: new Uint8Array(1) } }),
      /dtype "F8_E4M3", which is not read/,
    ],
    [safetensors({ a: { dtype: "F32", shape: [2], bytes: new Uint8Array(4) } }), /cannot be bytes 0 to 4/],
  ])("says what an odd file is (%#)", (bytes, message) => {
    expect(() => readStateDicts(bytes, file)).toThrow(message);
  });
});
