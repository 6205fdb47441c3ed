/**
 * Assigns each box to one of a board's banks, which are listed by speed. If all boxes fit the arena's bank, they stay
 * there, except small boxes that kernels read again and again: as many of these as cost no extra byte in total move to
 * a faster bank. Otherwise the boxes are spread over all banks, the most read ones in the fastest bank with room.
 */
import { type Box, bytesAt, type Placement, placeBoxes } from "./place.js";

/** Memory available to activations. */
export interface Bank {
  /** The board's name for it; absent where no board is given. */
  readonly region?: string;
  /** Bytes that the plan may use. */
  readonly bytes: number;
}

export interface BankBox extends Box {
  /** Bytes that an inference writes to the box and reads from it. */
  readonly traffic: number;
  /** True for the picture: it moves to a faster bank, which a camera's DMA may not reach, only where no other holds it. */
  readonly stays?: boolean;
}

export interface BankPlacement {
  /** Bank of each box and its offset there. */
  readonly spots: readonly { readonly bank: number; readonly offset: number }[];
  /** Bytes used of each bank, including the slack after its last box; 0 for an empty bank. */
  readonly bytes: readonly number[];
}

export interface BankOptions {
  /** Fastest first. */
  readonly banks: readonly Bank[];
  /** Index of the arena's bank. */
  readonly home: number;
  /** Bytes beyond the last box of a bank that kernels may read. */
  readonly slackBytes: number;
  /** Extra bytes, in all banks together, that using faster banks may cost. Default 0. */
  readonly growthBytes?: number;
  /** Most bytes in all banks together, as long as one bank can hold all boxes. Default: no limit. */
  readonly mostBytes?: number;
}

/**
 * Places boxes deterministically. If no assignment is found that fits, all boxes lie in the arena's bank, which is then
 * too small.
 */
export function placeInBanks(boxes: readonly BankBox[], options: BankOptions): BankPlacement {
  const { banks, home } = options;
  const block = assemble(boxes, new Array<number>(boxes.length).fill(home), options);
  if (banks.length === 1) return block;
  const fits = block.bytes[home] <= banks[home].bytes;
  return (fits ? withFaster(boxes, options, block.bytes[home]) : spread(boxes, options)) ?? block;
}

function assemble(boxes: readonly BankBox[], bankOf: readonly number[], options: BankOptions): BankPlacement {
  const spots = new Array<{ bank: number; offset: number }>(boxes.length);
  const bytes = options.banks.map((_, bank) => {
    const members = boxes.flatMap((_, i) => (bankOf[i] === bank ? [i] : []));
    const placed: Placement = placeBoxes(members.map((i) => boxes[i]));
    members.forEach((i, k) => {
      spots[i] = { bank, offset: placed.offsets[k] };
    });
    return members.length === 0 ? 0 : placed.bytes + options.slackBytes;
  });
  return { spots, bytes };
}

const total = (bytes: readonly number[]): number => bytes.reduce((sum, count) => sum + count, 0);

/** Bytes alive in each phase, summed over the added boxes. */
class Alive {
  readonly #bytes: number[];
  constructor(phases: number) {
    this.#bytes = new Array<number>(phases).fill(0);
  }
  add(box: Box, sign: 1 | -1 = 1): void {
    for (let phase = box.first; phase <= box.last; phase++) this.#bytes[phase] += sign * bytesAt(box, phase);
  }
  /** Most bytes alive at once during a box's life. */
  during({ first, last }: Box): number {
    let most = 0;
    for (let phase = first; phase <= last; phase++) most = Math.max(most, this.#bytes[phase]);
    return most;
  }
  get most(): number {
    return Math.max(0, ...this.#bytes);
  }
  /** First phase in which most bytes are alive. */
  get hottest(): number {
    return this.#bytes.indexOf(this.most);
  }
}

const phasesOf = (boxes: readonly Box[]): number => Math.max(0, ...boxes.map(({ last }) => last)) + 1;

/** Indices of the boxes, highest traffic per byte first. */
function byDensity(boxes: readonly BankBox[]): number[] {
  const density = ({ traffic, bytes }: BankBox): number => traffic / bytes;
  return boxes.map((_, i) => i).sort((a, b) => density(boxes[b]) - density(boxes[a]) || a - b);
}

/** Moves to each faster bank in turn the boxes with the most traffic whose move costs no more bytes than allowed. */
function withFaster(boxes: readonly BankBox[], options: BankOptions, blockBytes: number): BankPlacement | undefined {
  const { growthBytes = 0, mostBytes = Number.POSITIVE_INFINITY } = options;
  const most = Math.min(mostBytes, blockBytes + growthBytes);
  let best: BankPlacement | undefined;
  const bankOf = new Array<number>(boxes.length).fill(options.home);
  for (let bank = 0; bank < options.home; bank++) {
    const room = options.banks[bank].bytes - options.slackBytes;
    for (const members of choicesFor(boxes, bankOf, options.home, room)) {
      const moved = bankOf.map((now, i) => (members.has(i) ? bank : now));
      const placed = assemble(boxes, moved, options);
      const fits = placed.bytes.every((bytes, i) => bytes <= options.banks[i].bytes);
      if (!fits || total(placed.bytes) > most) continue;
      best = placed;
      for (const i of members) bankOf[i] = bank;
      break;
    }
  }
  return best;
}

/**
 * Sets of boxes to move from the arena's bank to a faster one, most traffic first. If a bank takes b bytes of the phase
 * with the most bytes alive, it has b bytes free in all other phases too; so every b that boxes of that phase can add
 * up to is tried.
 */
function choicesFor(
  boxes: readonly BankBox[],
  bankOf: readonly number[],
  home: number,
  room: number,
): ReadonlySet<number>[] {
  const here = boxes.filter((_, i) => bankOf[i] === home);
  const order = byDensity(boxes).filter((i) => bankOf[i] === home && !boxes[i].stays && boxes[i].bytes <= room);
  const all = new Alive(phasesOf(boxes));
  for (const box of here) all.add(box);
  const [most, { hottest }] = [all.most, all];
  const levels = new Set([room]);
  let level = 0;
  for (const i of order) {
    const { first, last, bytes } = boxes[i];
    if (first > hottest || hottest > last || level + bytes > room) continue;
    level += bytes;
    levels.add(level);
  }
  const choices: { members: ReadonlySet<number>; traffic: number }[] = [];
  for (const level of levels) {
    const members = new Set<number>();
    const [taken, left] = [new Alive(phasesOf(boxes)), new Alive(phasesOf(boxes))];
    for (const i of order)
      if (taken.during(boxes[i]) + boxes[i].bytes <= level) {
        taken.add(boxes[i]);
        members.add(i);
      }
    boxes.forEach((box, i) => {
      if (bankOf[i] === home && !members.has(i)) left.add(box);
    });
    if (members.size > 0 && taken.most + left.most <= most)
      choices.push({ members, traffic: total([...members].map((i) => boxes[i].traffic)) });
  }
  return choices.sort((a, b) => b.traffic - a.traffic).map(({ members }) => members);
}

/** Number of boxes tried before the search gives up, after a few milliseconds. */
const searchLimit = 50_000;

/** An assignment that does not favour the most read boxes must take less than this fraction of the best one's bytes. */
const worthwhile = 0.97;

/**
 * Tries a few orders of filling the banks one after the other and, where none fits, a search with backtracking. The
 * boxes with the most traffic per byte go to the fastest bank unless another order saves more than a few percent.
 */
function spread(boxes: readonly BankBox[], options: BankOptions): BankPlacement | undefined {
  const by = (key: (box: BankBox) => number): number[] =>
    boxes.map((_, i) => i).sort((a, b) => key(boxes[b]) - key(boxes[a]) || a - b);
  const orders = [
    byDensity(boxes),
    by(({ bytes }) => bytes),
    by(({ bytes, first, last }) => bytes * (last - first + 1)),
  ];
  let best: BankPlacement | undefined;
  const consider = (bankOf: readonly number[] | undefined): void => {
    if (bankOf === undefined) return;
    const placed = assemble(boxes, bankOf, options);
    if (placed.bytes.some((bytes, i) => bytes > options.banks[i].bytes)) return;
    if (best === undefined || total(placed.bytes) < worthwhile * total(best.bytes)) best = placed;
  };
  const { banks, home } = options;
  const fastest = banks.map((_, i) => i);
  const homeFirst = banks.map((_, i) => (home + i) % banks.length);
  for (const first of [fastest, homeFirst])
    for (const order of orders) consider(fill(boxes, order, first, options, boxes.length));
  for (const order of best === undefined ? orders : []) consider(fill(boxes, order, fastest, options, searchLimit));
  return best;
}

/**
 * Puts each box, in the given order, into the first of the `preferred` banks with room during its whole life.
 * Backtracks where no bank has room, and gives up after `limit` trials; with a limit of one trial per box it hardly
 * backtracks.
 */
function fill(
  boxes: readonly BankBox[],
  order: readonly number[],
  preferred: readonly number[],
  { banks, home, slackBytes }: BankOptions,
  limit: number,
): number[] | undefined {
  const alive = banks.map(() => new Alive(phasesOf(boxes)));
  // Boxes that should stay try the home bank first, then the slower banks, and the faster ones last.
  const staying = banks.map((_, i) => (home + i) % banks.length);
  const bankOf = new Array<number>(boxes.length).fill(home);
  let tried = 0;
  const descend = (depth: number): boolean => {
    if (depth === order.length) return true;
    const box = boxes[order[depth]];
    for (const bank of box.stays ? staying : preferred) {
      if (alive[bank].during(box) + box.bytes > banks[bank].bytes - slackBytes) continue;
      if (++tried > limit) return false;
      alive[bank].add(box);
      bankOf[order[depth]] = bank;
      if (descend(depth + 1)) return true;
      alive[bank].add(box, -1);
    }
    return false;
  };
  return descend(0) ? bankOf : undefined;
}
