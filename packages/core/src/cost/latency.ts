/**
 * How long one inference takes: instructions of every kernel, times a band of cycles an instruction, over the clock. An
 * estimate to choose networks by; `phinets emulate` counts the instructions, only the board itself measures milliseconds.
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
  /** Instructions of an entry of the schedule, and of a step, beside its kernel's. */
  readonly entry: number;
  readonly step: number;
  /** Instructions a unit of a kernel's terms (target/kernels.ts). */
  readonly kernels: Readonly<Partial<Record<Kernel, Readonly<Record<string, number>>>>>;
}

/** What was counted on a board's core, or on the one that stands for it. */
export function coreCosts({ countedAs }: Pick<Board, "countedAs">): CoreCosts {
  return counted.cores[countedAs];
}

/** Instructions of one step, all of its rows. Where a core lacks a kernel's figures they are those of a Cortex-M7. */
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

/** Instructions of each step of the program, in its order. */
export function stepInstructions(program: Program, board: Pick<Board, "countedAs">): number[] {
  return program.lowering.steps.map((step) => instructionsOf(step, program, board));
}

/**
 * Instructions of one inference.
 * @param steps those of each step, where they are known
 */
export function countInstructions(
  program: Program,
  board: Pick<Board, "countedAs">,
  steps: readonly number[] = stepInstructions(program, board),
): number {
  const own = steps.reduce((sum, count) => sum + count, 0);
  return own + program.stream.schedule.length * coreCosts(board).entry;
}

/** Milliseconds that instructions take, low and high. */
export function bandMs(instructions: number, board: Board): [low: number, high: number] {
  const [low, high] = board.cyclesPerInstruction;
  return [((instructions * low) / board.clockHz) * 1e3, ((instructions * high) / board.clockHz) * 1e3];
}

/** Milliseconds of one inference, low and high. */
export function latencyMs(program: Program, board: Board): [low: number, high: number] {
  return bandMs(countInstructions(program, board), board);
}
