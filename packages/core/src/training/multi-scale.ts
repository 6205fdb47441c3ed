/**
 * Training at several input sizes (Redmon & Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017): ten sizes from
 * 0.6 to 1.5 times the network's own, in whole grid cells, with a new size every ten steps. Anchors stay in units of
 * cells, as in darknet.
 */
import type { Graph } from "../graph/index.js";
import type { Engine } from "../kernels/index.js";
import { buildNetwork, type Network } from "../networks/index.js";
import { PhinetsError, Random } from "../tensor/index.js";
import type { TrainingGraph } from "./differentiate.js";
import { Executor } from "./executor.js";
import { firstLightEpoch, type Recipe } from "./recipe.js";

export interface InputSize {
  readonly height: number;
  readonly width: number;
}

const factors = [0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5];
const stepsPerSize = 10;
const sizeStream = 0x73697a65;

/**
 * The training sizes in ascending order, the network's own included and duplicates removed. Throws PhinetsError for
 * anything but a fully convolutional detector.
 */
export function trainingSizes(network: Network): InputSize[] {
  const graph = buildNetwork(network);
  if (network.head.kind !== "yolov2" || graph.nodes.some(({ op }) => op === "dense" || op === "flatten")) {
    throw new PhinetsError(
      "training.option",
      `multiScale needs a detector that is convolutions only; the network's head is "${network.head.kind}"`,
      "multiScale",
    );
  }
  const { height, width } = network.input;
  const [down, across] = totalStride(graph);
  const cells = (side: number, stride: number, factor: number) =>
    factor === 1 ? side : stride * Math.max(1, Math.round((side * factor) / stride));
  const sizes = factors.map((factor) => ({
    height: cells(height, down, factor),
    width: cells(width, across, factor),
  }));
  return sizes.filter(
    (size, i) => sizes.findIndex((other) => other.height === size.height && other.width === size.width) === i,
  );
}

/** Total stride, found by walking from the output back to the input. */
function totalStride(graph: Graph): [number, number] {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  let [down, across] = [1, 1];
  let node = nodes.get(graph.outputs[0])!;
  while (node.op !== "input") {
    if (node.op === "conv2d") {
      down *= node.attributes.stride[0];
      across *= node.attributes.stride[1];
    } else if (node.op === "maxPool") {
      down *= node.attributes.stride;
      across *= node.attributes.stride;
    }
    node = nodes.get(node.inputs[0])!;
  }
  return [down, across];
}

/** The input size of each step of a run. */
export interface SizePlan {
  /** Ascending. */
  readonly sizes: readonly InputSize[];
  /** Index of the network's own size. */
  readonly own: number;
  /** Index into `sizes` for a step (0-based). */
  at(step: number): number;
}

/** Without `multiScale` every step uses the network's own size. Throws PhinetsError as `trainingSizes` does. */
export function planSizes(network: Network, recipe: Recipe, stepsPerEpoch: number): SizePlan {
  const { height, width } = network.input;
  if (!recipe.multiScale) return { sizes: [{ height, width }], own: 0, at: () => 0 };
  const sizes = trainingSizes(network);
  const own = sizes.findIndex((size) => size.height === height && size.width === width);
  const light = firstLightEpoch(recipe) * stepsPerEpoch;
  const drawn = (step: number) =>
    new Random(recipe.seed, Math.floor(step / stepsPerSize), sizeStream).integer(sizes.length);
  return { sizes, own, at: (step) => (step >= light ? own : drawn(step)) };
}

/**
 * One executor per size, created when first needed. All share one parameter store and compute in the largest one's
 * memory.
 */
export class SizedExecutors {
  readonly #executors: (Executor | undefined)[];

  /** @param graphAt returns the training graph of a network that differs from the user's only in input size */
  constructor(
    readonly engine: Engine,
    readonly network: Network,
    readonly plan: SizePlan,
    readonly graphAt: (network: Network) => TrainingGraph,
  ) {
    this.#executors = plan.sizes.map(() => undefined);
    const largest = plan.sizes.length - 1;
    this.#executors[largest] = this.#make(largest);
  }

  #make(index: number, lender?: Executor): Executor {
    const input = { ...this.network.input, ...this.plan.sizes[index] };
    return new Executor(this.engine, this.graphAt({ ...this.network, input }), lender);
  }

  at(index: number): Executor {
    const executor = this.#executors[index] ?? this.#make(index, this.#executors.at(-1));
    this.#executors[index] = executor;
    return executor;
  }

  /** The executor of the network's own size. */
  get own(): Executor {
    return this.at(this.plan.own);
  }

  dispose(): void {
    for (const executor of this.#executors) executor?.dispose(); // disposes of the lender last
  }
}
