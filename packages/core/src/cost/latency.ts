/**
 * Estimates the time of one inference: the instructions of every kernel, times a band of cycles per instruction,
 * divided by the clock rate. The estimate serves to choose networks. `phinets emulate` counts the instructions; only a
 * board measures milliseconds.
 */
import {
  type Board,
  callsOf,
  type Kernel,
  type KernelRow,
  kernels,
  type Program,
  type Step,
  shapeOf,
} from "../target/index.js";
import counted from "../target/kernel-costs.json" with { type: "json" };

export interface CoreCosts {
  /** Instructions per entry of the schedule, and per call of a step, in addition to the kernel's. */
  readonly entry: number;
  readonly step: number;
  /** Instructions per unit of a kernel's terms (target/kernels.ts). */
  readonly kernels: Readonly<Partial<Record<Kernel, Readonly<Record<string, number>>>>>;
}

/** The counts of a board's core, or of the core that stands for it. */
export function coreCosts({ countedAs }: Pick<Board, "countedAs">): CoreCosts {
  return counted.cores[countedAs];
}

/** Instructions of one step over all its rows. Where a core lacks a kernel's figures, a Cortex-M7's are used. */
export function instructionsOf(step: Step, program: Program, board: Pick<Board, "countedAs">): number {
  const { kernels: measured, step: overhead } = coreCosts(board);
  const others: CoreCosts = counted.cores["cortex-m7"];
  const row: KernelRow = kernels[step.kernel];
  const kernel = (row.countedAs ?? step.kernel) as Kernel;
  const figures = measured[kernel] ?? others.kernels[kernel] ?? {};
  const shape = shapeOf(step, program.lowering);
  const terms = row.terms(shape);
  let sum = callsOf(shape) * overhead;
  for (const [name, amount] of Object.entries(terms)) sum += amount * (figures[name] ?? 0);
  return sum;
}

/** Instructions of each step of the program, in order. */
export function stepInstructions(program: Program, board: Pick<Board, "countedAs">): number[] {
  return program.lowering.steps.map((step) => instructionsOf(step, program, board));
}

/**
 * Instructions of one inference.
 * @param steps instructions of each step, where they are known
 */
export function countInstructions(
  program: Program,
  board: Pick<Board, "countedAs">,
  steps: readonly number[] = stepInstructions(program, board),
): number {
  const own = steps.reduce((sum, count) => sum + count, 0);
  return own + program.stream.schedule.length * coreCosts(board).entry;
}

/** Milliseconds for a number of instructions, low and high end. */
export function bandMs(instructions: number, board: Board): [low: number, high: number] {
  const [low, high] = board.cyclesPerInstruction;
  return [((instructions * low) / board.clockHz) * 1e3, ((instructions * high) / board.clockHz) * 1e3];
}

/** Milliseconds of one inference, low and high end. */
export function latencyMs(program: Program, board: Board): [low: number, high: number] {
  return bandMs(countInstructions(program, board), board);
}
