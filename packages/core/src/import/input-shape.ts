/** Resolves the input sizes that a network's file leaves open, from those that the caller gives. */
import { formatShape, PhinetsError, type Shape } from "../tensor/index.js";

/**
 * The size of the input, in the file's order of dimensions: `[1, 96, 96, 3]` for a .tflite, `[1, 3, 96, 96]` for most
 * .onnx.
 */
export interface InputShape {
  /** Name of the input. Default: the only input. */
  readonly name?: string;
  readonly sizes: Shape;
}

export interface ImportOptions {
  /** Size of the input, for a file with sizes that are not fixed. An open batch needs none; it becomes 1. */
  readonly shape?: InputShape;
  /** Names of tensors that the network ends at; everything beyond is ignored. Default: the file's outputs. */
  readonly outputs?: readonly string[];
}

/** Pictures and windows are never larger. */
const mostSize = 65536;

/** An input as its file describes it. */
interface FileInput {
  readonly file: string;
  readonly name: string;
  /** 0 or less where a size is not fixed. */
  readonly shape: Shape;
}

/**
 * The input's sizes, all fixed.
 * Throws PhinetsError `import.shape` where sizes are open and none are given, and where the given sizes do not match
 * the file's input.
 */
export function resolveInputShape({ file, name, shape }: FileInput, given: InputShape | undefined): Shape {
  const shown = name.slice(0, 60);
  const fail = (problem: string): never => {
    throw new PhinetsError("import.shape", `${file}: ${problem}`, file);
  };
  const ofFile = `[${shape.map((size) => (size > 0 ? size : "?"))}]`;
  if (given === undefined) {
    const open = shape.map((size, axis) => (axis === 0 && size <= 0 ? 1 : size));
    if (open.every((size) => size > 0)) return open;
    const example = open.map((size) => (size > 0 ? size : 96)).join();
    return fail(`its input "${shown}" is ${ofFile}, whose sizes are not all fixed; give them: --shape ${example}`);
  }
  const { sizes } = given;
  if (given.name !== undefined && given.name !== name)
    fail(`--shape is of the input "${given.name.slice(0, 60)}", and its input is "${shown}"; name that, or none`);
  const misfit = shape.length !== sizes.length || sizes.some((size, axis) => shape[axis] > 0 && shape[axis] !== size);
  if (misfit) fail(`--shape is ${formatShape(sizes)}, and its input "${shown}" is ${ofFile}; fixed sizes stay`);
  if (sizes.some((size) => !(Number.isInteger(size) && size >= 1 && size <= mostSize)))
    fail(`--shape is ${formatShape(sizes)}; sizes of 1 to ${mostSize} can be imported`);
  return sizes;
}
