/**
 * Where loading threads and the trainer meet: a ring of slots in shared memory. Batches are numbered from 0 over the whole
 * run; batch b goes into slot b mod slots. Everybody waits with Atomics, nobody needs another's event loop.
 */

/** Words of `control`: the next batch that nobody has begun, the batches that are planned, then each slot's turn. */
const [next, planned, turns] = [0, 1, 2];

export class BatchRing {
  /** @param control in shared memory, `BatchRing.words(slots)` words, zeros at first */
  constructor(
    readonly control: Int32Array,
    readonly slots: number,
  ) {}

  /** Words that the control of a ring of `slots` needs. */
  static words(slots: number): number {
    return turns + slots;
  }

  slotOf(batch: number): number {
    return batch % this.slots;
  }

  /** Begins the next batch, planned or not. */
  claim(): number {
    return Atomics.add(this.control, next, 1);
  }

  /** Begins the next batch if it is below `end`; else -1. */
  claimBelow(end: number): number {
    const batch = Atomics.load(this.control, next);
    return batch < end && Atomics.compareExchange(this.control, next, batch, batch + 1) === batch ? batch : -1;
  }

  get planned(): number {
    return Atomics.load(this.control, planned);
  }

  set planned(count: number) {
    Atomics.store(this.control, planned, count);
    Atomics.notify(this.control, planned);
  }

  waitPlanned(batch: number): void {
    for (let count = this.planned; count <= batch; count = this.planned) Atomics.wait(this.control, planned, count);
  }

  /** A slot's turn is twice its lap, and one more while it holds that lap's batch. */
  #turn(batch: number): number {
    return 2 * Math.floor(batch / this.slots);
  }

  waitFree(batch: number): void {
    const word = turns + this.slotOf(batch);
    for (;;) {
      const turn = Atomics.load(this.control, word);
      if (turn >= this.#turn(batch)) return;
      Atomics.wait(this.control, word, turn);
    }
  }

  isReady(batch: number): boolean {
    return Atomics.load(this.control, turns + this.slotOf(batch)) > this.#turn(batch);
  }

  /** At most `ms`. */
  waitReady(batch: number, ms: number): void {
    const word = turns + this.slotOf(batch);
    const turn = Atomics.load(this.control, word);
    if (turn <= this.#turn(batch)) Atomics.wait(this.control, word, turn, ms);
  }

  publish(batch: number): void {
    this.#set(batch, this.#turn(batch) + 1);
  }

  /** The batch is used: its slot is free for the next lap. */
  release(batch: number): void {
    this.#set(batch, this.#turn(batch) + 2);
  }

  #set(batch: number, turn: number): void {
    const word = turns + this.slotOf(batch);
    Atomics.store(this.control, word, turn);
    Atomics.notify(this.control, word);
  }
}
