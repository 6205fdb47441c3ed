/** Compares one step with fusion, without it, and on the fast kernels. */
import { setFlagsFromString } from "node:v8";
import { afterAll, expect, test } from "vitest";
import { createEngine, type Engine, kernelsSha256 } from "../kernels/index.js";
import { buildNetwork, initialWeights, inputName, parseNetwork } from "../networks/index.js";
import { PhinetsError, Random } from "../tensor/index.js";
import { differentiate, forwardOnly } from "./differentiate.js";
import { Executor, type ExecutorOptions } from "./executor.js";

const input = { height: 40, width: 40, channels: 3 };
const yolo = { kind: "yolov2", classes: ["a", "b"] };
const networks = {
  "PhiNet with squeeze and excite, hard-swish, a detection head": {
    ...{ family: "phinet", input, alpha: 0.2, t0: 4, blocks: 5, head: yolo },
  },
  "PhiNet in compatibility mode, to classify": {
    ...{ family: "phinet", input, alpha: 0.2, t0: 4, blocks: 5, compatibility: true },
    head: { kind: "classifier", classes: ["a", "b", "c"] },
  },
  MobileNetV2: { family: "mobilenetv2", input, width: 0.15, head: yolo },
};

const engines: Engine[] = [];
afterAll(() => Promise.all(engines.map((engine) => engine.dispose())));

async function engineOf(options = {}): Promise<Engine> {
  engines.push(await createEngine(options));
  return engines.at(-1)!;
}

/** Runs one step: outputs, gradients, new parameters and the executor's bytes. */
function step(engine: Engine, description: unknown, options: ExecutorOptions) {
  const network = parseNetwork(description);
  const graph = buildNetwork(network);
  const executor = new Executor(engine, differentiate(graph, 4), undefined, options);
  executor.setParameters(initialWeights(graph, 3, network.head));
  const random = new Random(5);
  const pixels = executor.input(inputName);
  for (let i = 0; i < pixels.length; i++) pixels[i] = random.normal();
  executor.forward();
  const output = executor.output(graph.outputs[0]).slice();
  executor.setCotangent(
    graph.outputs[0],
    output.map(() => random.normal()),
  );
  executor.backward();
  const gradients = executor.gradients();
  executor.optimizerStep({ kind: "adamw", learningRate: 0.01, step: 1 });
  executor.updateRunningStatistics(0.1);
  const parameters = executor.parameters();
  const { bytes } = executor;
  executor.dispose();
  return { output, gradients, parameters, bytes };
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

/**
 * Largest relative error of a gradient tensor, by norm. A gradient that is zero up to rounding is measured against the
 * norm of all gradients.
 */
function gradientError(a: ReturnType<typeof step>["gradients"], b: ReturnType<typeof step>["gradients"]): number {
  const whole = Math.sqrt(Object.values(b).reduce((sum, { data }) => sum + norm(data as Float32Array) ** 2, 0));
  return Math.max(
    ...Object.entries(b).map(([name, { data }]) => {
      const difference = (a[name].data as Float32Array).map((value, i) => value - data[i]);
      return norm(difference) / Math.max(norm(data as Float32Array), 1e-4 * whole);
    }),
  );
}

test.each(Object.entries(networks))("fused and unfused steps agree: %s", async (_, description) => {
  const engine = await engineOf();
  const fused = step(engine, description, {});
  const unfused = step(engine, description, { fuse: false });
  expect(unfused.bytes).toBeGreaterThan(fused.bytes);
  expect(norm(fused.output.map((value, i) => value - unfused.output[i]))).toBeLessThan(1e-5 * norm(unfused.output));
  expect(gradientError(fused.gradients, unfused.gradients)).toBeLessThan(1e-3);
});

const classifier = { kind: "classifier", classes: ["a", "b", "c"] };
const forInference = { ...networks, EfficientNet: { family: "efficientnet", input, head: classifier } };

test.each(Object.entries(forInference))("inference has the bits of every value stored: %s", async (_, description) => {
  const engine = await engineOf();
  const network = parseNetwork(description);
  const graph = buildNetwork(network);
  const [fused, stored] = [true, false].map((fuse) => {
    const executor = new Executor(engine, forwardOnly(graph, 2), undefined, { fuse });
    const first = initialWeights(graph, 3, network.head);
    if (fuse) {
      executor.setParameters(first); // results derived from other parameters must not be reused
      executor.forward();
    }
    const random = new Random(6);
    const weights = Object.entries(first).map(([name, weight]) => {
      const { kind } = graph.parameters[name];
      const value = kind === "runningVariance" ? () => random.uniform(0.5, 2) : () => random.normal();
      return [name, kind === "weight" ? weight : { ...weight, data: (weight.data as Float32Array).map(value) }];
    });
    executor.setParameters(Object.fromEntries(weights));
    const pixels = executor.input(inputName);
    for (let i = 0; i < pixels.length; i++) pixels[i] = random.normal();
    executor.forward();
    const output = executor.output(graph.outputs[0]).slice();
    const { bytes } = executor;
    executor.dispose();
    return { bytes, bits: new Uint32Array(output.buffer) };
  });
  expect(new Set(stored.bits).size).toBeGreaterThan(3);
  expect(fused.bits).toEqual(stored.bits);
  expect(fused.bytes).toBeLessThan(stored.bytes);
});

test("the fast kernels agree with the reference, or say what they need", async () => {
  const description = networks["PhiNet with squeeze and excite, hard-swish, a detection head"];
  const reference = await engineOf();
  expect(reference.kernelsSha256).toBe(kernelsSha256);
  if (process.versions.node.startsWith("20.")) {
    const failure: PhinetsError = await createEngine({ fast: true }).then(
      () => expect.unreachable(),
      (error) => error,
    );
    expect(failure).toBeInstanceOf(PhinetsError);
    expect(failure.message).toMatch(/relaxed SIMD .* Node 22 or later/);
    setFlagsFromString("--experimental-wasm-relaxed-simd");
  }
  const fast = await engineOf({ fast: true });
  expect(fast.kernelsSha256).not.toBe(kernelsSha256);
  const [a, b] = [step(fast, description, {}), step(reference, description, {})];
  expect(norm(a.output.map((value, i) => value - b.output[i]))).toBeLessThan(1e-4 * norm(b.output));
  expect(gradientError(a.gradients, b.gradients)).toBeLessThan(1e-2);
});
