/**
 * The single intermediate representation: a static list of nodes in execution order, with the shape of every value.
 * Everything else (cost, plan, training graph, integer graph, C) is a pure function of it.
 */
import { formatShape, PhinetsError, type Shape } from "../tensor/index.js";
import { type OpAttributes, type OpName, type OpParameter, type OpSpec, ops, type ParameterKind } from "./ops.js";

export interface NodeOf<O extends OpName> {
  /** Unique; also the name of the node's output value. */
  readonly name: string;
  readonly op: O;
  /** Names of the values that the node reads. */
  readonly inputs: readonly string[];
  /** Parameter names by role, e.g. `{ weight: "_layers.1._layers.0.weight" }`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly attributes: OpAttributes[O];
}

/** A node; `node.op` narrows its attributes. */
export type Node = { [O in OpName]: NodeOf<O> }[OpName];

export interface Parameter {
  readonly kind: ParameterKind;
  readonly shape: Shape;
}

export interface Graph {
  readonly name: string;
  /** In execution order, `input` nodes included. */
  readonly nodes: readonly Node[];
  /** Names of the output values. */
  readonly outputs: readonly string[];
  /** Shape of every value, by the name of the node that makes it. */
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** Whether softmax makes the first output, so that it holds probabilities and not logits. */
export function endsWithSoftmax({ nodes, outputs }: Graph): boolean {
  return nodes.find(({ name }) => name === outputs[0])?.op === "softmax";
}

export const trainable: Readonly<Record<ParameterKind, boolean>> = {
  weight: true,
  bias: true,
  gamma: true,
  beta: true,
  runningMean: false,
  runningVariance: false,
  constant: false,
};

/**
 * Builds a graph from nodes in execution order, inferring every shape.
 * Throws PhinetsError when a name repeats, an input is unknown or comes later, or an op refuses its arguments.
 */
export function makeGraph(name: string, nodes: readonly Node[], outputs: readonly string[]): Graph {
  const shapes: Record<string, Shape> = {};
  const parameters: Record<string, Parameter> = {};
  for (const node of nodes) {
    if (Object.hasOwn(shapes, node.name))
      throw new PhinetsError("graph.name", `${node.op} "${node.name}": the name is taken; names are unique in a graph`);
    const spec = ops[node.op] as OpSpec<OpAttributes[OpName]> | undefined;
    if (spec === undefined)
      throw new PhinetsError(
        "graph.op",
        `node "${node.name}" has unknown op "${(node as Node).op}"; known: ${Object.keys(ops).join(", ")}`,
      );
    const { arity } = spec;
    const [least, most] = typeof arity === "number" ? [arity, arity] : [arity.least, Number.POSITIVE_INFINITY];
    if (node.inputs.length < least || node.inputs.length > most) {
      throw new PhinetsError(
        "graph.arity",
        `${node.op} "${node.name}": has ${node.inputs.length} inputs, needs ${least}${most > least ? " or more" : ""}`,
      );
    }
    const inputs = node.inputs.map((input) => {
      const shape = Object.hasOwn(shapes, input) ? shapes[input] : undefined;
      if (shape === undefined)
        throw new PhinetsError(
          "graph.input",
          `${node.op} "${node.name}": input "${input}" is not made by an earlier node`,
        );
      return shape;
    });
    shapes[node.name] = spec.infer(node.name, inputs, node.attributes)[0];
    const needed: Record<string, OpParameter> = spec.parameters?.(inputs, node.attributes) ?? {};
    for (const [role, parameter] of Object.entries(needed)) {
      const key = node.parameters[role];
      if (key === undefined)
        throw new PhinetsError(
          "graph.parameter",
          `${node.op} "${node.name}": parameter "${role}" ${formatShape(parameter.shape)} is missing`,
        );
      if (Object.hasOwn(parameters, key))
        throw new PhinetsError(
          "graph.parameter",
          `${node.op} "${node.name}": parameter name "${key}" is taken by another node`,
        );
      parameters[key] = parameter;
    }
  }
  for (const output of outputs) {
    if (!Object.hasOwn(shapes, output))
      throw new PhinetsError("graph.output", `graph "${name}": output "${output}" is not made by any node`);
  }
  return { name, nodes, outputs, shapes, parameters };
}

/** The node that makes a value. */
export function nodeOf(graph: Graph, value: string): Node {
  const node = graph.nodes.find((candidate) => candidate.name === value);
  if (node === undefined) throw new PhinetsError("graph.value", `graph "${graph.name}" has no value "${value}"`);
  return node;
}

/** Input nodes in order. */
export function inputsOf(graph: Graph): NodeOf<"input">[] {
  return graph.nodes.filter((node) => node.op === "input") as NodeOf<"input">[];
}

/** The nodes that read each value, by value name. */
export function consumersOf(graph: Graph): Map<string, Node[]> {
  const consumers = new Map<string, Node[]>(graph.nodes.map((node) => [node.name, []]));
  for (const node of graph.nodes) for (const input of node.inputs) consumers.get(input)!.push(node);
  return consumers;
}

/** The same graph for another batch size. */
export function withBatch(graph: Graph, batch: number): Graph {
  const nodes = graph.nodes.map(
    (node): Node =>
      node.op === "input" ? { ...node, attributes: { shape: [batch, ...node.attributes.shape.slice(1)] } } : node,
  );
  return makeGraph(graph.name, nodes, graph.outputs);
}

/** The same graph with every dropout at `rate`, in 0..1, 1 excluded; 0 disables dropout. */
export function withDropout(graph: Graph, rate: number): Graph {
  const nodes = graph.nodes.map(
    (node): Node => (node.op === "dropout" ? { ...node, attributes: { ...node.attributes, rate } } : node),
  );
  return makeGraph(graph.name, nodes, graph.outputs);
}

/** Whether a convolution is a matrix product per pixel: 1x1, stride 1, no padding, one group. */
export function isPointwise({ attributes }: Pick<NodeOf<"conv2d">, "attributes">): boolean {
  const { kernel, stride, padding, groups } = attributes;
  return groups === 1 && [...kernel, ...stride].every((n) => n === 1) && Object.values(padding).every((n) => n === 0);
}

/**
 * Whether each filter of a convolution reads one channel of its own. A pointwise convolution of one channel to one
 * filter counts as a matrix product instead.
 */
export function isDepthwise(node: NodeOf<"conv2d">, inputShape: Shape): boolean {
  const { groups, filters } = node.attributes;
  return groups === inputShape[3] && filters === inputShape[3] && !isPointwise(node);
}
