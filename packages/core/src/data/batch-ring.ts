/**
 * A ring of slots in shared memory between loading threads and the trainer. Batches are numbered from 0 over the whole
 * run; batch b goes into slot b mod slots. All threads wait with Atomics and need no event loop.
 */

/** Words of `control`: the next unclaimed batch, the number of planned batches, then each slot's turn. */
const [next, planned, turns] = [0, 1, 2];

export class BatchRing {
  /** @param control `BatchRing.words(slots)` words in shared memory, initially zero */
  constructor(
    readonly control: Int32Array,
    readonly slots: number,
  ) {}

  /** Length in words of the control of a ring with `slots` slots. */
  static words(slots: number): number {
    return turns + slots;
  }

  slotOf(batch: number): number {
    return batch % this.slots;
  }

  /** Claims the next batch, planned or not. */
  claim(): number {
    return Atomics.add(this.control, next, 1);
  }

  /** Claims the next batch if its number is below `end`; otherwise returns -1. */
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

  /** A slot's turn is twice its lap, plus one while it holds that lap's batch. */
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

  /** Waits for at most `ms` milliseconds. */
  waitReady(batch: number, ms: number): void {
    const word = turns + this.slotOf(batch);
    const turn = Atomics.load(this.control, word);
    if (turn <= this.#turn(batch)) Atomics.wait(this.control, word, turn, ms);
  }

  publish(batch: number): void {
    this.#set(batch, this.#turn(batch) + 1);
  }

  /** Call when the batch has been used: frees its slot for the next lap. */
  release(batch: number): void {
    this.#set(batch, this.#turn(batch) + 2);
  }

  #set(batch: number, turn: number): void {
    const word = turns + this.slotOf(batch);
    Atomics.store(this.control, word, turn);
    Atomics.notify(this.control, word);
  }
}
