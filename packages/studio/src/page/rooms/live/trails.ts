/** Trails of tracks over the last frames. */
import type { WireFrame } from "@phinets/core/wire";

export interface Trail {
  readonly id: number;
  readonly class: number;
  /** Centres in pixels, oldest first. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Most points of a trail, and the number of frames for which it stays after its track ends. */
const [longest, outlives] = [60, 15];

export class Trails {
  readonly #trails = new Map<number, { class: number; seen: number; readonly points: (readonly [number, number])[] }>();

  /** The trails after one more frame. */
  add({ frame, tracks = [] }: WireFrame): Trail[] {
    for (const { id, class: index, x1, y1, x2, y2 } of tracks) {
      const trail = this.#trails.get(id) ?? { class: index, seen: frame, points: [] };
      trail.points.push([(x1 + x2) / 2, (y1 + y2) / 2]);
      if (trail.points.length > longest) trail.points.shift();
      Object.assign(trail, { class: index, seen: frame });
      this.#trails.set(id, trail);
    }
    // A restarted board counts from 0.
    for (const [id, { seen }] of this.#trails) if (frame - seen > outlives || frame < seen) this.#trails.delete(id);
    return [...this.#trails].map(([id, { class: index, points }]) => ({ id, class: index, points: [...points] }));
  }
}
