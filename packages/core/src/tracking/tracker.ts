/** What every tracker takes and gives. */
import { PhinetsError } from "../tensor/index.js";

/** A detection to track: corners in any one unit (pixels), x2 > x1, y2 > y1. */
export interface TrackerBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** Passed on; ByteTracker also decides by it. Default there: 1. */
  readonly score?: number;
  /** Not used for tracking; passed on. */
  readonly class?: number;
}

/** A tracked object in the current frame. */
export interface Track {
  /** `firstId`, `firstId` + 1, ... in order of birth */
  readonly id: number;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** of the detection that the track was last paired with */
  readonly score?: number;
  readonly class?: number;
}

export interface Tracker {
  /** Frames seen. */
  readonly frames: number;
  /** Tracks ever begun, shown or not. Ids that run on over sequences: `firstId` of the next is `firstId + born`. */
  readonly born: number;
  /**
   * One frame on; call it for frames without detections too. Returns the tracks that are shown, youngest first.
   * @param into filled and returned instead of a new list, its objects used again, those that a shorter frame cut off
   * too: then a frame allocates nothing
   * Throws `tracking.box` for a box that is not finite or has no size, and then leaves the tracker as it was.
   */
  update(boxes: readonly TrackerBox[], into?: Track[]): Track[];
}

export const trackerNames = ["sort", "bytetrack"] as const;
export type TrackerName = (typeof trackerNames)[number];

/** An option that is an integer of at least `least`. */
export function integerOption(tracker: TrackerName, name: string, value: number, least = 0): number {
  if (!Number.isInteger(value) || value < least) {
    throw new PhinetsError(
      "tracking.options",
      `${tracker}: ${name} is ${value}; it must be an integer of at least ${least}`,
    );
  }
  return value;
}

/** An option that is a fraction 0..1. */
export function fractionOption(tracker: TrackerName, name: string, value: number): number {
  if (!(value >= 0 && value <= 1)) {
    throw new PhinetsError("tracking.options", `${tracker}: ${name} is ${value}; it must lie in 0..1`);
  }
  return value;
}
