/** The values that a pickle can hold here: plain data, and records of the objects it names. None of them can run. */
import type { Storage, TensorView } from "./tensor-view.js";

/**
 * Lists, tuples and sets. `depth` is the nesting depth of containers, 1 without inner ones; the unpickler limits it.
 */
export class PickleList {
  depth = 1;
  constructor(
    readonly kind: "list" | "tuple" | "set",
    readonly items: PickleValue[],
  ) {}
}

/** dict, OrderedDict, defaultdict. */
export class PickleDict {
  depth = 1;
  readonly entries = new Map<PickleValue, PickleValue>();
}

/** A name on the allow-list. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** An object of an allowed class that is irrelevant to weights: only its name and its state are kept. */
export class PickleRecord {
  depth = 1;
  state: PickleValue = null;
  constructor(readonly name: string) {}
}

/** A storage referenced by a persistent id. */
export class PickleStorage {
  constructor(readonly storage: Storage) {}
}

/** A rebuilt tensor. */
export class PickleTensor {
  constructor(readonly view: TensorView) {}
}

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleRecord
  | PickleStorage
  | PickleTensor;

export function isContainer(value: PickleValue): value is PickleList | PickleDict | PickleRecord {
  return value instanceof PickleList || value instanceof PickleDict || value instanceof PickleRecord;
}
