/** Collects the float graph of another tool's network node by node, and its weights by parameter name. */
import {
  deployGraph,
  type Graph,
  makeGraph,
  type Node,
  type NodeOf,
  noPadding,
  type OpAttributes,
  type OpName,
  type OpSpec,
  ops,
} from "../../graph/index.js";
import type { QuantizationParameters } from "../../quantization/index.js";
import { type FloatWeights, formatShape, PhinetsError, type Shape, tensor } from "../../tensor/index.js";
import { Unsupported } from "../unsupported.js";

/** A parameter: its values in the graph's order, and its name in the file, if it has one there. */
export interface FloatParameter {
  readonly data: Float32Array;
  readonly name?: string;
  /** For int8 weights: the scale, one per output channel or one for all. */
  readonly scales?: readonly number[];
}

/** y = scale * x + shift, with one number per channel or one for all. */
export interface Affine {
  readonly scale: ArrayLike<number>;
  readonly shift: ArrayLike<number>;
}

/** Variance and epsilon of a batch norm that only scales and shifts: their sum is 1, in float32 and in doubles. */
const noVariance = { variance: 1, epsilon: 1e-12 };

export class FloatGraph {
  readonly #nodes = new Map<string, Node>();
  readonly #shapes = new Map<string, Shape>();
  readonly #names = new Set<string>();
  readonly #weights: FloatWeights = {};
  /**
   * For a network that is already quantised: scales and zero points (as of int8) of the values for which the file
   * states them.
   */
  readonly quantizations = new Map<string, QuantizationParameters>();
  /** Scales of int8 weights, by parameter. */
  readonly weightScales = new Map<string, readonly number[]>();

  /**
   * @param arithmetic kind of network; int8 networks may hold lists of vectors, and turn any vector into a pixel by a
   * reshape
   */
  constructor(readonly arithmetic: "float" | "int8" = "float") {}

  /** Shape of a value. */
  shape(value: string): Shape {
    return this.#shapes.get(value) as Shape;
  }

  node(value: string): Node {
    return this.#nodes.get(value) as Node;
  }

  /**
   * Adds a node; returns the name of its value.
   * @param wanted the value's name in the file, which is made plain and unique
   * @throws Unsupported where the operator refuses its inputs, or a parameter has another size
   */
  add<O extends OpName>(
    op: O,
    wanted: string,
    inputs: readonly string[],
    attributes: OpAttributes[O],
    given: Readonly<Record<string, FloatParameter>> = {},
  ): string {
    const name = this.#unused(wanted);
    const spec = ops[op] as unknown as OpSpec<OpAttributes[O]>;
    const shapes = inputs.map((input) => this.shape(input));
    let shape: Shape;
    try {
      [shape] = spec.infer(name, shapes, attributes);
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      throw new Unsupported(`is refused: ${error.message}`);
    }
    const parameters: Record<string, string> = {};
    for (const [role, needed] of Object.entries(spec.parameters?.(shapes, attributes) ?? {})) {
      const { data, scales, name: own = `${name}.${role}` } = given[role];
      const size = needed.shape.reduce((product, side) => product * side, 1);
      if (data.length !== size)
        throw new Unsupported(`has ${data.length} values as its ${role}, ${formatShape(needed.shape)} is needed`);
      parameters[role] = this.#unused(own);
      this.#weights[parameters[role]] = tensor("float32", needed.shape, data);
      if (scales !== undefined) this.weightScales.set(parameters[role], scales);
    }
    this.#nodes.set(name, { name, op, inputs, parameters, attributes } as unknown as Node);
    this.#shapes.set(name, shape);
    return name;
  }

  /** A unique name that is valid in C, files and messages. */
  #unused(wanted: string): string {
    const plain = wanted.replace(/[^A-Za-z0-9_./:-]/g, "_").slice(0, 60) || "value";
    let free = plain;
    for (let n = 2; this.#names.has(free); n++) free = `${plain}_${n}`;
    this.#names.add(free);
    return free;
  }

  /**
   * Scales and shifts the channels of a value. If a linear layer without activation makes the value and nothing else
   * reads it, the layer's weights absorb both. Otherwise a batch norm without learnt statistics does, which is folded
   * when the network is deployed. A vector is multiplied and added to by constants instead.
   */
  affine(x: string, wanted: string, { scale, shift }: Affine, sole: boolean): string {
    const channels = this.shape(x).at(-1) as number;
    const at = (values: ArrayLike<number>) => (i: number) => values[values.length === 1 ? 0 : i];
    const [scaleOf, shiftOf] = [at(scale), at(shift)];
    const node = this.node(x);
    if (sole && (node.op === "conv2d" || node.op === "dense") && node.attributes.activation === "none")
      return this.#absorb(node, scaleOf, shiftOf);
    const each = (value: (i: number) => number) => ({
      data: Float32Array.from({ length: channels }, (_, i) => value(i)),
    });
    if (this.shape(x).length !== 4) {
      const by = (op: "multiply" | "add", name: string, input: string, value: FloatParameter): string => {
        const factor = this.add("constant", `${name}:${op}`, [], { shape: [1, channels] }, { value });
        return this.add(op, name, [input, factor], {});
      };
      const isShifted = Array.from(shift).some((value) => value !== 0);
      if (Array.from(scale).every((value) => value === 1)) return by("add", wanted, x, each(shiftOf));
      const scaled = by("multiply", isShifted ? `${wanted}:scaled` : wanted, x, each(scaleOf));
      return isShifted ? by("add", wanted, scaled, each(shiftOf)) : scaled;
    }
    return this.add(
      "batchNorm",
      wanted,
      [x],
      { epsilon: noVariance.epsilon },
      {
        gamma: each(scaleOf),
        beta: each(shiftOf),
        mean: each(() => 0),
        variance: each(() => noVariance.variance),
      },
    );
  }

  #absorb(
    node: NodeOf<"conv2d"> | NodeOf<"dense">,
    scaleOf: (i: number) => number,
    shiftOf: (i: number) => number,
  ): string {
    const { name, parameters } = node;
    const weight = this.#weights[parameters.weight];
    const filters = weight.shape[0];
    const perFilter = weight.data.length / filters;
    const scaled = weight.data.map((w, i) => w * scaleOf(Math.floor(i / perFilter)));
    const before = node.attributes.bias ? this.#weights[parameters.bias].data : new Float32Array(filters);
    const bias = node.attributes.bias ? parameters.bias : this.#unused(`${name}.bias`);
    this.#weights[parameters.weight] = tensor("float32", weight.shape, scaled);
    this.#weights[bias] = tensor(
      "float32",
      [filters],
      before.map((b, i) => b * scaleOf(i) + shiftOf(i)),
    );
    const attributes = { ...node.attributes, bias: true };
    this.#nodes.set(name, { ...node, parameters: { weight: parameters.weight, bias }, attributes } as Node);
    return name;
  }

  /**
   * A vector `[1, channels]` as a map of one pixel, `[1, 1, 1, channels]`, by repeating on maps the operators that made
   * it from such a map. Undefined where it was made in another way.
   */
  asPixel(value: string): string | undefined {
    if (this.arithmetic === "int8") {
      const shape = [1, 1, this.shape(value).at(-1) as number];
      return this.add("reshape", `${value}:pixel`, [value], { shape });
    }
    const node = this.node(value);
    const [x] = node.inputs;
    if (node.op === "flatten") {
      const [, height, width] = this.shape(x);
      return height * width === 1 ? x : undefined;
    }
    if (node.op === "add" || node.op === "multiply") {
      const by = this.node(node.inputs[1]);
      const pixel = by.op === "constant" ? this.asPixel(x) : undefined;
      if (pixel === undefined) return undefined;
      const { name, data } = this.#given(by).value;
      const shape = [1, 1, 1, data.length];
      return this.add(
        node.op,
        value,
        [pixel, this.add("constant", by.name, [], { shape }, { value: { name, data } })],
        {},
      );
    }
    const isUnary = ["relu", "relu6", "hardswish", "sigmoid", "unary", "batchNorm"].includes(node.op);
    if (!isUnary && node.op !== "dense") return undefined;
    const pixel = this.asPixel(x);
    if (pixel === undefined) return undefined;
    const given = this.#given(node);
    if (node.op !== "dense") return this.add(node.op, value, [pixel], node.attributes as never, given);
    const { units: filters, bias, activation } = node.attributes;
    const window = { kernel: [1, 1], stride: [1, 1], padding: noPadding, groups: 1 } as const;
    return this.add("conv2d", value, [pixel], { filters, ...window, bias, activation }, given);
  }

  /** Parameters of a node, by role. */
  #given({ parameters }: Node): Record<string, FloatParameter> {
    return Object.fromEntries(
      Object.entries(parameters).map(([role, name]) => [role, { name, data: this.#weights[name].data }]),
    );
  }

  /** A copy of a value under its own name, since two outputs need two names and neither may be the input's. */
  copy(value: string, wanted: string): string {
    return this.add("unary", wanted, [value], { function: "identity", alpha: 0 });
  }

  /** Gives a value its name outside the network, if that name is free; returns the value's name. */
  rename(value: string, wanted: string): string {
    const node = this.node(value);
    if (node.op === "input" || this.#names.has(wanted) || this.#unused(wanted) !== wanted) return value;
    const entries = [...this.#nodes].map(([name, each]): [string, Node] => {
      const inputs = each.inputs.map((input) => (input === value ? wanted : input));
      return name === value ? [wanted, { ...each, name: wanted, inputs }] : [name, { ...each, inputs }];
    });
    this.#nodes.clear();
    for (const [name, each] of entries) this.#nodes.set(name, each);
    this.#shapes.set(wanted, this.shape(value));
    const quantization = this.quantizations.get(value);
    if (quantization !== undefined) this.quantizations.set(wanted, quantization);
    return wanted;
  }

  /**
   * The graph of everything that the outputs need, and its weights. Throws Unsupported for weights that are not finite
   * and for a graph that cannot be deployed.
   */
  build(name: string, outputs: readonly string[]): { readonly graph: Graph; readonly weights: FloatWeights } {
    const needed = new Set(outputs);
    const nodes = [...this.#nodes.values()].reverse().filter((node) => {
      if (!needed.has(node.name) && node.op !== "input") return false;
      for (const input of node.inputs) needed.add(input);
      return true;
    });
    const graph = makeGraph(name, nodes.reverse(), outputs);
    const weights = Object.fromEntries(Object.keys(graph.parameters).map((each) => [each, this.#weights[each]]));
    const wrong = Object.entries(weights).find(([, { data }]) => !data.every(Number.isFinite));
    if (wrong !== undefined)
      throw new Unsupported(`its weights "${wrong[0]}" are no finite numbers; train or export it again`);
    try {
      deployGraph(graph);
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      throw new Unsupported(`${error.message}; export the network without it`);
    }
    return { graph, weights };
  }
}
