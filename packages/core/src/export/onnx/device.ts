/** Runs a training graph's passes on ONNX Runtime: on its CPU provider or, through WebGPU, on a GPU. */
import { type FloatWeights, sizeOf } from "../../tensor/index.js";
import type { Executor, StepDevice, TrainingGraph } from "../../training/index.js";
import { OnnxModel } from "./model.js";
import type { OnnxRuntime, OnnxSession, OnnxSessionOptions, OnnxTensor } from "./runtime.js";
import { type HalfSteps, type OnnxTrainingGraph, onnxNames, trainingGraphToOnnxHalves } from "./training-graph.js";

/** ONNX Runtime's execution providers that training was tested on; "wasm" is onnxruntime-web's CPU. */
export type OnnxProvider = "cpu" | "wasm" | "webgpu";

export interface OnnxDeviceOptions {
  readonly provider: OnnxProvider;
  /** Threads of the CPU provider. Default: the runtime's own choice. */
  readonly threads?: number;
}

interface Compiled {
  readonly onnx: OnnxTrainingGraph<HalfSteps>;
  readonly forward: OnnxSession;
  readonly backward: OnnxSession;
}

type Tensors = Readonly<Record<string, OnnxTensor>>;

/**
 * Compiles each graph when it first runs. Between the passes, values that the gradients need stay on the device. The
 * runtime orders sums differently, so results equal our kernels' up to rounding.
 */
export class OnnxDevice implements StepDevice {
  readonly #compiled = new Map<TrainingGraph, Promise<Compiled>>();
  /** Tensors saved by the last forward pass. */
  #saved: { readonly executor: Executor; readonly tensors: Tensors; readonly parameters: OnnxTensor } | undefined;

  constructor(
    readonly runtime: OnnxRuntime,
    readonly options: OnnxDeviceOptions,
  ) {}

  /** Computes 1 + 1 on the device. Rejects with the runtime's error where the provider cannot start. */
  async probe(): Promise<void> {
    const model = new OnnxModel("probe", ["y"]);
    model.output(model.result("Add", [model.input("x", [1]), model.scalar(1)], {}, "y"), [1]);
    const session = await this.#open(model);
    const x = new this.runtime.Tensor("float32", Float32Array.of(1), [1]);
    const { y } = await session.run({ x });
    const [sum] = y.data as Float32Array;
    await session.release();
    if (sum !== 2) throw new Error(`1 + 1 is ${sum} there`);
  }

  /** Compiles a graph ahead of its first step. */
  async compile(graph: TrainingGraph): Promise<void> {
    await this.#compile(graph);
  }

  #compile(graph: TrainingGraph): Promise<Compiled> {
    const known = this.#compiled.get(graph);
    if (known !== undefined) return known;
    const onnx = trainingGraphToOnnxHalves(graph);
    const { forward, backward, saved } = onnx.models;
    const compiled = Promise.all([this.#open(forward, saved), this.#open(backward)]).then(([first, second]) => ({
      onnx,
      forward: first,
      backward: second,
    }));
    this.#compiled.set(graph, compiled);
    return compiled;
  }

  /** @param kept outputs that stay on the device */
  #open(model: OnnxModel, kept: readonly string[] = []): Promise<OnnxSession> {
    const { provider, threads } = this.options;
    const options: OnnxSessionOptions = {
      // With its default NHWC, the provider transposes around every convolution, which is a third slower (SwiftShader).
      executionProviders: [provider === "webgpu" ? { name: provider, preferredLayout: "NCHW" } : provider],
      logSeverityLevel: 3,
      ...(threads !== undefined && provider === "cpu" ? { intraOpNumThreads: threads } : {}),
      ...(provider === "webgpu"
        ? {
            preferredOutputLocation: Object.fromEntries(
              model.outputs.map(({ name }) => [name, kept.includes(name) ? "gpu-buffer" : "cpu"] as const),
            ),
          }
        : {}),
    };
    return this.runtime.InferenceSession.create(model.encode(), options);
  }

  async forward(executor: Executor): Promise<void> {
    this.#drop();
    const { graph } = executor;
    const { onnx, forward } = await this.#compile(graph);
    const parameters = this.#parameters(onnx, executor.parameters());
    const results = await forward.run(
      this.#feeds(onnx.models.forward, executor, { [onnxNames.parameters]: parameters }),
    );
    for (const name of graph.outputs) executor.output(name).set(results[name].data as Float32Array);
    if (graph.statistics.length > 0) {
      const flat = results[onnxNames.statistics].data as Float32Array;
      const entries = onnx.statistics.entries.map(({ name, offset, shape }) => {
        return [name, flat.subarray(offset, offset + sizeOf(shape))] as const;
      });
      executor.setStatistics(Object.fromEntries(entries));
    }
    this.#saved = { executor, tensors: results, parameters };
  }

  async backward(executor: Executor): Promise<void> {
    if (this.#saved?.executor !== executor) throw new Error("backward without this executor's forward before it");
    const { onnx, backward } = await this.#compile(executor.graph);
    const { tensors, parameters } = this.#saved;
    const feeds = this.#feeds(onnx.models.backward, executor, { ...tensors, [onnxNames.parameters]: parameters });
    const results = await backward.run(feeds);
    const flat = results[onnxNames.gradients].data as Float32Array;
    const gradients: FloatWeights = {};
    for (const { name, offset, shape } of onnx.gradients.entries)
      gradients[name] = { dtype: "float32", shape, data: flat.subarray(offset, offset + sizeOf(shape)) };
    executor.setGradients(gradients);
    this.#drop();
  }

  #parameters({ parameters }: OnnxTrainingGraph<HalfSteps>, weights: FloatWeights): OnnxTensor {
    const flat = new Float32Array(parameters.size);
    for (const { name, offset } of parameters.entries) flat.set(weights[name].data, offset);
    return new this.runtime.Tensor("float32", flat, [parameters.size]);
  }

  /** A model's inputs: the given tensors, otherwise copies of the executor's buffers (which are in shared memory). */
  #feeds(model: OnnxModel, executor: Executor, given: Tensors): Tensors {
    const entries = model.inputs.map(({ name, shape }) => {
      const tensor = given[name] ?? new this.runtime.Tensor("float32", executor.input(name).slice(), shape);
      return [name, tensor] as const;
    });
    return Object.fromEntries(entries);
  }

  #drop(): void {
    for (const tensor of Object.values(this.#saved?.tensors ?? {})) tensor.dispose();
    this.#saved = undefined;
  }

  async dispose(): Promise<void> {
    this.#drop();
    const all = await Promise.allSettled(this.#compiled.values());
    this.#compiled.clear();
    for (const each of all) {
      if (each.status === "rejected") continue;
      await each.value.forward.release();
      await each.value.backward.release();
    }
  }
}
