/** Counts tracks that cross a line, in each direction, and tracks in a zone. Points are fractions of the picture. */

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

/** Position of a track: the centre of its box. */
export interface Located extends Point {
  readonly id: number;
}

export interface Counts {
  /** Crossings to the right and to the left of the line, seen from its beginning to its end. */
  readonly right: number;
  readonly left: number;
  /** Number of tracks in the zone now, and of all tracks that have ever been in it. */
  readonly inside: number;
  readonly entered: number;
}

/** Length of a trail in frames. */
const trailLength = 40;

export class TrackCounter {
  /** Recent centres of each track, oldest first. */
  readonly trails = new Map<number, Point[]>();
  readonly #entered = new Set<number>();
  #counts: Counts = { right: 0, left: 0, inside: 0, entered: 0 };

  get counts(): Counts {
    return this.#counts;
  }

  /** Takes the next frame into account. */
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
      // The trail of a lost object shrinks; the object may reappear.
      trail.shift();
      if (trail.length === 0) this.trails.delete(id);
    }
    this.#counts = { right, left, inside, entered: this.#entered.size };
    return this.#counts;
  }
}

/**
 * 1 where the segment between two points crosses the line to its right, -1 to its left, 0 where it does not cross. A
 * point on the line counts as left of it, so that a track that stops on it is counted once.
 */
function crossing({ from, to }: Line, before: Point, now: Point): number {
  const [was, is] = [sideOf(from, to, before) > 0, sideOf(from, to, now) > 0];
  if (was === is) return 0;
  // The line's ends must lie on different sides of the segment.
  const [start, end] = [sideOf(before, now, from), sideOf(before, now, to)];
  if (start > 0 === end > 0) return 0;
  return is ? 1 : -1;
}

/** Positive: right of the direction from a to b, as y points down. */
function sideOf(a: Point, b: Point, { x, y }: Point): number {
  return (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
}
