/**
 * Who would go on if a rung were decided by the results so far: the best of them, the share that goes on in the end. That
 * is the rule of Li et al. 2020; here it only says what is worth training before it is certain.
 */
import TinyQueue from "tinyqueue";
import { better, type Scored } from "./promotions.js";

export class Likely {
  /** The worst first. */
  readonly #best = new TinyQueue<Scored>([], (a, b) => better(b, a));
  /** The best first. */
  readonly #others = new TinyQueue<Scored>([], better);
  readonly #places = new Set<number>();
  #known = 0;

  /**
   * @param settings how many take part in the rung
   * @param keep so many of them go on
   */
  constructor(
    readonly settings: number,
    readonly keep: number,
  ) {}

  has(place: number): boolean {
    return this.#places.has(place);
  }

  /** Takes a result; returns the place that is likely to go on from now on, if there is one. Another may not be any more. */
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
