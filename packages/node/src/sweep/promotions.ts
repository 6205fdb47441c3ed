/**
 * Decides which settings go on from a rung. The decisions equal those of a search that waits for the whole rung, so
 * they depend on the results and not on the order in which they arrive. A decision that no missing result can change is
 * made before the rung is complete.
 */
import TinyQueue from "tinyqueue";

export interface Scored {
  readonly place: number;
  readonly score: number;
}

/** Sorts the better first: the larger score, or the earlier place where scores are equal, as of two that failed. */
export const better = (a: Scored, b: Scored): number => (a.score === b.score ? a.place - b.place : b.score - a.score);

export class Promotions {
  /** Results of settings that are not promoted. */
  readonly #known = new TinyQueue<Scored>([], better);
  #outstanding: number;
  #promoted = 0;

  /**
   * @param settings number of settings in the rung
   * @param keep number of settings that go on
   */
  constructor(
    settings: number,
    readonly keep: number,
  ) {
    this.#outstanding = settings;
  }

  /**
   * Adds a result; returns the places that are now certain to go on. Each missing result may still beat all known ones,
   * so of the known results only the best `keep` minus the number of missing ones are certain. They remain so: each
   * further result makes the best of the rest certain.
   * @param score -Infinity for a setting that failed
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
