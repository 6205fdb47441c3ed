/** Draws tracks into frames: a box and an id in the track's colour, and its trail. */
import { type Picture, resize } from "@phinets/core/data";
import type { Track } from "@phinets/core/tracking";
import { Canvas, colourOf } from "./draw.js";

/** Length of a trail in frames. */
const trailLength = 40;
/**
 * Smaller pictures are enlarged by an integer factor until the longer side has at least this size, or labels would
 * cover the objects.
 */
const leastSide = 480;

export class TrackPainter {
  readonly #trails = new Map<number, { x: number; y: number; frame: number }[]>();
  #frame = 0;

  /** @param classNames names by class index; without them only the id is written */
  constructor(readonly classNames: readonly string[] = []) {}

  /** Draws the next frame's tracks (in pixels of `frame`) on a copy, enlarged where it is small. */
  paint(frame: Picture, tracksInFrame: readonly Track[]): Canvas {
    const scale = Math.max(1, Math.ceil(leastSide / Math.max(frame.width, frame.height)));
    const picture = scale === 1 ? frame : resize(frame, { width: frame.width * scale, height: frame.height * scale });
    const tracks = tracksInFrame.map((track) => ({
      ...track,
      x1: track.x1 * scale,
      y1: track.y1 * scale,
      x2: track.x2 * scale,
      y2: track.y2 * scale,
    }));
    const canvas = new Canvas(picture);
    const thickness = Math.max(1, Math.sqrt(picture.width * picture.height) / 330);
    this.#frame++;
    for (const { id, x1, x2, y2 } of tracks) {
      const trail = this.#trails.get(id) ?? [];
      trail.push({ x: (x1 + x2) / 2, y: y2, frame: this.#frame });
      if (trail.length > trailLength) trail.shift();
      this.#trails.set(id, trail);
      for (let i = 1; i < trail.length; i++) {
        const [a, b] = [trail[i - 1], trail[i]];
        // Trails fade with age; a gap in the track is a gap in the trail.
        if (b.frame - a.frame > 5) continue;
        canvas.line(a.x, a.y, b.x, b.y, colourOf(id - 1), thickness, 0.15 + (0.75 * i) / trail.length);
      }
    }
    for (const [id, trail] of this.#trails) {
      if (this.#frame - trail[trail.length - 1].frame > trailLength) this.#trails.delete(id);
    }
    canvas.marks(
      tracks.map(({ id, x1, y1, x2, y2, class: index }) => {
        const name = index === undefined ? undefined : this.classNames[index];
        const label = name && this.classNames.length > 1 ? `${id} ${name}` : `${id}`;
        return { x: x1, y: y1, width: x2 - x1, height: y2 - y1, colour: colourOf(id - 1), label };
      }),
    );
    return canvas;
  }
}
