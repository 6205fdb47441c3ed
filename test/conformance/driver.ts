/** What a back end is to the conformance suite. */
import type { FloatForm, Group, IntegerForm } from "./case.js";

/** Cases that a back end cannot do. Each of them has to fail there: one that passes fails the suite. */
export interface Skip {
  /** A case's name, or what names of some have in common. */
  readonly case: string | RegExp;
  readonly reason: string;
  /** False where to see it fail takes long. Default true. */
  readonly run?: boolean;
}

/** Values by name: of the outputs, and of whatever else the back end shows. Pictures lie one behind the other. */
export type Values<T> = ReadonlyMap<string, T>;

/** Of each form, its values, or why there are none. */
export type Results<T> = readonly (Values<T> | Error)[];

interface Common {
  readonly name: string;
  /** Default: all. */
  readonly groups?: readonly Group[];
  readonly skip?: readonly Skip[];
  /** What is not installed here and why nothing runs, or undefined. */
  readonly missing?: string;
}

export interface FloatDriver extends Common {
  readonly kind: "float";
  /** Most that a value may be away from the reference's, as a share of the largest of its map, and why so much. */
  readonly tolerance: { readonly share: number; readonly reason: string };
  run(forms: readonly FloatForm[]): Promise<Results<Float32Array>>;
}

export interface IntegerDriver extends Common {
  readonly kind: "int8";
  /** Default: every byte is equal. */
  readonly tolerance?: {
    /** Most that a byte may be away. */
    readonly steps: number;
    /** Most bytes that may be away at all, as a share of a group's. */
    readonly share: number;
    readonly reason: string;
  };
  run(forms: readonly IntegerForm[]): Promise<Results<Int8Array>>;
}

export type Driver = FloatDriver | IntegerDriver;

/** Of a back end that takes one network at a time. */
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

/** Outputs of the pictures, one behind the other, to values by name. */
export function byName({ network, inputs }: IntegerForm, outputs: readonly (readonly Int8Array[])[]) {
  return new Map(
    network.graph.outputs.map((name, i) => {
      const parts = inputs.map((_, picture) => [...outputs[picture][i]]);
      return [name, Int8Array.from(parts.flat())];
    }),
  );
}
