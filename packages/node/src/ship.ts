/** The whole chain as one function: labelled pictures and a board in, proven firmware and a report out. */
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
  /** Folder or file of a data set, or several, which are joined. */
  readonly data: string | readonly string[];
  /** A board: its name, the path of a board.json, or the content of one. Default "stm32h743". */
  readonly target?: string | Board;
  /** Resources that the network may use, where less than the whole board. Default: all of the board. */
  readonly limits?: ShipRequest["limits"];
  /** Changes to the task's recipe, as `{ epochs: 30, seed: 1 }`. */
  readonly recipe?: Partial<Recipe>;
}

/**
 * Chooses a network for the board, trains and quantises it, proves the firmware on an emulated core and writes figures
 * and a report, as the command `phinets ship` does. A second call redoes only the steps whose inputs changed; after an
 * abort or a kill it resumes.
 *
 * @example const result = await ship({ data: "my-parts", target: "stm32h743" }, { onEvent: console.log });
 * console.log(result.report, isProven(result));
 *
 * @returns figures, sizes and digests; the folder `result.run` has the same files as after the command
 * @throws PhinetsError for data that cannot be read or trained on, a board that no network fits, or a folder in use;
 * the signal's reason once it is aborted. Where a compiler or QEMU is missing, the step is left out and the result says
 * so.
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
