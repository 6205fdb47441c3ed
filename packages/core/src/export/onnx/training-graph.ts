/**
 * Writes a training graph (training/differentiate) as ONNX models for any runtime: the whole step in one, or its two
 * halves.
 */
import { trainable } from "../../graph/index.js";
import { channelsFirstShape, PhinetsError, type Shape, sizeOf } from "../../tensor/index.js";
import { gradientOps, type TrainingGraph, type TrainingNode } from "../../training/index.js";
import { type BackwardNode, emitBackward } from "./backward.js";
import { channelsLast, Emission, giveChannelsLast, reorders, toChannelsFirst } from "./emission.js";
import { emitForward, type ForwardNode } from "./forward.js";
import { OnnxModel } from "./model.js";

/** Location of one tensor in a flat float32 vector. */
export interface FlatEntry {
  readonly name: string;
  /** Index of its first element in the vector. */
  readonly offset: number;
  readonly shape: Shape;
}

export interface FlatLayout {
  readonly entries: readonly FlatEntry[];
  /** Number of elements in the vector. */
  readonly size: number;
}

/**
 * Models take and give maps in the training graph's layout (NHWC; weights OHWI). Tensors that exist once per layer are
 * packed into one flat vector each, laid out in `parameters`, `gradients` and `statistics`, so that a GPU needs few
 * transfers.
 */
export interface OnnxTrainingGraph<M> {
  readonly models: M;
  /** Layout of the input "parameters": the network's parameters that the models read. */
  readonly parameters: FlatLayout;
  /** Layout of the output "gradients", by parameter. */
  readonly gradients: FlatLayout;
  /** Layout of the output "statistics": batch means and biased variances, by the training graph's value. */
  readonly statistics: FlatLayout;
}

/** One model: inputs, masks, cotangents and parameters in; outputs, gradients and statistics out. */
export interface WholeStep {
  readonly step: OnnxModel;
}

/**
 * Two models, for a loss that is computed in between. `saved` are outputs of the first model that the second takes as
 * inputs: the values that the gradients need, in the first model's layout.
 */
export interface HalfSteps {
  readonly forward: OnnxModel;
  readonly backward: OnnxModel;
  readonly saved: readonly string[];
}

export const onnxNames = { parameters: "parameters", gradients: "gradients", statistics: "statistics" } as const;

/** The whole step as one model. Throws PhinetsError `onnx.op` for an operator without a counterpart in ONNX. */
export function trainingGraphToOnnx(graph: TrainingGraph): OnnxTrainingGraph<WholeStep> {
  const layouts = layoutsOf(graph);
  const model = new OnnxModel(graph.network.name, reservedNames(graph));
  const part = new Part(graph, model, layouts.parameters, (value) => fail(graph, value));
  part.inputs([...graph.inputs, ...graph.masks.map(({ name }) => name), ...Object.values(graph.cotangents)]);
  part.emit(graph.nodes);
  part.giveOutputs();
  part.giveStatistics(layouts.statistics);
  part.giveGradients(layouts.gradients);
  return { models: { step: model }, ...layouts };
}

/** The step as two models, forward and backward. Throws as `trainingGraphToOnnx`. */
export function trainingGraphToOnnxHalves(graph: TrainingGraph): OnnxTrainingGraph<HalfSteps> {
  const layouts = layoutsOf(graph);
  const forward = new OnnxModel(`${graph.network.name} forward`, reservedNames(graph));
  const first = new Part(graph, forward, layouts.parameters, (value) => fail(graph, value));
  first.inputs([...graph.inputs, ...graph.masks.map(({ name }) => name)]);
  first.emit(graph.nodes.slice(0, graph.forwardLength));
  first.giveOutputs();
  first.giveStatistics(layouts.statistics);

  const saved: string[] = [];
  const backward = new OnnxModel(`${graph.network.name} backward`, reservedNames(graph));
  const second = new Part(graph, backward, layouts.parameters, (value) => {
    const tensor = first.to.value(value);
    if (backward.inputs.some(({ name }) => name === tensor)) return tensor;
    const shape = first.tensorShape(value);
    // Inputs of the first model are given to the second model directly.
    if (!forward.inputs.some(({ name }) => name === tensor)) {
      forward.output(tensor, shape);
      saved.push(tensor);
    }
    return backward.input(tensor, shape);
  });
  second.inputs(Object.values(graph.cotangents));
  second.emit(graph.nodes.slice(graph.forwardLength));
  second.giveGradients(layouts.gradients);
  return { models: { forward, backward, saved }, ...layouts };
}

function fail(graph: TrainingGraph, value: string): never {
  throw new PhinetsError("onnx.value", `"${value}" of "${graph.network.name}" is read before it is made`);
}

function reservedNames(graph: TrainingGraph): string[] {
  return [
    ...Object.values(onnxNames),
    ...graph.inputs,
    ...graph.masks.map(({ name }) => name),
    ...graph.outputs,
  ].concat(Object.values(graph.cotangents));
}

function flat(entries: readonly (readonly [name: string, shape: Shape])[]): FlatLayout {
  let size = 0;
  const placed = entries.map(([name, shape]) => {
    const offset = size;
    size += sizeOf(shape);
    return { name, offset, shape };
  });
  return { entries: placed, size };
}

function layoutsOf(graph: TrainingGraph): { parameters: FlatLayout; gradients: FlatLayout; statistics: FlatLayout } {
  const { parameters } = graph.network;
  // Only inference reads running statistics.
  const read = graph.nodes.flatMap((node) =>
    Object.values(node.parameters).filter((name) => node.op === "batchNorm" || trainable[parameters[name].kind]),
  );
  return {
    parameters: flat([...new Set(read)].map((name) => [name, parameters[name].shape] as const)),
    gradients: flat(Object.keys(graph.gradients).map((name) => [name, parameters[name].shape] as const)),
    statistics: flat(
      graph.statistics.flatMap(({ mean, variance }) =>
        [mean, variance].map((value) => [value, graph.shapes[value]] as const),
      ),
    ),
  };
}

/** The part of a training graph's nodes that one model holds. */
class Part {
  readonly to: Emission;
  #parameters: string | undefined;

  constructor(
    readonly graph: TrainingGraph,
    readonly model: OnnxModel,
    readonly layout: FlatLayout,
    imported: (value: string) => string,
  ) {
    this.to = new Emission(model, graph.shapes, { value: imported, parameter: (name) => this.#parameter(name) });
  }

  /** A parameter from the flat vector, by a slice each, because WebGPU cannot split into this many tensors at once. */
  #parameter(name: string): string {
    const { to, model, layout } = this;
    this.#parameters ??= model.input(onnxNames.parameters, [layout.size]);
    const { offset, shape } = layout.entries.find((entry) => entry.name === name)!;
    const vector = to.slice(this.#parameters, [0], [offset], [offset + sizeOf(shape)]);
    if (shape.length === 1) return vector;
    return toChannelsFirst(to, to.reshape(vector, shape), shape, name);
  }

  inputs(names: readonly string[]): void {
    for (const name of names) {
      const shape = this.graph.shapes[name];
      this.to.set(name, toChannelsFirst(this.to, this.model.input(name, shape), shape, `${name}:nchw`));
    }
  }

  emit(nodes: readonly TrainingNode[]): void {
    for (const node of nodes) {
      if (node.op === "input") continue;
      if (node.op in gradientOps) emitBackward(node as BackwardNode, this.to);
      else emitForward(node as ForwardNode, this.to);
    }
  }

  /** Shape of the tensor that holds a value. */
  tensorShape(value: string): Shape {
    const { graph } = this;
    const isStatistic = graph.statistics.some(({ mean, variance }) => value === mean || value === variance);
    if (!isStatistic) return channelsFirstShape(graph.shapes[value]);
    const { inputs } = graph.nodes.find(({ outputs }) => outputs.includes(value))!;
    const [channels] = graph.shapes[value];
    return graph.shapes[inputs[0]].length === 4 ? [1, channels, 1, 1] : [1, channels];
  }

  giveOutputs(): void {
    for (const name of new Set(this.graph.outputs)) {
      giveChannelsLast(this.to, this.to.value(name), this.graph.shapes[name], name);
    }
  }

  giveStatistics(layout: FlatLayout): void {
    this.#give(onnxNames.statistics, layout, ({ name }) => this.to.value(name));
  }

  giveGradients(layout: FlatLayout): void {
    this.#give(onnxNames.gradients, layout, ({ name, shape }) => {
      const gradient = this.to.value(this.graph.gradients[name]);
      return reorders(shape) ? this.to.transpose(gradient, channelsLast) : gradient;
    });
  }

  #give(name: string, layout: FlatLayout, tensorOf: (entry: FlatEntry) => string): void {
    if (layout.entries.length === 0) return;
    const rows = layout.entries.map((entry) => this.to.reshape(tensorOf(entry), [-1]));
    this.model.output(this.model.result("Concat", rows, { axis: { int: 0 } }, name), [layout.size]);
  }
}
