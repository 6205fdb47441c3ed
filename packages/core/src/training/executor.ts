/**
 * Runs a training graph (differentiate) or an inference graph (forwardOnly) on the WebAssembly kernels: one flat program
 * in shared memory, planned once, no allocation in a step, the same bits for any number of threads.
 *
 * A step: write `input(...)` (and `mask(...)` where the graph has dropout), `forward()`, read `output(...)`, compute the
 * loss and its cotangents outside, `setCotangent(...)`, `backward()`, `optimizerStep(...)`,
 * `updateRunningStatistics(...)`, and `updateEma(...)` where wanted.
 */
import { trainable } from "../graph/index.js";
import { type Engine, opcodes } from "../kernels/index.js";
import { type FloatWeights, PhinetsError, sizeOf, type Tensor } from "../tensor/index.js";
import type { TrainingGraph } from "./differentiate.js";
import { layParameters, type ParameterArena, packParameter, unpackParameter } from "./layout.js";
import { lower } from "./lowering/lower.js";
import { planMemory } from "./memory.js";
import type { Instruction, Lowered, Word } from "./program.js";

export interface OptimizerStep {
  readonly kind: "sgd" | "adamw";
  readonly learningRate: number;
  /** SGD: v = momentum * v + g; p -= learningRate * v (PyTorch's form). Default 0.9. */
  readonly momentum?: number;
  /** SGD: p -= learningRate * (g + momentum * v). Default false. */
  readonly nesterov?: boolean;
  /** AdamW. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** AdamW. Default 1e-8. */
  readonly epsilon?: number;
  /** On convolution and dense weights only. SGD: added to the gradient; AdamW: decoupled. Default 0. */
  readonly weightDecay?: number;
  /** Gradients are scaled down so that their global 2-norm is at most this. Default: no clipping. */
  readonly clipNorm?: number;
  /** Number of this step, from 1; AdamW's bias correction needs it. */
  readonly step: number;
}

/** Parts of the batch that are computed apart and summed in order, whatever the number of threads. */
const largestShardCount = 8;
const settingsCount = 32;
const settingsSlot = { norm: 10, averageDecay: 11 };
const headerWords = 16;

/** Copies of parameters that training keeps, beside the parameters themselves. */
type Copy = "parameters" | "gradients" | "moment1" | "moment2" | "ema";

export class Executor {
  /** Bytes of shared memory this executor holds. */
  readonly bytes: number;
  readonly #arena: ParameterArena;
  readonly #lowered: Lowered;
  readonly #shards: number;
  readonly #blocks: number[] = [];
  readonly #copies = {} as Record<Copy, number>;
  readonly #norms: number[] = [];
  readonly #externals = new Map<string, { address: number; length: number }>();
  readonly #settings: number;
  readonly #programs: { forward: number; backward: number; optimise: number; average: number };
  readonly #trains: boolean;
  #emaStarted = false;

  /** Throws PhinetsError when the memory does not suffice. */
  constructor(
    readonly engine: Engine,
    readonly graph: TrainingGraph,
  ) {
    this.#arena = layParameters(graph);
    this.#lowered = lower(graph, this.#arena);
    this.#shards = Math.min(graph.batch, largestShardCount);
    this.#trains = Object.keys(graph.gradients).length > 0;
    let bytes = 0;
    const allocate = (size: number): number => {
      const address = engine.allocate(size);
      this.#blocks.push(address);
      bytes += size;
      return address;
    };
    try {
      const { forward, backward, buffers, norms, externals } = this.#lowered;
      const copies: Copy[] = this.#trains ? ["parameters", "gradients", "moment1", "moment2", "ema"] : ["parameters"];
      for (const copy of copies) this.#copies[copy] = allocate(this.#arena.size * 4);
      for (const norm of norms) this.#norms.push(allocate(norm.bytes * (8 + 5 * this.#shards)));
      for (const [name, { pixels, channels }] of externals) {
        const length = graph.batch * pixels * channels;
        this.#externals.set(name, { address: allocate(length * 4), length });
      }
      for (const { name } of graph.masks) this.#external(name).fill(1);
      this.#settings = allocate(settingsCount * 8);

      const instructions = [...forward, ...backward];
      const { offsets, arenaBytes } = this.#planArena(instructions, buffers);
      const partialsStride = this.#trains ? this.#arena.summed * 4 : 0;
      const scratchBytes = Math.ceil(Math.max(0, ...instructions.map((each) => each.scratchBytes)) / 64) * 64 + 64;
      const memory = {
        arena: allocate(arenaBytes * this.#shards),
        arenaStride: arenaBytes,
        scratch: allocate(scratchBytes * engine.threads),
        scratchStride: scratchBytes,
        partials: allocate(partialsStride * this.#shards),
        partialsStride,
      };
      const place = (words: readonly Instruction[]): number =>
        this.#encode(words, memory, (word) => this.#resolve(word, offsets, memory), allocate);
      this.#programs = {
        forward: place(forward),
        backward: place(backward),
        optimise: this.#trains ? place(this.#optimiser()) : 0,
        average: this.#trains ? place(this.#averager()) : 0,
      };
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
    if ("parameter" in word) return this.#at("parameters", word.parameter);
    if ("gradient" in word) return this.#arena.parameters[word.gradient].offset * 4;
    if ("norm" in word) return this.#norms[word.norm];
    if ("float" in word) return new Int32Array(new Float32Array([word.float]).buffer)[0];
    const name = word.external;
    if (name.startsWith("gradient:")) return this.#at("gradients", name.slice("gradient:".length));
    const special: Record<string, number | undefined> = {
      partials: memory.partials,
      partialsStride: memory.partialsStride,
      shards: this.#shards,
      gradients: this.#copies.gradients,
    };
    return this.#externals.get(name)?.address ?? special[name]!;
  }

  #at(copy: Copy, parameter: string): number {
    return this.#copies[copy] + this.#arena.parameters[parameter].offset * 4;
  }

  /** Writes header and code of a program; returns the header's address. */
  #encode(
    instructions: readonly Instruction[],
    memory: Record<"arena" | "arenaStride" | "scratch" | "scratchStride" | "partials" | "partialsStride", number>,
    resolve: (word: Exclude<Word, number>) => number,
    allocate: (bytes: number) => number,
  ): number {
    const code: number[] = [];
    for (const { opcode, words } of instructions) {
      const encoded = words().map((word) => (typeof word === "number" ? word : resolve(word)));
      code.push(opcodes[opcode], encoded.length + 2, ...encoded);
    }
    const program = allocate((headerWords + code.length) * 4);
    const start = program + headerWords * 4;
    const { arena, arenaStride, scratch, scratchStride, partials, partialsStride } = memory;
    const header = [this.#shards, arena, arenaStride, scratch, scratchStride, partials, partialsStride];
    header.push(this.graph.batch, start, start + code.length * 4);
    this.engine.words(program, header.length).set(header);
    this.engine.words(start, code.length).set(code);
    return program;
  }

  #optimiser(): Instruction[] {
    const { parameters, gradients, moment1, moment2 } = this.#copies;
    const { trained, decayed } = this.#arena;
    const settings = this.#settings;
    return [
      { opcode: "squaredNorm", words: () => [gradients, trained * 4, settings], scratchBytes: 0 },
      { opcode: "barrier", words: () => [], scratchBytes: 0 },
      {
        opcode: "optimise",
        words: () => [parameters, gradients, moment1, moment2, trained * 4, decayed * 4, settings],
        scratchBytes: 0,
      },
    ];
  }

  #averager(): Instruction[] {
    const { parameters, ema } = this.#copies;
    return [
      { opcode: "average", words: () => [ema, parameters, this.#arena.size * 4, this.#settings], scratchBytes: 0 },
    ];
  }

  #floats(copy: Copy): Float32Array {
    if (this.#copies[copy] === undefined)
      throw new PhinetsError("training.inference", `an inference executor has no ${copy}; use differentiate`);
    return this.engine.floats(this.#copies[copy], this.#arena.size);
  }

  /** Buffer of a value of the boundary; outputs by the network's name or the training graph's. */
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

  /** Sets every parameter (running statistics too) by name, in the graph's logical layout; nothing else changes. */
  setParameters(weights: FloatWeights): void {
    const arena = this.#floats("parameters");
    for (const [name, layout] of Object.entries(this.#arena.parameters))
      packParameter(name, layout, weights[name], arena);
  }

  /** Copies of all parameters, running statistics included. */
  parameters(): FloatWeights {
    return this.#read("parameters", false);
  }

  #read(copy: Copy, trainedOnly: boolean): FloatWeights {
    const arena = this.#floats(copy);
    const entries = Object.entries(this.#arena.parameters).filter(
      ([, layout]) => !trainedOnly || trainable[layout.kind],
    );
    return Object.fromEntries(entries.map(([name, layout]) => [name, unpackParameter(layout, arena)]));
  }

  /** The input's buffer to write, logical layout `[batch, height, width, channels]`. Stays valid until `dispose`. */
  input(name: string): Float32Array {
    return this.#external(name);
  }

  /** The buffer of a dropout mask to write (`graph.masks`): values 0 or 1 / (1 - rate). Starts as ones. */
  mask(name: string): Float32Array {
    return this.#external(name);
  }

  forward(): void {
    this.engine.run(this.#programs.forward);
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

  /** Copies of the gradients of the trainable parameters, after `backward` and before `optimizerStep`. */
  gradients(): FloatWeights {
    return this.#read("gradients", true);
  }

  /** One optimiser step over all trainable parameters. Returns the global 2-norm of the gradients before clipping. */
  optimizerStep(options: OptimizerStep): { gradientNorm: number } {
    this.#floats("gradients");
    const { kind, learningRate, momentum = 0.9, nesterov = false, betas = [0.9, 0.999], epsilon = 1e-8 } = options;
    const { weightDecay = 0, clipNorm = 0, step } = options;
    const settings = this.engine.doubles(this.#settings, settingsCount);
    const adam = kind === "adamw";
    const first = adam ? betas[0] : momentum;
    const corrections = [1 - integerPower(betas[0], step), 1 - integerPower(betas[1], step)];
    settings.set([adam ? 1 : 0, learningRate, first, betas[1], epsilon, weightDecay, clipNorm, nesterov ? 1 : 0]);
    settings.set(corrections, 8);
    this.engine.run(this.#programs.optimise);
    return { gradientNorm: settings[settingsSlot.norm] };
  }

  /** running = (1 - momentum) * running + momentum * batch (PyTorch's sense; variance unbiased). */
  updateRunningStatistics(momentum: number): void {
    const arena = this.#floats("parameters");
    for (const { mean, runningMean, runningVariance, count } of this.graph.statistics) {
      const norm = this.#lowered.normOf.get(mean)!;
      const vectors = this.engine.floats(this.#norms[norm.index], norm.bytes * 2);
      const stride = norm.bytes / 4;
      const unbiased = count > 1 ? count / (count - 1) : 1;
      const meanAt = this.#arena.parameters[runningMean].offset;
      const varianceAt = this.#arena.parameters[runningVariance].offset;
      for (let c = 0; c < norm.channels; c++) {
        arena[meanAt + c] = (1 - momentum) * arena[meanAt + c] + momentum * vectors[2 * stride + c];
        arena[varianceAt + c] = (1 - momentum) * arena[varianceAt + c] + momentum * unbiased * vectors[7 * stride + c];
      }
    }
  }

  /** ema = decay * ema + (1 - decay) * parameters, over parameters and running statistics. The first call copies. */
  updateEma(decay: number): void {
    if (!this.#emaStarted) {
      this.#floats("ema").set(this.#floats("parameters"));
      this.#emaStarted = true;
      return;
    }
    this.engine.doubles(this.#settings, settingsCount)[settingsSlot.averageDecay] = decay;
    this.engine.run(this.#programs.average);
  }

  /** Averaged parameters and running statistics (the parameters themselves before the first `updateEma`). */
  emaParameters(): FloatWeights {
    return this.#read(this.#emaStarted ? "ema" : "parameters", false);
  }

  /** Everything a resumed run needs: `parameters/X`, `moment1/X`, `moment2/X`, `ema/X`. Feed it to `setState`. */
  state(): Record<string, Tensor<"float32">> {
    const copies: Copy[] = ["parameters", "moment1", "moment2", ...(this.#emaStarted ? (["ema"] as const) : [])];
    const state: Record<string, Tensor<"float32">> = {};
    for (const copy of copies) {
      for (const [name, value] of Object.entries(this.#read(copy, copy.startsWith("moment"))))
        state[`${copy}/${name}`] = value;
    }
    return state;
  }

  /** Throws PhinetsError, and changes nothing, when a tensor is missing or of another shape. */
  setState(state: Readonly<Record<string, Tensor>>): void {
    const hasEma = Object.keys(state).some((key) => key.startsWith("ema/"));
    const copies: Copy[] = ["parameters", "moment1", "moment2", ...(hasEma ? (["ema"] as const) : [])];
    const staged = copies.map((copy) => {
      const arena = new Float32Array(this.#arena.size);
      for (const [name, layout] of Object.entries(this.#arena.parameters)) {
        if (copy.startsWith("moment") && !trainable[layout.kind]) continue;
        packParameter(name, layout, state[`${copy}/${name}`], arena);
      }
      return arena;
    });
    for (const [i, copy] of copies.entries()) this.#floats(copy).set(staged[i]);
    this.#emaStarted = hasEma;
  }

  /** Gives the memory back. The executor and its views must not be used afterwards. */
  dispose(): void {
    for (const block of this.#blocks.splice(0)) this.engine.free(block);
  }

  /** Whether every padded lane of parameters and gradients is zero: the kernels' invariant, for tests. */
  paddingIsZero(): boolean {
    const copies: Copy[] = this.#trains ? ["parameters", "gradients", "moment1", "moment2", "ema"] : ["parameters"];
    return copies.every((copy) => {
      const arena = Float32Array.from(this.#floats(copy));
      for (const [name, layout] of Object.entries(this.#arena.parameters)) {
        const zeros = { dtype: "float32", shape: layout.shape, data: new Float32Array(sizeOf(layout.shape)) } as const;
        packParameter(name, layout, zeros, arena);
      }
      return arena.every((value) => value === 0);
    });
  }
}

/** x^n by multiplication: the same bits everywhere, unlike Math.pow. */
function integerPower(x: number, n: number): number {
  let result = 1;
  for (let base = x, rest = n; rest > 0; rest = Math.floor(rest / 2), base *= base) if (rest % 2 === 1) result *= base;
  return result;
}
