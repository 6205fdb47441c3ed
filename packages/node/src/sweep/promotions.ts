/**
 * Who goes on from a rung. Decisions are those of a search that waits for the whole rung, so that they depend on the results
 * alone and not on who is done first; what no result that is still out can change is decided before the rung is full.
 */
import TinyQueue from "tinyqueue";

export interface Scored {
  readonly place: number;
  readonly score: number;
}

/** Larger is better, of equal ones the earlier; two that failed are equal. */
export const better = (a: Scored, b: Scored): number => (a.score === b.score ? a.place - b.place : b.score - a.score);

export class Promotions {
  /** Results that have not gone on. */
  readonly #known = new TinyQueue<Scored>([], better);
  #outstanding: number;
  #promoted = 0;

  /**
   * @param settings how many take part in the rung
   * @param keep the best so many of them go on
   */
  constructor(
    settings: number,
    readonly keep: number,
  ) {
    this.#outstanding = settings;
  }

  /**
   * Takes a result; returns the places that now go on, whatever the results that are still out: each of those may yet be
   * better than any, so that of the known ones the best `keep` less as many are certain. They stay so: with another result
   * one more is, the best of the rest.
   * @param score -Infinity for one that failed
   */
  add(place: number, score: number): readonly number[] {
    this.#known.push({ place, score });
    this.#outstanding--;
    const certain: number[] = [];
    for (; this.#promoted < this.keep - this.#outstanding && this.#known.length > 0; this.#promoted++)
      certain.push(this.#known.pop()!.place);
    return certain;
  }
}
