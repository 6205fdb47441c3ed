/**
 * The state that training changes: parameters, gradients, the optimiser's moments and the averaged weights, each an
 * arena in the engine's memory, with the programs that update them. Executors of one network at several sizes share a
 * store.
 */
import { trainable } from "../graph/index.js";
import type { Engine } from "../kernels/index.js";
import { type FloatWeights, PhinetsError, sizeOf, type Tensor } from "../tensor/index.js";
import { type ParameterArena, packParameter, unpackParameter } from "./layout.js";
import { type OptimizerStep, settingsCount, settingsSlot, writeSettings } from "./optimizer.js";
import { encodeProgram, type Instruction, instruction } from "./program.js";

const barrier = (): Instruction => instruction("barrier", () => ({}));

/** The store's arenas: the parameters and the values that training keeps for each of them. */
export type Copy = "parameters" | "gradients" | "moment1" | "moment2" | "ema";

export class ParameterStore {
  /** Bytes of shared memory. */
  bytes = 0;
  readonly #copies = {} as Record<Copy, number>;
  readonly #blocks: number[] = [];
  readonly #settings: number;
  readonly #programs: { optimise: number; lamb: number; average: number } | undefined;
  #emaStarted = false;
  /** Sums of the micro-batches' gradients, created when first needed. */
  #accumulated: { address: number; add: number; finish: number } | undefined;

  /**
   * @param trains false for inference, which keeps parameters only
   * @throws PhinetsError when memory runs out.
   */
  constructor(
    readonly engine: Engine,
    readonly arena: ParameterArena,
    readonly trains: boolean,
  ) {
    try {
      const copies: Copy[] = trains ? ["parameters", "gradients", "moment1", "moment2", "ema"] : ["parameters"];
      for (const copy of copies) this.#copies[copy] = this.#allocate(this.#length(copy) * 4);
      this.#settings = this.#allocate(settingsCount * 8);
      if (!trains) return;
      const { ema, parameters } = this.#copies;
      const optimiser = this.#optimiser();
      this.#programs = {
        optimise: this.#place(optimiser),
        lamb: this.#place([...optimiser, barrier(), this.#trust()]),
        average: this.#place([this.#average(ema, parameters, arena.moving)]),
      };
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  #allocate(bytes: number): number {
    const address = this.engine.allocate(bytes);
    this.#blocks.push(address);
    this.bytes += bytes;
    return address;
  }

  #place(instructions: readonly Instruction[]): number {
    return encodeProgram(
      this.engine,
      instructions,
      {},
      (word) => word as never,
      (bytes) => this.#allocate(bytes),
    );
  }

  #optimiser(): Instruction[] {
    const { parameters, gradients, moment1, moment2 } = this.#copies;
    const { trained, decayed } = this.arena;
    const all = { gradients, bytes: trained * 4, settings: this.#settings };
    return [
      instruction("squaredNorm", () => all),
      barrier(),
      instruction("optimise", () => ({ ...all, parameters, moment1, moment2, decayed: decayed * 4 })),
    ];
  }

  #trust(): Instruction {
    const { parameters, gradients } = this.#copies;
    const { decayed } = this.arena;
    const tensors = Object.values(this.arena.parameters).filter(({ offset }) => offset < decayed);
    const ranges = tensors.flatMap(({ offset, size }) => [offset * 4, size * 4]);
    const words = { parameters, updates: gradients, settings: this.#settings, tensors: tensors.length, ranges };
    return instruction("trust", () => words);
  }

  /** target = decay * target + (1 - decay) * source */
  #average(target: number, source: number, floats: number): Instruction {
    return instruction("average", () => ({ target, source, bytes: floats * 4, settings: this.#settings }));
  }

  /** Length of a copy in floats. */
  #length(copy: Copy): number {
    return copy === "parameters" || copy === "ema" ? this.arena.size : this.arena.trained;
  }

  /** Address of a parameter in a copy. */
  at(copy: Copy, parameter: string): number {
    return this.#copies[copy] + this.arena.parameters[parameter].offset * 4;
  }

  get gradientsAddress(): number {
    return this.#copies.gradients;
  }

  /** View of a copy. Throws PhinetsError when inference does not keep it. */
  floats(copy: Copy): Float32Array {
    if (this.#copies[copy] === undefined)
      throw new PhinetsError("training.inference", `an inference executor has no ${copy}; use differentiate`);
    return this.engine.floats(this.#copies[copy], this.#length(copy));
  }

  set(weights: FloatWeights): void {
    const arena = this.floats("parameters");
    for (const [name, layout] of Object.entries(this.arena.parameters))
      packParameter(name, layout, weights[name], arena);
  }

  /** Copies of a copy's tensors, in the graph's logical layouts. */
  read(copy: Copy): FloatWeights {
    const arena = this.floats(copy);
    return Object.fromEntries(this.#entries(copy).map(([name, layout]) => [name, unpackParameter(layout, arena)]));
  }

  /** Throws PhinetsError when a gradient is missing or has another shape. */
  setGradients(gradients: FloatWeights): void {
    const arena = this.floats("gradients");
    for (const [name, layout] of this.#entries("gradients")) packParameter(name, layout, gradients[name], arena);
  }

  /** Gradients and moments exist for trained parameters only. */
  #entries(copy: Copy) {
    const entries = Object.entries(this.arena.parameters);
    const length = this.#length(copy);
    return entries.filter(([, { kind, offset }]) => length === this.arena.size || (trainable[kind] && offset < length));
  }

  optimizerStep(options: OptimizerStep): { gradientNorm: number } {
    this.floats("gradients");
    const settings = this.engine.doubles(this.#settings, settingsCount);
    writeSettings(options, settings);
    const { optimise, lamb } = this.#programs!;
    this.engine.run(options.kind === "lamb" ? lamb : optimise);
    return { gradientNorm: settings[settingsSlot.norm] };
  }

  /** See Executor.accumulate. */
  accumulate(part: number, parts: number): void {
    if (parts === 1) return;
    const gradients = this.#copies.gradients;
    if (this.#accumulated === undefined) {
      const { trained } = this.arena;
      const address = this.#allocate(trained * 4);
      const add = this.#place([this.#average(address, gradients, trained)]);
      this.#accumulated = { address, add, finish: this.#place([this.#average(gradients, address, trained)]) };
    }
    const { add, finish } = this.#accumulated;
    if (part < parts) this.#runAverage(add, (part - 1) / part);
    else this.#runAverage(finish, 1 / parts);
  }

  #runAverage(program: number, decay: number): void {
    this.engine.doubles(this.#settings, settingsCount)[settingsSlot.averageDecay] = decay;
    this.engine.run(program);
  }

  updateEma(decay: number): void {
    if (!this.#emaStarted) {
      this.floats("ema").set(this.floats("parameters"));
      this.#emaStarted = true;
      return;
    }
    this.#runAverage(this.#programs!.average, decay);
  }

  emaParameters(): FloatWeights {
    return this.read(this.#emaStarted ? "ema" : "parameters");
  }

  state(): Record<string, Tensor<"float32">> {
    const copies: Copy[] = ["parameters", "moment1", "moment2", ...(this.#emaStarted ? (["ema"] as const) : [])];
    const state: Record<string, Tensor<"float32">> = {};
    for (const copy of copies)
      for (const [name, value] of Object.entries(this.read(copy))) state[`${copy}/${name}`] = value;
    return state;
  }

  setState(state: Readonly<Record<string, Tensor>>): void {
    const hasEma = Object.keys(state).some((key) => key.startsWith("ema/"));
    const copies: Copy[] = ["parameters", "moment1", "moment2", ...(hasEma ? (["ema"] as const) : [])];
    const staged = copies.map((copy) => {
      const arena = new Float32Array(this.#length(copy));
      for (const [name, layout] of this.#entries(copy)) packParameter(name, layout, state[`${copy}/${name}`], arena);
      return arena;
    });
    for (const [i, copy] of copies.entries()) this.floats(copy).set(staged[i]);
    this.#emaStarted = hasEma;
  }

  dispose(): void {
    for (const block of this.#blocks.splice(0)) this.engine.free(block);
  }

  paddingIsZero(): boolean {
    return (Object.keys(this.#copies) as Copy[]).every((copy) => {
      const arena = Float32Array.from(this.floats(copy));
      for (const [name, layout] of this.#entries(copy)) {
        const zeros = { dtype: "float32", shape: layout.shape, data: new Float32Array(sizeOf(layout.shape)) } as const;
        packParameter(name, layout, zeros, arena);
      }
      return arena.every((value) => value === 0);
    });
  }
}
