/** The whole chain for a program: labelled pictures and a board in, proven firmware and a report out. */
import { type Board, parseBoard } from "@phinets/core/target";
import type { Recipe } from "@phinets/core/training";
import { defaultThreads } from "./host/cores.js";
import { type ListenOptions, listen } from "./steps/context.js";
import { defaultProofPictures, isProven, type ShipRequest, type ShipResult, ship as shipStep } from "./steps/ship.js";
import { defaultTarget, loadTarget } from "./target/target.js";

export type { ListenOptions, StepEvent } from "./steps/context.js";
export { isProven, type ShipResult };

export interface ShipOptions
  extends Partial<Omit<ShipRequest, "data" | "target" | "limits" | "recipe" | "commandLine">> {
  /** Folder or file of a data set, or several that are joined. */
  readonly data: string | readonly string[];
  /** A board: its name, a board.json, or what such a file holds. Default "stm32h743". */
  readonly target?: string | Board;
  /** What the network may use, where it is less than the board has. Default: all of the board. */
  readonly limits?: ShipRequest["limits"];
  /** What differs from the task's recipe, as `{ epochs: 30, seed: 1 }`. */
  readonly recipe?: Partial<Recipe>;
}

/**
 * Network for the board, training, int8, firmware proven on the emulated core, figures, report: the command `phinets ship`.
 * Run again, it redoes only what changed; aborted or killed, it goes on where it was.
 *
 * @example
 * const result = await ship({ data: "my-parts", target: "stm32h743" }, { onEvent: console.log });
 * console.log(result.report, isProven(result));
 *
 * @returns figures, sizes and digests; what lies in `result.run` is the same as the command leaves
 * @throws PhinetsError for data that cannot be read or trained on, a board that nothing fits, a folder in use; the
 *   signal's reason once it is aborted. Where a compiler or QEMU is missing the step is left out, and the result says so.
 */
export function ship(options: ShipOptions, listening: ListenOptions = {}): Promise<ShipResult> {
  const { data, target = defaultTarget, limits = {}, recipe = {} } = options;
  const request: ShipRequest = {
    ...options,
    images: options.images ?? defaultProofPictures,
    project: options.project ?? "runs",
    threads: options.threads ?? defaultThreads(),
    data: typeof data === "string" ? [data] : data,
    target: typeof target === "string" ? loadTarget(target) : parseBoard(target, "target"),
    limits,
    recipe,
    commandLine: "ship() of @phinets/node",
  };
  return shipStep(request, listen(listening));
}
