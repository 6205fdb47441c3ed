/** Checkpoints of the reference implementation, run in both of our engines and compared with its float64 outputs. */
import { readFileSync } from "node:fs";
import { type Graph, makeGraph } from "@phinets/core/graph";
import { runFloat } from "@phinets/core/inference";
import { createEngine, type Engine } from "@phinets/core/kernels";
import {
  buildNetwork,
  importWeights,
  inputName,
  type Network,
  parseNetwork,
  requireComplete,
} from "@phinets/core/networks";
import { type FloatWeights, type Shape, tensor } from "@phinets/core/tensor";
import { Executor, forwardOnly } from "@phinets/core/training";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { goldens } from "./shared.js";
import { floats, pickle, safetensors, type TensorToWrite, TorchPickler } from "./weights-file.js";

interface Fixture {
  kwargs: Record<string, unknown> & { input_shape: [number, number, number] };
  params: number;
  taps: { i: number; shape: number[]; mean: number; absmean: number; max: number; first8: number[] }[];
  state_dict: [string, number[]][];
}

const folder = `${goldens}/phinet/fixtures`;
const fixtures: Record<string, Fixture> =
  goldens === undefined ? {} : JSON.parse(readFileSync(`${folder}/fixtures.json`, "utf8"));

const optionNames: Record<string, string> = {
  alpha: "alpha",
  beta: "beta",
  t_zero: "t0",
  num_layers: "blocks",
  downsampling_layers: "downsampling",
  divisor: "divisor",
  conv5_percent: "conv5",
  pool: "pool",
  conv2d_input: "conv2dInput",
  compatibility: "compatibility",
};

function networkOf({ kwargs }: Fixture): Network {
  const [channels, height, width] = kwargs.input_shape;
  const options = Object.entries(kwargs).flatMap(([name, value]) =>
    name in optionNames ? [[optionNames[name], value]] : [],
  );
  const head = kwargs.include_top ? { kind: "classifier", classes: kwargs.num_classes } : { kind: "none" };
  return parseNetwork({
    family: "phinet",
    input: { height, width, channels },
    ...Object.fromEntries(options),
    head,
  } as unknown);
}

function readNpy(path: string): { shape: number[]; data: Float64Array } {
  const bytes = readFileSync(path);
  const headerLength = bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, 10 + headerLength);
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)![1]
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  const body = new Uint8Array(bytes.subarray(10 + headerLength)).buffer;
  expect(header).toContain("'fortran_order': False");
  return {
    shape,
    data: header.includes("<f8") ? new Float64Array(body) : Float64Array.from(new Float32Array(body)),
  };
}

/** Value at NHWC index i of a map `[batch, height, width, channels]` -> its place in NCHW. */
function toNchw(data: ArrayLike<number>, shape: Shape): Float64Array {
  if (shape.length !== 4) return Float64Array.from(data);
  const [batch, height, width, channels] = shape;
  const out = new Float64Array(data.length);
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < height * width; p++)
      for (let c = 0; c < channels; c++)
        out[(n * channels + c) * height * width + p] = data[(n * height * width + p) * channels + c];
  return out;
}

function fromNchw({ shape: [batch, channels, height, width], data }: { shape: number[]; data: Float64Array }) {
  const out = new Float32Array(data.length);
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < height * width; p++)
        out[(n * height * width + p) * channels + c] = data[(n * channels + c) * height * width + p];
  return tensor("float32", [batch, height, width, channels], out);
}

/** Largest absolute difference divided by the largest value. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let [error, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error = Math.max(error, Math.abs(actual[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return error / largest;
}

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

/** Values by name, `[batch, ...]` in NHWC. */
type Values = Readonly<Record<string, { readonly shape: Shape; readonly data: ArrayLike<number> }>>;

function runKernels(graph: Graph, weights: FloatWeights, x: { shape: Shape; data: Float32Array }): Values {
  const training = forwardOnly(graph, x.shape[0]);
  const executor = new Executor(engine, training);
  executor.setParameters(weights);
  executor.input(inputName).set(x.data);
  executor.forward();
  const values = graph.outputs.map((name, i) => {
    const data = executor.output(training.outputs[i]).slice();
    return [name, { shape: training.shapes[training.outputs[i]], data }] as const;
  });
  executor.dispose();
  return Object.fromEntries(values);
}

describe.skipIf(goldens === undefined).each(Object.entries(fixtures))("%s", (name, fixture) => {
  const graph = buildNetwork(networkOf(fixture));
  const output = graph.outputs[0];
  const file = `${folder}/${name}.pth`;
  const { weights, report } = importWeights(readFileSync(file), file, graph);
  const input = fromNchw(readNpy(`${folder}/${name}.in.npy`));
  const exact = readNpy(`${folder}/${name}.out64.npy`).data;
  // The last node of each module computes the module's output.
  const tapNames = fixture.taps.map(
    ({ i }) =>
      graph.nodes.findLast((node) => node.name === `_layers.${i}` || node.name.startsWith(`_layers.${i}.`))!.name,
  );
  const tapped = makeGraph(graph.name, graph.nodes, [...new Set([output, ...tapNames])]);

  it("has all and only the network's parameters", () => {
    expect(report).toMatchObject({ path: "", missing: [], unexpected: [], misshaped: [], renamed: 0 });
    expect(Object.keys(weights)).toEqual(Object.keys(graph.parameters));
    expect(() => requireComplete(report, file)).not.toThrow();
  });

  it.each([
    ["the float interpreter", (): Values => runFloat(tapped, weights, { [inputName]: input })],
    ["the kernels", (): Values => runKernels(tapped, weights, input)],
  ])("gives the reference's outputs in %s, layer by layer", (_, run) => {
    const values = run();
    expect(relativeError(toNchw(values[output].data, values[output].shape), exact)).toBeLessThan(1e-4);
    for (const [t, tap] of fixture.taps.entries()) {
      const { shape, data } = values[tapNames[t]];
      const map = toNchw(data, shape);
      expect([shape[0], shape[3], shape[1], shape[2]]).toEqual(tap.shape);
      const mean = map.reduce((sum, value) => sum + value, 0) / map.length;
      const absmean = map.reduce((sum, value) => sum + Math.abs(value), 0) / map.length;
      const largest = map.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
      const scale = Math.max(Math.abs(tap.max), tap.absmean);
      expect(Math.abs(mean - tap.mean) / scale, tapNames[t]).toBeLessThan(1e-4);
      expect(Math.abs(absmean - tap.absmean) / scale, tapNames[t]).toBeLessThan(1e-4);
      expect(Math.abs(largest - tap.max) / scale, tapNames[t]).toBeLessThan(1e-4);
      for (const [i, value] of tap.first8.entries())
        expect(Math.abs(map[i] - value) / scale, tapNames[t]).toBeLessThan(1e-4);
    }
  });
});

describe.skipIf(goldens === undefined)("the same weights in other files", () => {
  const name = "fx1_default_top_32";
  const fixture = fixtures[name];
  const graph = fixture && buildNetwork(networkOf(fixture));
  const expected = fixture && importWeights(readFileSync(`${folder}/${name}.pth`), name, graph).weights;

  it.each([
    ["legacy.pth", ""],
    ["micromind-nested.pth.tar", "classifier"],
  ])("%s", (extension, path) => {
    const file = `${folder}/${name}.${extension}`;
    const { weights, report } = importWeights(readFileSync(file), file, graph);
    expect(report.path).toBe(path);
    expect(weights).toEqual(expected);
  });

  /** The state_dict in PyTorch's order and layout, num_batches_tracked included. */
  function stateDict(): [string, TensorToWrite][] {
    return fixture.state_dict.map(([key, shape]) => {
      if (key.endsWith("num_batches_tracked")) return [key, { shape, bytes: new Uint8Array(8), type: "Long" }];
      const { shape: own, data } = expected[key];
      return [key, { shape, bytes: floats(own.length === 4 ? toNchw(data, own) : data) }];
    });
  }

  /** Before October 2023 there was a padding module before the dropout of blocks with stride 2. */
  function oldName(key: string): string {
    const [, block, index, rest] = /^_layers\.(\d+)\._layers\.(\d+)(.*)$/.exec(key) ?? [];
    const strided = ["3", "5", "7", "9"].includes(block);
    return strided && Number(index) >= 4 ? `_layers.${block}._layers.${Number(index) + 1}${rest}` : key;
  }

  it.each(["zip", "legacy"] as const)("keys of before October 2023, %s", (format) => {
    const pickler = new TorchPickler(format);
    const renamed = stateDict()
      .filter(([, { type }]) => format === "zip" || type === undefined)
      .map(([key, value]): [string, TensorToWrite] => [oldName(key), value]);
    expect(renamed.some(([key]) => !Object.hasOwn(graph.parameters, key))).toBe(true);
    const { weights, report } = importWeights(pickler.file(pickler.stateDict(renamed)), "old.pth", graph);
    expect(report).toMatchObject({ missing: [], unexpected: [], misshaped: [] });
    expect(report.renamed).toBeGreaterThan(30);
    expect(weights).toEqual(expected);
  });

  it("a timm checkpoint with a Namespace, a wrapped module and the first classifier", () => {
    const pickler = new TorchPickler();
    const wrapped = stateDict().map(([key, value]): [string, TensorToWrite] => {
      if (key === "classifier.2.weight") return ["module.new_convolution.weight", { ...value, shape: [10, 48, 1, 1] }];
      return [`module.${key.replace("classifier.2", "new_convolution")}`, value];
    });
    const namespace = [
      ...pickle.global("argparse", "Namespace"),
      ...pickle.emptyTuple,
      ...pickle.newObject,
      ...pickler.dict({ alpha: pickle.int(3), data: pickle.string("/data/cifar"), device: pickle.none }),
      ...pickle.build,
    ];
    const bytes = pickler.file(
      pickler.dict({
        epoch: pickle.int(99),
        arch: pickle.string("phinet"),
        args: namespace,
        optimizer: pickler.dict({ state: pickle.emptyDict }),
        state_dict: pickler.stateDict(wrapped),
      }),
    );
    const { weights, report } = importWeights(bytes, "timm.pth.tar", graph);
    expect(report).toMatchObject({ path: "state_dict", missing: [], unexpected: [], misshaped: [] });
    expect(weights).toEqual(expected);
  });

  it("safetensors, with integers beside the floats", () => {
    const bytes = safetensors(
      Object.fromEntries(
        stateDict().map(([key, { shape, bytes, type }]) => [
          key,
          { shape, bytes, dtype: type === "Long" ? "I64" : "F32" },
        ]),
      ),
    );
    const { weights, report } = importWeights(bytes, "w.safetensors", graph);
    expect(report).toMatchObject({ missing: [], unexpected: [], misshaped: [], renamed: 0 });
    expect(weights).toEqual(expected);
  });
});
