/** What a pickle can hold here: plain data, and records of what it asked for. None of it can run. */
import type { Storage, TensorView } from "./tensor-view.js";

/** Lists, tuples and sets. `depth` is how deep containers lie in it; containers are bounded by it. */
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

/** A name of the allow-list. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** An object of an allowed class that says nothing about weights: its name and its state, and that is all. */
export class PickleRecord {
  depth = 1;
  state: PickleValue = null;
  constructor(readonly name: string) {}
}

/** A storage that a persistent id named. */
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
