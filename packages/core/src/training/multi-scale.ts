/**
 * Training at several input sizes (Redmon & Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017): ten sizes from 0.6
 * to 1.5 of the network's own, in whole cells of its map, another every ten steps. Anchors stay in cells, as darknet's.
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
 * The sizes, ascending, the network's own among them; those of the ten that are the same count once. Throws PhinetsError
 * for anything but a fully convolutional detector.
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

/** From the output back to the input along the maps. */
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

/** Which size each step of a run has. */
export interface SizePlan {
  /** Ascending. */
  readonly sizes: readonly InputSize[];
  /** Index of the network's own size. */
  readonly own: number;
  /** Index of the size of a step (0-based). */
  at(step: number): number;
}

/** Without `multiScale` every step has the network's own size. Throws PhinetsError as `trainingSizes` does. */
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
 * An executor a size, made when it is first needed; all on one store of parameters, computing in the largest one's
 * memory.
 */
export class SizedExecutors {
  readonly #executors: (Executor | undefined)[];

  /** @param graphAt the training graph of a network that differs from the user's in its input's size */
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

  /** At the network's own size. */
  get own(): Executor {
    return this.at(this.plan.own);
  }

  dispose(): void {
    for (const executor of this.#executors) executor?.dispose(); // the lender is the last
  }
}
