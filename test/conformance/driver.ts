/** Interface of the back ends in the conformance suite. */
import type { FloatForm, Group, IntegerForm } from "./case.js";

/** Cases that a back end does not support. Each must fail there: a case that passes fails the suite. */
export interface Skip {
  /** A case's name, or a pattern for several. */
  readonly case: string | RegExp;
  readonly reason: string;
  /** False where showing the failure takes long. Default true. */
  readonly run?: boolean;
}

/** Values by name: outputs and any other values that the back end shows. Pictures are concatenated. */
export type Values<T> = ReadonlyMap<string, T>;

/** For each form, its values, or the error. */
export type Results<T> = readonly (Values<T> | Error)[];

interface Common {
  readonly name: string;
  /** Default: all. */
  readonly groups?: readonly Group[];
  readonly skip?: readonly Skip[];
  /** What is not installed, as the reason why nothing runs; undefined where nothing is missing. */
  readonly missing?: string;
}

export interface FloatDriver extends Common {
  readonly kind: "float";
  /** Largest difference from the reference, as a fraction of the largest value in the map, and its reason. */
  readonly tolerance: { readonly share: number; readonly reason: string };
  run(forms: readonly FloatForm[]): Promise<Results<Float32Array>>;
}

export interface IntegerDriver extends Common {
  readonly kind: "int8";
  /** Default: every byte must be equal. */
  readonly tolerance?: {
    /** Largest difference of a byte. */
    readonly steps: number;
    /** Largest share of differing bytes in a group. */
    readonly share: number;
    readonly reason: string;
  };
  run(forms: readonly IntegerForm[]): Promise<Results<Int8Array>>;
}

export type Driver = FloatDriver | IntegerDriver;

/** For back ends that take one network at a time. */
export function oneByOne<Form, T>(run: (form: Form) => Values<T> | Promise<Values<T>>) {
  return async (forms: readonly Form[]): Promise<Results<T>> => {
    const results: (Values<T> | Error)[] = [];
    for (const form of forms) {
      try {
        results.push(await run(form));
      } catch (error) {
        results.push(error as Error);
      }
    }
    return results;
  };
}

/** Converts the outputs of the pictures to concatenated values by name. */
export function byName({ network, inputs }: IntegerForm, outputs: readonly (readonly Int8Array[])[]) {
  return new Map(
    network.graph.outputs.map((name, i) => {
      const parts = inputs.map((_, picture) => [...outputs[picture][i]]);
      return [name, Int8Array.from(parts.flat())];
    }),
  );
}
