/** Counts of tracks: over a line that the user draws, each way, and in a zone. Points are fractions of the picture. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  readonly from: Point;
  readonly to: Point;
}

export interface Zone {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where a track is: the centre of its box. */
export interface Located extends Point {
  readonly id: number;
}

export interface Counts {
  /** Crossings to the right of the line as one looks along it, from its beginning to its end, and to the left. */
  readonly right: number;
  readonly left: number;
  /** Tracks in the zone now, and all that ever were. */
  readonly inside: number;
  readonly entered: number;
}

/** Frames of a trail that are kept. */
const trailLength = 40;

export class TrackCounter {
  /** Centres of each track that was seen in the last frames, oldest first. */
  readonly trails = new Map<number, Point[]>();
  readonly #entered = new Set<number>();
  #counts: Counts = { right: 0, left: 0, inside: 0, entered: 0 };

  get counts(): Counts {
    return this.#counts;
  }

  /** One frame on. */
  next(tracks: readonly Located[], { line, zone }: { readonly line?: Line; readonly zone?: Zone }): Counts {
    let { right, left } = this.#counts;
    let inside = 0;
    const shown = new Set<number>();
    for (const { id, x, y } of tracks) {
      shown.add(id);
      const trail = this.trails.get(id) ?? [];
      const before = trail.at(-1);
      if (line !== undefined && before !== undefined) {
        const side = crossing(line, before, { x, y });
        if (side > 0) right++;
        if (side < 0) left++;
      }
      if (zone !== undefined && x >= zone.left && x <= zone.right && y >= zone.top && y <= zone.bottom) {
        inside++;
        this.#entered.add(id);
      }
      trail.push({ x, y });
      if (trail.length > trailLength) trail.shift();
      this.trails.set(id, trail);
    }
    for (const [id, trail] of this.trails) {
      if (shown.has(id)) continue;
      // A trail fades behind its object, which may come back.
      trail.shift();
      if (trail.length === 0) this.trails.delete(id);
    }
    this.#counts = { right, left, inside, entered: this.#entered.size };
    return this.#counts;
  }
}

/**
 * 1 where a way from one point to another crosses the line to its right, -1 to its left, 0 where it does not cross. A point
 * on the line counts as on its left, so that a track that stops on it is counted once.
 */
function crossing({ from, to }: Line, before: Point, now: Point): number {
  const [was, is] = [sideOf(from, to, before) > 0, sideOf(from, to, now) > 0];
  if (was === is) return 0;
  // Between the line's ends, seen along the way.
  const [start, end] = [sideOf(before, now, from), sideOf(before, now, to)];
  if (start > 0 === end > 0) return 0;
  return is ? 1 : -1;
}

/** Above 0: to the right of the way from a to b, as y points down. */
function sideOf(a: Point, b: Point, { x, y }: Point): number {
  return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
}
