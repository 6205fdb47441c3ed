/** Builds graphs from input to output: each method adds a node and returns the name of its value. */
import type { Shape } from "../tensor/index.js";
import { type Graph, makeGraph, type Node } from "./graph.js";
import type { FusedActivation, OpAttributes, OpName, OpParameter, OpSpec, Padding } from "./ops.js";
import { ops } from "./ops.js";
import type { UnaryFunction } from "./unary.js";

export interface Conv2dOptions {
  readonly filters: number;
  /** Side of a square kernel, or height and width. Default 1. */
  readonly kernel?: number | readonly [height: number, width: number];
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on all sides, or per side. Default 0. */
  readonly padding?: number | Padding;
  /** Default 1. */
  readonly groups?: number;
  /** Default false. */
  readonly bias?: boolean;
  /** Default "none". */
  readonly activation?: FusedActivation;
}

export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #shapes = new Map<string, Shape>();

  constructor(readonly name: string) {}

  /** Shape of the value of a node that was already added. */
  shape(value: string): Shape {
    return this.#shapes.get(value)!;
  }

  #add<O extends OpName>(op: O, name: string, inputs: string[], attributes: OpAttributes[O]): string {
    const spec = ops[op] as unknown as OpSpec<OpAttributes[O]>;
    const shapes = inputs.map((input) => this.shape(input));
    this.#shapes.set(name, spec.infer(name, shapes, attributes)[0]);
    const needed: Record<string, OpParameter> = spec.parameters?.(shapes, attributes) ?? {};
    const suffix: Record<string, string> = op === "batchNorm" ? batchNormSuffix : {};
    const parameters = Object.fromEntries(Object.keys(needed).map((role) => [role, `${name}.${suffix[role] ?? role}`]));
    this.#nodes.push({ name, op, inputs, parameters, attributes } as unknown as Node);
    return name;
  }

  input(name: string, shape: Shape): string {
    return this.#add("input", name, [], { shape });
  }

  conv2d(name: string, x: string, options: Conv2dOptions): string {
    const { filters, kernel = 1, stride = 1, padding = 0, groups = 1, bias = false, activation = "none" } = options;
    const sides =
      typeof padding === "number" ? { top: padding, bottom: padding, left: padding, right: padding } : padding;
    return this.#add("conv2d", name, [x], {
      filters,
      kernel: typeof kernel === "number" ? [kernel, kernel] : kernel,
      stride: [stride, stride],
      padding: sides,
      groups,
      bias,
      activation,
    });
  }

  /** A convolution with one filter per channel. */
  depthwise(name: string, x: string, options: Omit<Conv2dOptions, "filters" | "groups">): string {
    const channels = this.shape(x)[3];
    return this.conv2d(name, x, { ...options, filters: channels, groups: channels });
  }

  dense(
    name: string,
    x: string,
    units: number,
    options: { bias?: boolean; activation?: FusedActivation } = {},
  ): string {
    return this.#add("dense", name, [x], {
      units,
      bias: options.bias ?? true,
      activation: options.activation ?? "none",
    });
  }

  batchNorm(name: string, x: string, epsilon = 1e-3): string {
    return this.#add("batchNorm", name, [x], { epsilon });
  }

  relu(name: string, x: string): string {
    return this.#add("relu", name, [x], {});
  }

  relu6(name: string, x: string): string {
    return this.#add("relu6", name, [x], {});
  }

  hardswish(name: string, x: string): string {
    return this.#add("hardswish", name, [x], {});
  }

  sigmoid(name: string, x: string): string {
    return this.#add("sigmoid", name, [x], {});
  }

  /** @param alpha slope of "leakyRelu" below 0; the other functions ignore it */
  unary(name: string, x: string, of: UnaryFunction, alpha = 0): string {
    return this.#add("unary", name, [x], { function: of, alpha });
  }

  softmax(name: string, x: string): string {
    return this.#add("softmax", name, [x], {});
  }

  add(name: string, a: string, b: string): string {
    return this.#add("add", name, [a, b], {});
  }

  multiply(name: string, a: string, b: string): string {
    return this.#add("multiply", name, [a, b], {});
  }

  subtract(name: string, a: string, b: string): string {
    return this.#add("subtract", name, [a, b], {});
  }

  maximum(name: string, a: string, b: string): string {
    return this.#add("maximum", name, [a, b], {});
  }

  minimum(name: string, a: string, b: string): string {
    return this.#add("minimum", name, [a, b], {});
  }

  constant(name: string, shape: Shape): string {
    return this.#add("constant", name, [], { shape });
  }

  globalAveragePool(name: string, x: string): string {
    return this.#add("globalAveragePool", name, [x], {});
  }

  maxPool(name: string, x: string, size: number, stride = size): string {
    return this.#add("maxPool", name, [x], { size, stride });
  }

  pad(name: string, x: string, padding: Padding): string {
    return this.#add("pad", name, [x], { padding });
  }

  maxWindow(name: string, x: string, attributes: OpAttributes["maxWindow"]): string {
    return this.#add("maxWindow", name, [x], attributes);
  }

  resize(name: string, x: string, attributes: OpAttributes["resize"]): string {
    return this.#add("resize", name, [x], attributes);
  }

  slice(name: string, x: string, attributes: OpAttributes["slice"]): string {
    return this.#add("slice", name, [x], attributes);
  }

  concat(name: string, inputs: readonly string[], axis = 3): string {
    return this.#add("concat", name, [...inputs], { axis });
  }

  dropout(name: string, x: string, rate: number, spatial = false): string {
    return this.#add("dropout", name, [x], { rate, spatial });
  }

  averagePool(name: string, x: string, attributes: OpAttributes["averagePool"]): string {
    return this.#add("averagePool", name, [x], attributes);
  }

  flatten(name: string, x: string): string {
    return this.#add("flatten", name, [x], {});
  }

  reshape(name: string, x: string, shape: Shape): string {
    return this.#add("reshape", name, [x], { shape });
  }

  /** The finished graph. Throws PhinetsError when a name repeats or an output is unknown. */
  build(outputs: readonly string[]): Graph {
    return makeGraph(this.name, this.#nodes, outputs);
  }
}

/** PyTorch's state_dict names, so that the keys of a reference checkpoint are the graph's own. */
const batchNormSuffix: Record<string, string> = {
  gamma: "weight",
  beta: "bias",
  mean: "running_mean",
  variance: "running_var",
};
