/** Opens a run's network as a model; errors name the run and the command that helps. */
import { type Arithmetic, Model, type ModelOptions } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import { loadRun, type Run } from "./load.js";

/** The arithmetic that was requested; by default int8, or float with a note where the run is not quantised yet. */
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

/** Throws PhinetsError for a network without a head and, for int8 (the default), before the run is quantised. */
export async function openModel(
  run: Pick<Run, "folder" | "network" | "graph" | "weights" | "quantized">,
  options: ModelOptions = {},
): Promise<Model> {
  const { on = "int8" } = options;
  try {
    // Only the form in use is read, so that damage to the other one does not matter.
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
  /** Called when the run is not quantised yet, so that float is used instead of int8. Default: no note. */
  readonly onNote?: (line: string) => void;
}

/**
 * Opens a run folder's network as a model: `detect`, `classify`, `track`.
 *
 * @example const model = await openRun("runs/ship/my-parts-stm32h743"); for (const { name, score, x, y } of
 * model.detect(await readPicture("part.jpg"))) console.log(name, score, x, y);
 *
 * @throws PhinetsError where the folder is not a run, one of its files is damaged, or the requested form (`on`) is
 * missing
 */
export function openRun(path: string, { onNote = () => {}, ...options }: OpenModelOptions = {}): Promise<Model> {
  const run = loadRun(path);
  return openModel(run, { ...options, on: chooseArithmetic(run, options.on, onNote) });
}
