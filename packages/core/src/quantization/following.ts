/**
 * Ranges that follow a training. They start as post-training calibration chose them and keep their proportion to the
 * moving averages of each batch's smallest and largest element. Outliers that calibration clipped thus stay clipped
 * while the values grow or shrink.
 */
import { type Graph, isLinear, type Node, opTraits } from "../graph/index.js";
import { PhinetsError, type Tensor, tensor } from "../tensor/index.js";
import { relevantRanges } from "./integer-network.js";
import type { Range } from "./observers.js";

/** Weight of a new batch in the moving averages. */
const momentum = 0.02;
/** Number of first batches whose plain mean serves as the reference for calibration's ranges. */
const referenceBatches = 50;

export class FollowingRanges {
  /** Values with a range of their own, in execution order. */
  readonly values: readonly string[];
  readonly #start: ReadonlyMap<string, Range>;
  readonly #bounds: readonly Range[];
  /** Nodes whose range follows their inputs' ranges. */
  readonly #followers: readonly Node[];
  /**
   * For each value: averages of low and high, then their references. float32, so that a checkpoint keeps them exactly.
   */
  #averages: Float32Array;
  #batches = 0;

  /** @param start ranges of all values, from calibration */
  constructor(graph: Graph, start: ReadonlyMap<string, Range>) {
    this.#start = start;
    const relevant = relevantRanges(graph);
    const values: string[] = [];
    const bounds: Range[] = [];
    for (const node of graph.nodes) {
      if (opTraits[node.op].int8 !== "rescales") continue;
      const fused = isLinear(node) && node.attributes.activation === "relu6";
      values.push(node.name);
      bounds.push(fused ? { low: 0, high: 6 } : (relevant.get(node.name) ?? everything));
    }
    this.values = values;
    this.#followers = graph.nodes.filter((node) => isFollower(node));
    this.#bounds = bounds;
    this.#averages = new Float32Array(4 * values.length);
  }

  /** Takes in one batch: the smallest and largest element of each value before rounding. */
  follow(seen: (value: string) => Range): void {
    this.#batches++;
    const warming = this.#batches <= referenceBatches;
    const share = warming ? 1 / this.#batches : momentum;
    for (const [i, value] of this.values.entries()) {
      const { low, high } = seen(value);
      const bounds = this.#bounds[i];
      const ends = [Math.max(low, bounds.low), Math.min(high, bounds.high)];
      for (const [e, end] of ends.entries()) {
        const at = 4 * i + e;
        this.#averages[at] += share * (end - this.#averages[at]);
        if (warming) this.#averages[at + 2] = this.#averages[at];
      }
    }
  }

  /** The current ranges of all values. */
  ranges(): Map<string, Range> {
    const ranges = new Map(this.#start);
    for (const [i, value] of this.values.entries()) {
      const { low, high } = this.#start.get(value)!;
      const a = this.#averages.subarray(4 * i, 4 * i + 4);
      ranges.set(value, { low: low * growth(a[0], a[2]), high: high * growth(a[1], a[3]) });
    }
    for (const node of this.#followers) {
      const { low, high } = this.#start.get(node.name)!;
      const grown = (end: "low" | "high"): number => {
        const startOf = (input: string): number => this.#start.get(input)![end];
        const widest = node.inputs.reduce((a, b) => (Math.abs(startOf(b)) > Math.abs(startOf(a)) ? b : a));
        return growth(ranges.get(widest)![end], startOf(widest));
      };
      ranges.set(node.name, { low: hasLowest(node) ? low : low * grown("low"), high: high * grown("high") });
    }
    return ranges;
  }

  state(): Record<string, Tensor<"float32">> {
    return {
      "ranges/averages": tensor("float32", [this.values.length, 4], this.#averages.slice()),
      "ranges/batches": tensor("float32", [1], Float32Array.of(this.#batches)),
    };
  }

  /** Throws PhinetsError when the state does not belong to this network's ranges. */
  setState(state: Readonly<Record<string, Tensor>>): void {
    const averages = state["ranges/averages"];
    const batches = state["ranges/batches"];
    if (averages?.data.length !== this.#averages.length || batches === undefined)
      throw new PhinetsError(
        "quantization.state",
        "the checkpoint has no int8 ranges of this network; remove it to start quantisation-aware training again",
      );
    this.#averages = Float32Array.from(averages.data);
    this.#batches = batches.data[0];
  }
}

/** Whether a value's range follows its input's; sigmoid and tanh have fixed ranges instead. */
function isFollower(node: Node): boolean {
  const isFixed = node.op === "sigmoid" || (node.op === "unary" && node.attributes.function === "tanh");
  return node.inputs.length > 0 && opTraits[node.op].int8 !== "rescales" && !isFixed;
}

/** Whether a value has a fixed lower end whatever its input: hardswish at -3/8, elu at -1. */
const hasLowest = (node: Node): boolean =>
  node.op === "hardswish" || (node.op === "unary" && node.attributes.function === "elu");

/** Factor by which an end of a range has moved, at least 0.1; an end at zero stays. */
function growth(now: number, before: number): number {
  return now !== 0 && before !== 0 ? Math.max(0.1, now / before) : 1;
}

const everything: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
