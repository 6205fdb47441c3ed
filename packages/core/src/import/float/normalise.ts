/**
 * Adapts a float network to our input: pixels come as pixel / 128 - 1, but most networks were trained on another
 * normalisation.
 */
import { type Graph, makeGraph, type Node, noPadding } from "../../graph/index.js";
import { inputName } from "../../networks/index.js";
import { type FloatWeights, PhinetsError, tensor } from "../../tensor/index.js";

/** The network expects (p * scale - mean) / std for a pixel p, 0..255. */
export interface Normalisation {
  /** Default 1/255. */
  readonly scale?: number;
  /** One for all channels, or one per channel. Default 0. */
  readonly mean?: readonly number[];
  /** One for all channels, or one per channel. Default 1. */
  readonly std?: readonly number[];
}

export interface Normalised {
  readonly graph: Graph;
  readonly weights: FloatWeights;
  /** Description of the change; absent where none was needed. */
  readonly note?: string;
}

/**
 * Makes a network that takes pixel / 128 - 1 from one that takes normalised pixels. The first convolutions' weights and
 * biases absorb scale and shift where these convolutions are not padded, or where there is no shift. With a shift,
 * their zero padding would no longer stand for the pixel value it had in training, so scale and shift become a layer of
 * their own.
 * Throws PhinetsError `import.normalisation` for invalid numbers.
 */
export function normalise(graph: Graph, weights: FloatWeights, normalisation: Normalisation): Normalised {
  const { scale = 1 / 255, mean = [0], std = [1] } = normalisation;
  const channels = graph.shapes[inputName][3];
  const fail = (problem: string): never => {
    throw new PhinetsError("import.normalisation", problem);
  };
  if (!(scale > 0 && Number.isFinite(scale))) fail(`--scale is ${scale}; a number above 0 is needed`);
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length !== 1 && values.length !== channels)
      fail(`--${name} has ${values.length} numbers; one, or one for each of ${channels} channels, is needed`);
    const wrong = values.find((value) => !Number.isFinite(value) || (name === "std" && value <= 0));
    if (wrong !== undefined)
      fail(`--${name} has ${wrong}; ${name === "std" ? "numbers above 0 are" : "a number is"} needed`);
  }
  const of = (values: readonly number[], c: number) => values[values.length === 1 ? 0 : c];
  const each = Array.from({ length: channels }, (_, c) => c);
  // p = 128 (u + 1)
  const factors = each.map((c) => (128 * scale) / of(std, c));
  const shifts = each.map((c) => (128 * scale - of(mean, c)) / of(std, c));
  if (factors.every((factor) => factor === 1) && shifts.every((shift) => shift === 0)) return { graph, weights };
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(inputName));
  const isPadded = (node: Node) =>
    node.op !== "conv2d" || Object.values(node.attributes.padding).some((side) => side > 0);
  const isLeftAlone = graph.outputs.includes(inputName);
  const canScale = !isLeftAlone && readers.every(({ op }) => op === "conv2d");
  if (canScale && (shifts.every((shift) => shift === 0) || !readers.some(isPadded)))
    return {
      ...folded(graph, weights, readers, factors, shifts),
      note: "the normalisation became a part of the first convolution",
    };
  return {
    ...before(graph, weights, factors, shifts),
    note: "the normalisation is a layer before the first, as that pads with zeros",
  };
}

function folded(
  graph: Graph,
  weights: FloatWeights,
  readers: readonly Node[],
  factors: readonly number[],
  shifts: readonly number[],
): { readonly graph: Graph; readonly weights: FloatWeights } {
  const changed = { ...weights };
  const nodes = graph.nodes.map((node): Node => {
    if (node.op !== "conv2d" || !readers.includes(node)) return node;
    const { filters, groups } = node.attributes;
    const { shape, data } = weights[node.parameters.weight];
    const perFilter = data.length / filters;
    const bias = node.parameters.bias ?? `${node.name}.bias`;
    const sums = Float64Array.from(node.attributes.bias ? weights[bias].data : new Float32Array(filters));
    const scaled = data.map((w, i) => {
      const filter = Math.floor(i / perFilter);
      const channel = Math.floor(filter / (filters / groups)) * shape[3] + (i % shape[3]);
      sums[filter] += w * shifts[channel];
      return w * factors[channel];
    });
    changed[node.parameters.weight] = tensor("float32", shape, scaled);
    changed[bias] = tensor("float32", [filters], Float32Array.from(sums));
    const parameters = { ...node.parameters, bias };
    return { ...node, parameters, attributes: { ...node.attributes, bias: true } };
  });
  return { graph: makeGraph(graph.name, nodes, graph.outputs), weights: changed };
}

/** Puts a depthwise 1x1 convolution before everything else. */
function before(
  graph: Graph,
  weights: FloatWeights,
  factors: readonly number[],
  shifts: readonly number[],
): { readonly graph: Graph; readonly weights: FloatWeights } {
  const channels = factors.length;
  const taken = new Set([...graph.nodes.map(({ name }) => name), ...Object.keys(weights)]);
  let name = "normalised";
  while ([name, `${name}.weight`, `${name}.bias`].some((each) => taken.has(each))) name += "_";
  const parameters = { weight: `${name}.weight`, bias: `${name}.bias` };
  const layer: Node = {
    ...{ name, op: "conv2d", inputs: [inputName], parameters },
    attributes: {
      ...{ filters: channels, kernel: [1, 1], stride: [1, 1], padding: noPadding },
      ...{ groups: channels, bias: true, activation: "none" },
    },
  };
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const inputs = node.inputs.map((input) => (input === inputName ? name : input));
    const same = { ...node, inputs } as Node;
    return node.op === "input" ? [same, layer] : [same];
  });
  return {
    graph: makeGraph(graph.name, nodes, graph.outputs),
    weights: {
      ...weights,
      [parameters.weight]: tensor("float32", [channels, 1, 1, 1], Float32Array.from(factors)),
      [parameters.bias]: tensor("float32", [channels], Float32Array.from(shifts)),
    },
  };
}
