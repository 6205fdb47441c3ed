/** Follows one object through the frames of a clip by a model's detections in each frame. */
import type { PixelBox } from "../data/index.js";
import { iouCorners } from "../detection/index.js";
import { Sort } from "../tracking/index.js";

/** Maximum number of frames in a row without the object. */
const mostMissed = 2;

export class Follower {
  readonly #tracker = new Sort({ minHits: 1, maxAge: mostMissed });
  readonly #class: number;
  readonly #id: number | undefined;
  #missed = 0;

  /** @param box the object in the first frame */
  constructor(box: PixelBox) {
    this.#class = box.class;
    this.#id = this.#tracker.update([cornersOf(box)])[0]?.id;
  }

  /** Whether the object has been missing for so many frames that it is given up. */
  get isLost(): boolean {
    return this.#missed > mostMissed;
  }

  /**
   * The object's box in the next frame, one of `found`; undefined if none of them is the object.
   * @param found a model's detections in the frame
   */
  next<B extends PixelBox>(found: readonly B[]): B | undefined {
    const boxes = found.filter((box) => box.class === this.#class && box.width > 0 && box.height > 0);
    const track = this.#tracker.update(boxes.map(cornersOf)).find(({ id }) => id === this.#id);
    if (track === undefined) {
      this.#missed++;
      return undefined;
    }
    this.#missed = 0;
    // The track's own box is smoothed, so this returns the detection that overlaps it most.
    const overlaps = boxes.map((box) => {
      const { x1, y1, x2, y2 } = cornersOf(box);
      return iouCorners(x1, y1, x2, y2, track.x1, track.y1, track.x2, track.y2);
    });
    return boxes[overlaps.indexOf(overlaps.reduce((most, value) => Math.max(most, value), 0))];
  }
}

function cornersOf({ left, top, width, height, class: kind }: PixelBox) {
  return { x1: left, y1: top, x2: left + width, y2: top + height, score: 1, class: kind };
}
