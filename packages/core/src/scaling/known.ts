/** Caches blocks, stems and heads that many rows of the lattice share, once per board. */
import type { BuiltHead, NetworkInput } from "../networks/index.js";
import type { Board } from "../target/index.js";
import type { Instructions } from "./ends.js";
import { type Activation, BlockInstructions, type Count, counterOf, type WidthInstructions } from "./instructions.js";
import type { BlockMaps, End, Plan, Start } from "./memory.js";

/** A block without its expanded width. */
export interface Segment {
  readonly maps: BlockMaps;
  readonly bytes: Int32Array;
  readonly costs: Int32Array;
  readonly activation: Activation;
  readonly toPlanes: boolean;
  /** Computed on first use. */
  speed: WidthInstructions | undefined;
  ram: WidthInstructions | undefined;
}

const widest = 2 ** 15;

export interface KnownStart {
  readonly memory: Start;
  readonly instructions: Instructions;
}

export interface KnownEnd {
  readonly memory: End;
  readonly instructions: Instructions;
}

/** The cached blocks, stems and heads of a board. */
export class Known {
  readonly segments = new Map<number, Segment>();
  readonly #starts = new WeakMap<NetworkInput, Map<number, KnownStart>>();
  readonly #ends = new WeakMap<BuiltHead, Map<number, KnownEnd>>();
  readonly #squeezes = new Map<number, Float64Array>();
  readonly blocks: BlockInstructions;
  readonly count: Count;

  constructor(board: Board) {
    this.blocks = new BlockInstructions(board);
    this.count = counterOf(board);
  }

  start(input: NetworkInput, key: number, make: () => KnownStart): KnownStart {
    return once(
      once(this.#starts, input, () => new Map()),
      key,
      make,
    );
  }

  end(head: BuiltHead, key: number, make: () => KnownEnd): KnownEnd {
    return once(
      once(this.#ends, head, () => new Map()),
      key,
      make,
    );
  }

  squeezes(divisor: number, table: number): Float64Array {
    return once(this.#squeezes, 2 * divisor + table, () => new Float64Array(widest));
  }

  instructions(segment: Segment, plan: Plan): WidthInstructions {
    const found = segment[plan];
    if (found !== undefined) return found;
    const { maps, activation, toPlanes } = segment;
    const made = this.blocks.of(maps, plan, activation, toPlanes);
    segment[plan] = made;
    return made;
  }
}

const boards = new WeakMap<Board, Known>();

export function knownOf(board: Board): Known {
  return once(boards, board, () => new Known(board));
}

/** A map's value for a key, made and stored if it is missing. */
export function once<K, V>(
  map: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  let found = map.get(key);
  if (found === undefined) {
    found = make();
    map.set(key, found);
  }
  return found;
}
