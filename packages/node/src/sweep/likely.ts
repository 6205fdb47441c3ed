/**
 * Predicts which settings go on if a rung were decided by the results so far: the best of them, in the rung's final
 * proportion. This is the promotion rule of Li et al. 2020; here it only selects what to train before promotions are
 * certain.
 */
import TinyQueue from "tinyqueue";
import { better, type Scored } from "./promotions.js";

export class Likely {
  /** Worst first. */
  readonly #best = new TinyQueue<Scored>([], (a, b) => better(b, a));
  /** Best first. */
  readonly #others = new TinyQueue<Scored>([], better);
  readonly #places = new Set<number>();
  #known = 0;

  /**
   * @param settings number of settings in the rung
   * @param keep number of settings that go on
   */
  constructor(
    readonly settings: number,
    readonly keep: number,
  ) {}

  has(place: number): boolean {
    return this.#places.has(place);
  }

  /**
   * Adds a result; returns the place that has become likely to go on, if there is one. Another place may stop being
   * likely.
   */
  add(place: number, score: number): number | undefined {
    this.#known++;
    const wanted = Math.min(this.keep, Math.floor((this.#known * this.keep) / this.settings));
    this.#others.push({ place, score });
    const likely = this.#others.pop()!;
    this.#best.push(likely);
    this.#places.add(likely.place);
    if (this.#best.length > wanted) {
      const worst = this.#best.pop()!;
      this.#places.delete(worst.place);
      this.#others.push(worst);
    }
    return this.#places.has(likely.place) ? likely.place : undefined;
  }
}
