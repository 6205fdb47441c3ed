/** A run's network as a model, with errors that name the run and the command that helps. */
import { type Arithmetic, Model, type ModelOptions } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import { loadRun, type Run } from "./load.js";

/** The arithmetic that was asked for; else int8, or float, with a note, of a run that is not quantised yet. */
export function chooseArithmetic(
  run: Pick<Run, "folder" | "quantized">,
  asked: Arithmetic | undefined,
  note: (line: string) => void,
): Arithmetic {
  if (asked !== undefined || run.quantized) return asked ?? "int8";
  note(
    `${run.folder}: not quantised yet, so this is the float network; phinets quantize makes the int8 one that the firmware has`,
  );
  return "float";
}

/** Throws PhinetsError for a network without a head, and for int8 (the default) before the run is quantised. */
export async function openModel(
  run: Pick<Run, "folder" | "network" | "graph" | "weights" | "quantized">,
  options: ModelOptions = {},
): Promise<Model> {
  const { on = "int8" } = options;
  try {
    // Only the form that is used is read: a damaged other one is no reason to fail.
    const form = on === "int8" ? { quantized: run.quantized } : { weights: run.weights };
    return await Model.of({ network: run.network, ...form }, { ...options, on });
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    const remedy =
      error.code === "model.quantized"
        ? `the run is not quantised; run phinets quantize --model ${run.folder} --data DATA, or use --on float`
        : error.message;
    throw new PhinetsError(error.code, `${run.folder}: ${remedy}`, run.folder);
  }
}

export interface OpenModelOptions extends ModelOptions {
  /** Told when the run is not quantised yet, so that float stands in for int8. Default: nobody is. */
  readonly onNote?: (line: string) => void;
}

/**
 * A run folder's network as a model: `detect`, `classify`, `track`.
 *
 * @example
 * const model = await openRun("runs/ship/my-parts-stm32h743");
 * for (const { name, score, x, y } of model.detect(await readPicture("part.jpg"))) console.log(name, score, x, y);
 *
 * @throws PhinetsError where the folder is no run, a file of it is damaged, or the form asked for (`on`) is missing
 */
export function openRun(path: string, { onNote = () => {}, ...options }: OpenModelOptions = {}): Promise<Model> {
  const run = loadRun(path);
  return openModel(run, { ...options, on: chooseArithmetic(run, options.on, onNote) });
}
