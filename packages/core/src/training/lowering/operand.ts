/**
 * How a kernel reads a value that may not be stored (kernels/assembly/operand.ts), and its epilogue on the value it
 * writes.
 */
import { activations, arrange, layouts, operandFlags } from "../../kernels/index.js";
import { type Norm, none, type Word } from "../program.js";

/** A value as kernels read it. */
export interface Operand {
  /** Buffer of x; undefined: x = 0. */
  readonly base: number | undefined;
  readonly norm?: Norm;
  readonly activation: number;
  /** Buffer of a factor per image and channel. */
  readonly scale?: number;
  readonly addend?: { readonly buffer: number; readonly factor: number };
  /** For batch norm's gradient: base is dz, this is u. */
  readonly gradientOf?: number;
}

/** dy * act'(z), not computed yet. */
export interface ActivationGradient {
  readonly dy: Operand;
  readonly z: Operand;
  readonly activation: number;
}

export type Lazy = Operand | ActivationGradient;

/**
 * Work on a cotangent's rows while they are in cache: image scale, act'(z) and batch norm's sums (assembly/norm.ts).
 */
export interface Epilogue {
  readonly activation: number;
  /** Buffer of batch norm's input. */
  readonly u: number;
  readonly norm: Norm;
  readonly scale: number | undefined;
}

/** A stored value. */
export const plain = (base: number): Operand => ({ base, activation: activations.none });

export const isGradient = (value: Lazy): value is ActivationGradient => "dy" in value;

export const isPlain = (value: Lazy): value is Operand & { base: number } =>
  !isGradient(value) &&
  value.base !== undefined &&
  value.norm === undefined &&
  value.activation === activations.none &&
  value.scale === undefined &&
  value.addend === undefined;

/** Whether an image scale can still be applied to an operand. */
export const takesScale = (x: Operand): boolean =>
  x.scale === undefined && x.addend === undefined && x.gradientOf === undefined && x.base !== undefined;

/** Whether an activation can still be applied to an operand. */
export const takesActivation = (x: Operand): boolean => takesScale(x) && x.activation === activations.none;

export function operandWords(operand: Operand): Word[] {
  const { base, norm, activation, scale, addend, gradientOf } = operand;
  const flags =
    (gradientOf !== undefined ? operandFlags.gradient : norm !== undefined ? operandFlags.norm : 0) |
    (scale !== undefined ? operandFlags.imageScale : 0) |
    (addend !== undefined ? operandFlags.imageAddend : 0) |
    (base === undefined ? operandFlags.zero : 0) |
    (activation << 8);
  const at = (buffer: number | undefined): Word => (buffer === undefined ? 0 : { buffer });
  return arrange<typeof layouts.operand, Word>(layouts.operand, {
    flags,
    x: at(base),
    u: at(gradientOf),
    vectors: norm === undefined ? 0 : { norm: norm.index },
    scale: at(scale),
    addend: at(addend?.buffer),
    factor: addend === undefined ? 0 : { float: addend.factor },
  });
}

/** @param addend buffer that is added first */
export function epilogueWords(epilogue: Epilogue | undefined, addend?: number): Word[] {
  return arrange<typeof layouts.epilogue, Word>(layouts.epilogue, {
    kind: epilogue === undefined ? 0 : 1,
    activation: epilogue?.activation ?? 0,
    u: epilogue === undefined ? 0 : { buffer: epilogue.u },
    block: epilogue === undefined ? 0 : { norm: epilogue.norm.index },
    scale: optional(epilogue?.scale),
    addend: optional(addend),
  });
}

/** The word of a buffer, or `none`. */
export const optional = (buffer: number | undefined): Word => (buffer === undefined ? none : { buffer });
