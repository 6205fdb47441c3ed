/**
 * Derives a network's training step as a graph: the forward nodes in training mode, then the vector-Jacobian product of
 * every node in reverse order. The loss stays outside: the graph takes the gradient of the loss with respect to each
 * output (`cotangents`) and returns the gradient with respect to each trainable parameter.
 */
import {
  type Graph,
  inputsOf,
  isLinear,
  type Node,
  type OpAttributes,
  type OpName,
  opTraits,
  requireInt8,
  trainable,
  withBatch,
} from "../graph/index.js";
import { PhinetsError, type Shape } from "../tensor/index.js";
import type { GradientOpAttributes, GradientOpName } from "./gradient-ops.js";
import { products } from "./products.js";
import { Tape } from "./tape.js";

export type TrainingOpAttributes = OpAttributes & GradientOpAttributes;
export type TrainingOpName = OpName | GradientOpName;

export interface TrainingNodeOf<O extends TrainingOpName> {
  readonly name: string;
  readonly op: O;
  readonly inputs: readonly string[];
  /** Names of the node's output values; the first is the node's own name. */
  readonly outputs: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly attributes: TrainingOpAttributes[O];
  /** The forward node whose gradient this is. */
  readonly of?: string;
}
export type TrainingNode = { [O in TrainingOpName]: TrainingNodeOf<O> }[TrainingOpName];

export interface DropoutMask {
  /** Name of the input value: `DROPOUT:mask`. */
  readonly name: string;
  /** `[batch, 1, 1, channels]` when whole channels are dropped, else the map's shape. */
  readonly shape: Shape;
  readonly rate: number;
}

export interface TrainingGraph {
  /** The source network at the training batch size. */
  readonly network: Graph;
  /** Whether values are rounded to int8 and weights are read from the copy set by `Executor.setInt8`. */
  readonly int8: boolean;
  readonly batch: number;
  /** Forward nodes, then backward nodes; in execution order. */
  readonly nodes: readonly TrainingNode[];
  /** How many of `nodes` are forward. */
  readonly forwardLength: number;
  readonly shapes: Readonly<Record<string, Shape>>;
  /** Names of the network's inputs. */
  readonly inputs: readonly string[];
  /** Dropout masks to fill before each forward. */
  readonly masks: readonly DropoutMask[];
  readonly outputs: readonly string[];
  /** Input value that holds the cotangent of each output. Empty for inference. */
  readonly cotangents: Readonly<Record<string, string>>;
  /** Value that holds the gradient of each trainable parameter. Empty for inference. */
  readonly gradients: Readonly<Record<string, string>>;
  /** Batch statistics and the running statistics they update; each channel's statistics are over `count` elements. */
  readonly statistics: readonly {
    readonly mean: string;
    readonly variance: string;
    readonly runningMean: string;
    readonly runningVariance: string;
    readonly count: number;
  }[];
  /** Parameters that are not trained. */
  readonly frozen: ReadonlySet<string>;
}

interface Forward {
  readonly network: Graph;
  readonly tape: Tape;
  readonly masks: DropoutMask[];
  /** Maps a value of the network to a value of the tape. */
  readonly alias: Map<string, string>;
}

function unrollForward(graph: Graph, batch: number, training: boolean, frozen?: ReadonlySet<string>): Forward {
  const network = withBatch(graph, batch);
  const tape = new Tape();
  const masks: DropoutMask[] = [];
  const alias = new Map<string, string>();
  for (const node of network.nodes) {
    const inputs = node.inputs.map((input) => alias.get(input)!);
    alias.set(node.name, node.name);
    const { parameters } = node;
    if (node.op === "dropout") {
      const { rate, spatial } = node.attributes;
      if (!training || rate === 0) {
        alias.set(node.name, inputs[0]);
        continue;
      }
      const full = tape.shapes[inputs[0]];
      const shape = spatial && full.length === 4 ? [full[0], 1, 1, full[3]] : full;
      const mask = tape.add("input", `${node.name}:mask`, [], { shape });
      masks.push({ name: mask, shape, rate });
      tape.add("multiply", node.name, [inputs[0], mask], {});
    } else if (isLinear(node) && node.attributes.activation !== "none") {
      const attributes = { ...node.attributes, activation: "none" };
      const linear = tape.add(node.op, `${node.name}:linear`, inputs, attributes as never, { parameters });
      tape.add("relu6", node.name, [linear], {});
    } else if (node.op === "batchNorm" && training && !frozen?.has(node.name)) {
      const outputs = [`${node.name}:mean`, `${node.name}:variance`];
      tape.add("batchNormTrain", node.name, inputs, node.attributes, { parameters, outputs });
    } else tape.add(node.op, node.name, inputs, node.attributes as never, { parameters });
  }
  return { network, tape, masks, alias };
}

/**
 * Unrolls a deployed graph into float operations that match the integer network. Values that the integer network rounds
 * (the input, sums of products, add, multiply, means) are followed by `fakeQuantize`, which clamps as a fused ReLU6
 * does; activations become tables of 256 entries; the remaining operators only move values. A rounded value keeps the
 * network's name; before rounding it is called `NAME:real`.
 */
function unrollInt8(graph: Graph, batch: number): Forward {
  const network = withBatch(graph, batch);
  const tape = new Tape();
  const alias = new Map<string, string>();
  for (const node of network.nodes) {
    requireInt8(node, "training.int8");
    if (node.op === "softmax")
      throw new PhinetsError(
        "training.int8",
        `${node.op} "${node.name}": has no int8 form that training simulates; end the network at its logits`,
      );
    const { name, op, parameters } = node;
    const inputs = node.inputs.map((input) => alias.get(input)!);
    const value = { value: name };
    const attributes = (isLinear(node) ? { ...node.attributes, activation: "none" } : node.attributes) as never;
    const { int8 } = opTraits[op];
    alias.set(name, name);
    if (int8 === "table") tape.add("lookup", name, inputs, value);
    else if (op === "constant") tape.add(op, name, inputs, attributes, { parameters });
    else if (int8 === "rescales" || roundsMean(node)) {
      tape.add(op, `${name}:real`, inputs, attributes, { parameters });
      tape.add("fakeQuantize", name, [`${name}:real`], value);
    } else if (int8 === "keeps") tape.add(op, name, inputs, attributes);
    else {
      tape.add(op, name, inputs, attributes);
      alias.set(name, tape.add("fakeQuantize", `${name}:int8`, [name], value));
    }
  }
  return { network, tape, masks: [], alias };
}

/** Whether a node averages several values, so that its result is rounded although it keeps its input's scale. */
function roundsMean(node: Node): boolean {
  return node.op === "averagePool" || (node.op === "resize" && node.attributes.mode === "bilinear");
}

function finish(forward: Forward, forwardLength: number, rest: Partial<TrainingGraph>): TrainingGraph {
  const { network, tape, masks, alias } = forward;
  return {
    network,
    int8: false,
    batch: tape.shapes[inputsOf(network)[0].name][0],
    nodes: tape.nodes,
    forwardLength,
    shapes: tape.shapes,
    inputs: inputsOf(network).map(({ name }) => name),
    masks,
    outputs: network.outputs.map((output) => alias.get(output)!),
    cotangents: {},
    gradients: {},
    statistics: [],
    frozen: new Set(),
    ...rest,
  };
}

/** Inference graph at a batch size, with running statistics and no dropout, for validation on float weights. */
export function forwardOnly(graph: Graph, batch: number): TrainingGraph {
  const forward = unrollForward(graph, batch, false);
  return finish(forward, forward.tape.nodes.length, {});
}

/** Inference graph of a deployed graph (`deployGraph`), computed as its integer form computes. */
export function forwardOnlyInt8(graph: Graph, batch: number): TrainingGraph {
  const forward = unrollInt8(graph, batch);
  return finish(forward, forward.tape.nodes.length, { int8: true });
}

/**
 * The training graph of a network at a batch size.
 * @param frozenLayers names of nodes whose parameters are not trained; their batch norms use running statistics. The
 *   backward pass stops at the first trained layer.
 */
export function differentiate(graph: Graph, batch: number, frozenLayers?: ReadonlySet<string>): TrainingGraph {
  return derive(unrollForward(graph, batch, true, frozenLayers), false, frozenLayers);
}

/**
 * The training graph of a deployed graph (`deployGraph`) in which every value is rounded where the integer network
 * rounds it. Gradients pass straight through the rounding and are zero where it clamps.
 */
export function differentiateInt8(graph: Graph, batch: number): TrainingGraph {
  return derive(unrollInt8(graph, batch), true);
}

function derive(forward: Forward, int8: boolean, frozenLayers?: ReadonlySet<string>): TrainingGraph {
  const { network, tape } = forward;
  const nodes = [...tape.nodes];
  const frozen = new Set(
    network.nodes.flatMap(({ name, parameters }) => (frozenLayers?.has(name) ? Object.values(parameters) : [])),
  );
  const isTrained = (name: string): boolean => trainable[network.parameters[name].kind] && !frozen.has(name);
  const needsGradient = new Set<string>();
  for (const node of nodes) {
    const trained = Object.values(node.parameters).some(isTrained);
    if (trained || node.inputs.some((input) => needsGradient.has(input))) needsGradient.add(node.name);
  }
  const contributions = new Map<string, string[]>();
  const contribute = (value: string, gradient: string): void => {
    contributions.set(value, [...(contributions.get(value) ?? []), gradient]);
  };
  const cotangents: Record<string, string> = {};
  for (const output of network.outputs.map((name) => forward.alias.get(name)!)) {
    if (output in cotangents) continue;
    cotangents[output] = tape.add("input", `grad:${output}`, [], { shape: tape.shapes[output] });
    contribute(output, cotangents[output]);
  }
  const gradients: Record<string, string> = {};
  for (const node of nodes.toReversed()) {
    const parts = contributions.get(node.name);
    if (parts === undefined || !needsGradient.has(node.name)) continue;
    const dy = parts.reduce((sum, part, i) => tape.add("add", `grad:${node.name}:sum${i}`, [sum, part], {}));
    const needs = (input: string): boolean => needsGradient.has(input);
    products[node.op as keyof typeof products](node as never, dy, { tape, needs, isTrained, contribute, gradients });
  }
  const statistics = nodes.flatMap((node) => {
    if (node.op !== "batchNormTrain") return [];
    const shape = tape.shapes[node.inputs[0]];
    return [
      {
        mean: node.outputs[1],
        variance: node.outputs[2],
        runningMean: node.parameters.mean,
        runningVariance: node.parameters.variance,
        count: shape.slice(0, -1).reduce((a, b) => a * b, 1),
      },
    ];
  });
  return finish(forward, nodes.length, { cotangents, gradients, statistics, frozen, int8 });
}
