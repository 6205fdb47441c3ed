/**
 * Quantisation-aware training (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
 * Integer-Arithmetic-Only Inference"). Training continues on the deployed network, with batch norm folded and its
 * statistics frozen, while each forward pass computes what the integer network of the current weights would compute.
 * Gradients pass straight through the rounding and stop where int8 clamps; the optimiser updates the float weights.
 */
import { type Engine, layouts, offsetsOf, sizes } from "../kernels/index.js";
import type { FloatWeights, Tensor } from "../tensor/index.js";
import { FollowingRanges } from "./following.js";
import { integerNetwork } from "./integer-network.js";
import type { Range } from "./observers.js";
import { SimulatedNetwork } from "./simulate.js";
import type { QuantizedNetwork } from "./types.js";

const { seen } = offsetsOf(layouts.rounding);

/**
 * Takes the place of an `Executor` in a `Trainer`: the same steps on the deployed float weights, with a forward pass
 * through simulated int8.
 */
export class AwareExecutor extends SimulatedNetwork {
  readonly #network: QuantizedNetwork;
  readonly #ranges: FollowingRanges;
  /** While true, ranges do not change. Default false. */
  frozen = false;

  /**
   * @param start the network after post-training quantisation; supplies the graph and the initial ranges
   * @param weights float weights of that graph (`deployWeights`)
   */
  constructor(engine: Engine, start: QuantizedNetwork, weights: FloatWeights, batch: number) {
    super(engine, start, batch, true);
    this.#network = start;
    this.#ranges = new FollowingRanges(start.graph, coveredRanges(start));
    this.setParameters(weights);
  }

  /** The integer network of float weights under the current ranges, for deployment. */
  quantized(weights: FloatWeights = this.parameters()): QuantizedNetwork {
    return integerNetwork(this.#network.graph, weights, this.#ranges.ranges()).network;
  }

  /** The integer network of averaged weights under saved ranges (an earlier `rangeState`). */
  restored(weights: FloatWeights, rangeState: Readonly<Record<string, Tensor>>): QuantizedNetwork {
    const ranges = new FollowingRanges(this.#network.graph, coveredRanges(this.#network));
    ranges.setState(rangeState);
    return integerNetwork(this.#network.graph, weights, ranges.ranges()).network;
  }

  /** The state of the current ranges, to be saved beside weights. */
  rangeState(): Record<string, Tensor<"float32">> {
    return this.#ranges.state();
  }

  override forward(): void {
    this.load(this.quantized());
    super.forward();
    if (!this.frozen) this.#ranges.follow((value) => this.#seen(value));
  }

  /** Smallest and largest element of a value in the latest batch before rounding, widened to include 0. */
  #seen(value: string): Range {
    const block = this.int8Block(value)!;
    let low = 0;
    let high = 0;
    for (let shard = 0; shard < this.shards; shard++) {
      const at = seen + shard * sizes.seenStride;
      low = Math.min(low, block[at]);
      high = Math.max(high, block[at + 1]);
    }
    return { low, high };
  }

  override state(): Record<string, Tensor<"float32">> {
    return { ...super.state(), ...this.#ranges.state() };
  }

  override setState(state: Readonly<Record<string, Tensor>>): void {
    this.#ranges.setState(state);
    super.setState(state);
  }
}

/** Real range that int8 covers, by value. */
export function coveredRanges({ graph, values }: QuantizedNetwork): Map<string, Range> {
  return new Map(
    graph.nodes.map(({ name }) => {
      const { scale, zeroPoint } = values[name];
      return [name, { low: scale * (-128 - zeroPoint), high: scale * (127 - zeroPoint) }];
    }),
  );
}
