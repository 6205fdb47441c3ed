/** Multi-object trackers (SORT, ByteTrack), which link the boxes of consecutive frames into tracks. */

export * from "./assignment.js";
export * from "./bytetrack.js";
export * from "./kalman.js";
export * from "./motchallenge.js";
export * from "./sort.js";
export { type Track, type Tracker, type TrackerBox, type TrackerName, trackerNames } from "./tracker.js";
