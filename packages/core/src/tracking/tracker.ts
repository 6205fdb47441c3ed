/** The interface that all trackers share. */
import { PhinetsError } from "../tensor/index.js";

/** A detection to track: corners in any one unit (such as pixels), x2 > x1, y2 > y1. */
export interface TrackerBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** Passed on to the track; ByteTracker also decides by it and takes 1 as its default. */
  readonly score?: number;
  /** Passed on to the track; not used for tracking. */
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
  /** score of the detection last paired with the track */
  readonly score?: number;
  readonly class?: number;
}

export interface Tracker {
  /** Number of frames processed. */
  readonly frames: number;
  /**
   * Number of tracks ever started, returned or not. For ids that continue across sequences, set the next tracker's
   * `firstId` to `firstId + born`.
   */
  readonly born: number;
  /**
   * Advances by one frame; call it for frames without detections too. Returns the confirmed tracks, youngest first.
   * @param into filled and returned instead of a new list, reusing its objects, including those that a shorter frame
   *   cut off, so that a frame allocates nothing
   * @throws `tracking.box` for a box that is not finite or has no area; the tracker is then unchanged.
   */
  update(boxes: readonly TrackerBox[], into?: Track[]): Track[];
}

export const trackerNames = ["sort", "bytetrack"] as const;
export type TrackerName = (typeof trackerNames)[number];

/** Checks an option that must be an integer of at least `least`. */
export function integerOption(tracker: TrackerName, name: string, value: number, least = 0): number {
  if (!Number.isInteger(value) || value < least) {
    throw new PhinetsError(
      "tracking.options",
      `${tracker}: ${name} is ${value}; it must be an integer of at least ${least}`,
    );
  }
  return value;
}

/** Checks an option that must be a fraction 0..1. */
export function fractionOption(tracker: TrackerName, name: string, value: number): number {
  if (!(value >= 0 && value <= 1)) {
    throw new PhinetsError("tracking.options", `${tracker}: ${name} is ${value}; it must lie in 0..1`);
  }
  return value;
}
