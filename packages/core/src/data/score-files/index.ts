/**
 * Files that scoring reads and writes: ground truth, detections and tracks in the formats of COCO, VOC, MOT and others.
 */

export { type CocoAnnotation, type CocoTruthFile, parseCocoTruth } from "./coco.js";
export { parseCocoResults, writeCocoResults } from "./coco-results.js";
export { parseCsvResults, writeCsvResults } from "./csv-results.js";
export type { FoundBox, FoundBoxes, FoundPicture } from "./found.js";
export { parseLabelmeResults, writeLabelmeResults } from "./labelme-results.js";
export { type CocoResultEntry, type MatchedResults, type MatchOptions, matchFound } from "./match-found.js";
export * from "./mot.js";
export {
  parseTracks,
  type TrackFile,
  type TrackFileOptions,
  type TrackFormat,
  trackClasses,
} from "./track-files.js";
export * from "./voc.js";
export { parseVocDetections, type VocDetections, vocFoundBoxes, writeVocResults } from "./voc-results.js";
export { parseYoloResults, writeYoloResults } from "./yolo-results.js";
