/**
 * Runs a training graph (`differentiate`) or an inference graph (`forwardOnly`) on the WebAssembly kernels as one flat
 * program in shared memory. Memory is planned once, a step allocates nothing, and the result has the same bits for any
 * number of threads.
 *
 * A step: write `input(...)` (and `mask(...)` where the graph has dropout), `forward()`, read `output(...)`, compute
 * the loss and its cotangents outside, `setCotangent(...)`, `backward()`, `optimizerStep(...)`,
 * `updateRunningStatistics(...)`, and `updateEma(...)` where wanted.
 */
import type { Engine } from "../kernels/index.js";
import { type FloatWeights, PhinetsError, type Tensor } from "../tensor/index.js";
import type { TrainingGraph } from "./differentiate.js";
import { isTraining, layParameters, type ParameterArena, packParameter } from "./layout.js";
import { lower } from "./lowering/lower.js";
import { planMemory } from "./memory.js";
import type { OptimizerStep } from "./optimizer.js";
import { ParameterStore } from "./parameter-store.js";
import { encodeProgram, type Instruction, type Lowered, type Word } from "./program.js";

export interface ExecutorOptions {
  /**
   * Compute batch norm, activations and their gradients inside the kernels that read or produce them. With `false`
   * every value of the graph is stored, which is slower and takes more memory but gives the same results up to
   * rounding; meant for tests and debugging. Default true.
   */
  readonly fuse?: boolean;
}

/** The batch is split into at most this many shards, which are summed in order whatever the number of threads. */
const largestShardCount = 8;

/** Working memory of a batch; nothing in it outlives a step. */
interface Workspace {
  readonly arena: number;
  readonly arenaBytes: number;
  readonly scratch: number;
  readonly scratchBytes: number;
  readonly partials: number;
}

export class Executor {
  /** Bytes of shared memory this executor holds. */
  readonly bytes: number;
  readonly #store: ParameterStore;
  readonly #ownsStore: boolean;
  readonly #workspace: Workspace;
  readonly #lowered: Lowered;
  readonly #shards: number;
  readonly #blocks: number[] = [];
  readonly #norms: number[] = [];
  /** Addresses of the int8 parameter blocks, by value. */
  readonly #int8 = new Map<string, number>();
  /** Address of the weights that an `int8` graph reads. */
  readonly #int8Weights: number;
  readonly #externals = new Map<string, { address: number; length: number }>();
  readonly #programs: { preparation: number; forward: number; backward: number };
  /** Whether everything that depends only on parameters has been computed. */
  #prepared = false;

  /**
   * @param lender an executor of the same network and batch at another input size, which shares its parameters,
   *   gradients, moments, averages and, where it is large enough, its working memory. Dispose of it last.
   * @throws PhinetsError when memory runs out.
   */
  constructor(
    readonly engine: Engine,
    readonly graph: TrainingGraph,
    lender?: Executor,
    { fuse = true }: ExecutorOptions = {},
  ) {
    const parameters = layParameters(graph);
    this.#lowered = lower(graph, parameters, fuse);
    this.#shards = Math.min(graph.batch, largestShardCount);
    const trains = isTraining(graph);
    if (lender !== undefined) requireSameLayout(lender.#store.arena, parameters);
    this.#ownsStore = lender === undefined;
    this.#store = lender !== undefined ? lender.#store : new ParameterStore(engine, parameters, trains);
    let bytes = this.#ownsStore ? this.#store.bytes : 0;
    const allocate = (size: number): number => {
      const address = engine.allocate(size);
      this.#blocks.push(address);
      bytes += size;
      return address;
    };
    try {
      const { preparation, forward, backward, buffers, norms, int8, externals } = this.#lowered;
      this.#int8Weights = graph.int8 ? allocate(parameters.size * 4) : 0;
      for (const [value, floats] of int8) this.#int8.set(value, allocate(floats * 4));
      for (const norm of norms) this.#norms.push(allocate(norm.bytes * (8 + 5 * this.#shards)));
      for (const [name, { pixels, channels }] of externals) {
        const length = graph.batch * pixels * channels;
        this.#externals.set(name, { address: allocate(length * 4), length });
      }
      for (const { name } of graph.masks) this.#external(name).fill(1);

      const instructions = [...forward, ...backward];
      const { offsets, arenaBytes } = this.#planArena(instructions, buffers);
      const partialsStride = trains ? parameters.summed * 4 : 0;
      const scratchBytes = Math.ceil(Math.max(0, ...instructions.map((each) => each.scratchBytes)) / 64) * 64 + 64;
      const lent = lender === undefined ? undefined : lender.#workspace;
      const fits = lent !== undefined && lent.arenaBytes >= arenaBytes && lent.scratchBytes >= scratchBytes;
      const workspace = fits
        ? lent
        : {
            arena: allocate(arenaBytes * this.#shards),
            arenaBytes,
            scratch: allocate(scratchBytes * engine.threads),
            scratchBytes,
            partials: allocate(partialsStride * this.#shards),
          };
      this.#workspace = workspace;
      const { arena, arenaBytes: arenaStride, scratch, scratchBytes: scratchStride, partials } = workspace;
      const memory = { arena, arenaStride, scratch, scratchStride, partials, partialsStride };
      const header = { shards: this.#shards, ...memory, batch: graph.batch };
      const place = (code: readonly Instruction[]): number =>
        encodeProgram(
          engine,
          code,
          header,
          (word) => this.#resolve(word, offsets, { partials, partialsStride }),
          allocate,
        );
      this.#programs = { preparation: place(preparation), forward: place(forward), backward: place(backward) };
    } catch (error) {
      this.dispose();
      throw error;
    }
    this.bytes = bytes;
  }

  #planArena(
    instructions: readonly Instruction[],
    buffers: readonly number[],
  ): { offsets: readonly number[]; arenaBytes: number } {
    const lives = buffers.map((imageBytes) => ({
      bytes: imageBytes * Math.ceil(this.graph.batch / this.#shards),
      first: Number.POSITIVE_INFINITY,
      last: -1,
    }));
    for (const [i, instruction] of instructions.entries()) {
      for (const word of instruction.words()) {
        if (typeof word === "number" || !("buffer" in word)) continue;
        const life = lives[word.buffer];
        life.first = Math.min(life.first, i);
        life.last = i;
      }
    }
    const plan = planMemory(lives);
    return { offsets: plan.offsets, arenaBytes: Math.max(64, plan.bytes) };
  }

  #resolve(
    word: Exclude<Word, number>,
    offsets: readonly number[],
    memory: { partials: number; partialsStride: number },
  ): number {
    if ("buffer" in word) return offsets[word.buffer];
    if ("parameter" in word) {
      if (!this.graph.int8) return this.#store.at("parameters", word.parameter);
      return this.#int8Weights + this.#store.arena.parameters[word.parameter].offset * 4;
    }
    if ("int8" in word) return this.#int8.get(word.int8)!;
    if ("gradient" in word) return this.#store.arena.parameters[word.gradient].offset * 4;
    if ("norm" in word) return this.#norms[word.norm];
    if ("float" in word) return new Int32Array(new Float32Array([word.float]).buffer)[0];
    const name = word.external;
    if (name.startsWith("gradient:")) return this.#store.at("gradients", name.slice("gradient:".length));
    const special: Record<string, number | undefined> = {
      partials: memory.partials,
      partialsStride: memory.partialsStride,
      shards: this.#shards,
      gradients: this.#store.gradientsAddress,
    };
    return this.#externals.get(name)?.address ?? special[name]!;
  }

  /** Buffer of an input, mask, output or cotangent; outputs go by the network's name or the training graph's. */
  #external(name: string): Float32Array {
    const output = this.graph.network.outputs.indexOf(name);
    const external = this.#externals.get(output === -1 ? name : this.graph.outputs[output]);
    if (external === undefined) {
      throw new PhinetsError(
        "training.value",
        `"${name}" is not an input, mask or output of "${this.graph.network.name}"; it has ${[...this.#externals.keys()].join(", ")}`,
      );
    }
    return this.engine.floats(external.address, external.length);
  }

  /** Sets every parameter by name, running statistics included, in the graph's logical layout. Changes nothing else. */
  setParameters(weights: FloatWeights): void {
    this.#prepared = false;
    this.#store.set(weights);
  }

  /** Sets the weights that an `int8` graph computes with: the integer network's weights as real numbers. */
  setInt8(weights: FloatWeights): void {
    const { parameters, size } = this.#store.arena;
    const arena = this.engine.floats(this.#int8Weights, size);
    for (const [name, layout] of Object.entries(parameters)) packParameter(name, layout, weights[name], arena);
  }

  /**
   * A value's block of int8 parameters (kernels/assembly/int8.ts), readable and writable; undefined where it has none.
   */
  int8Block(value: string): Float32Array | undefined {
    const address = this.#int8.get(value);
    return address === undefined ? undefined : this.engine.floats(address, this.#lowered.int8.get(value)!);
  }

  /** Number of parts of the batch that are computed separately. */
  get shards(): number {
    return this.#shards;
  }

  /** Copies of all parameters, running statistics included. */
  parameters(): FloatWeights {
    return this.#store.read("parameters");
  }

  /** The input's writable buffer, logical layout `[batch, height, width, channels]`. Valid until `dispose`. */
  input(name: string): Float32Array {
    return this.#external(name);
  }

  /** A dropout mask's writable buffer (`graph.masks`): values are 0 or 1 / (1 - rate), initially 1. */
  mask(name: string): Float32Array {
    return this.#external(name);
  }

  forward(): void {
    const { preparation, forward } = this.#programs;
    if (!this.#prepared && this.#lowered.preparation.length > 0) this.engine.run(preparation);
    this.#prepared = this.#ownsStore; // the lender may have changed the shared memory
    this.engine.run(forward);
  }

  /** View of an output after `forward`, logical layout; overwritten by the next `forward`. */
  output(name: string): Float32Array {
    return this.#external(name);
  }

  /** Sets the gradient of the loss with respect to an output, logical layout. Zero until set. */
  setCotangent(output: string, cotangent: Float32Array): void {
    const index = this.graph.network.outputs.indexOf(output);
    const target = this.#external(`grad:${index === -1 ? output : this.graph.outputs[index]}`);
    if (cotangent.length !== target.length) {
      throw new PhinetsError(
        "training.cotangent",
        `cotangent of "${output}" has ${cotangent.length} elements; the output has ${target.length}`,
      );
    }
    target.set(cotangent);
  }

  backward(): void {
    this.engine.run(this.#programs.backward);
  }

  /** Copies of the trained parameters' gradients; call after `backward` and before `optimizerStep`. */
  gradients(): FloatWeights {
    return this.#store.read("gradients");
  }

  /** Sets gradients that a device computed instead of `backward`. */
  setGradients(gradients: FloatWeights): void {
    this.#store.setGradients(gradients);
  }

  /**
   * Call after `backward` of micro-batch `part` (from 1) of `parts`: adds up the gradients, and after the last part
   * replaces them by the mean.
   */
  accumulate(part: number, parts: number): void {
    this.#store.accumulate(part, parts);
  }

  /** One optimiser step over all trained parameters. Returns the global 2-norm of the gradients before clipping. */
  optimizerStep(options: OptimizerStep): { gradientNorm: number } {
    return this.#store.optimizerStep(options);
  }

  /** running = (1 - momentum) * running + momentum * batch (PyTorch's sense; variance unbiased). */
  updateRunningStatistics(momentum: number): void {
    this.#prepared = false;
    const arena = this.#store.floats("parameters");
    const { parameters } = this.#store.arena;
    for (const { mean, runningMean, runningVariance, count } of this.graph.statistics) {
      const batch = this.#batchStatistics(mean);
      const unbiased = count > 1 ? count / (count - 1) : 1;
      const meanAt = parameters[runningMean].offset;
      const varianceAt = parameters[runningVariance].offset;
      for (let c = 0; c < batch.mean.length; c++) {
        arena[meanAt + c] = (1 - momentum) * arena[meanAt + c] + momentum * batch.mean[c];
        arena[varianceAt + c] = (1 - momentum) * arena[varianceAt + c] + momentum * unbiased * batch.variance[c];
      }
    }
  }

  /**
   * Sets batch statistics that a device computed instead of `forward`, by the graph's value name (`graph.statistics`).
   */
  setStatistics(values: Readonly<Record<string, Float32Array>>): void {
    for (const { mean, variance } of this.graph.statistics) {
      const batch = this.#batchStatistics(mean);
      batch.mean.set(values[mean]);
      batch.variance.set(values[variance]);
    }
  }

  /** The batch norm's mean and biased variance of the last batch (kernels/assembly/norm.ts). */
  #batchStatistics(mean: string): { mean: Float32Array; variance: Float32Array } {
    const { index, bytes, channels } = this.#lowered.normOf.get(mean)!;
    const vector = (i: number) => this.engine.floats(this.#norms[index] + i * bytes, channels);
    return { mean: vector(2), variance: vector(7) };
  }

  /**
   * ema = decay * ema + (1 - decay) * parameters, running statistics included, frozen layers excluded. The first call
   * copies.
   */
  updateEma(decay: number): void {
    this.#store.updateEma(decay);
  }

  /** Averaged parameters and running statistics (the parameters themselves before the first `updateEma`). */
  emaParameters(): FloatWeights {
    return this.#store.emaParameters();
  }

  /** Everything that a resumed run needs: `parameters/X`, `moment1/X`, `moment2/X`, `ema/X`. Pass it to `setState`. */
  state(): Record<string, Tensor<"float32">> {
    return this.#store.state();
  }

  /** Throws PhinetsError and changes nothing when a tensor is missing or has another shape. */
  setState(state: Readonly<Record<string, Tensor>>): void {
    this.#prepared = false;
    this.#store.setState(state);
  }

  /** Frees the memory. Do not use the executor or its views afterwards. */
  dispose(): void {
    for (const block of this.#blocks.splice(0)) this.engine.free(block);
    if (this.#ownsStore) this.#store.dispose();
  }

  /** For tests: whether every padded lane of parameters and gradients is zero, which the kernels rely on. */
  paddingIsZero(): boolean {
    return this.#store.paddingIsZero();
  }
}

function requireSameLayout(lent: ParameterArena, own: ParameterArena): void {
  const words = ({ parameters }: ParameterArena) => JSON.stringify(Object.entries(parameters));
  if (words(lent) === words(own)) return;
  throw new PhinetsError("training.sizes", "the network's parameters depend on its input's size; train it at one size");
}
