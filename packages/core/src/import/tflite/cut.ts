/** Ends a .tflite file at tensors of the caller's choice. */
import { operatorsFor, tensorsNamed } from "../cut.js";
import type { TfliteFile } from "./file.js";

/**
 * The file without everything beyond the given tensors; of several tensors with one name, the last counts. Throws
 * PhinetsError `import.outputs` as `tensorsNamed`.
 */
export function cutTflite(whole: TfliteFile, names: readonly string[] | undefined): TfliteFile {
  if (names === undefined) return whole;
  const { file, operators, tensors } = whole;
  const made = new Map(operators.flatMap((each) => each.outputs.map((index) => [tensors[index].name, index])));
  const outputs = tensorsNamed(names, { file, made });
  return { ...whole, operators: operatorsFor(operators, outputs), outputs };
}
