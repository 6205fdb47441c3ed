/** Detections of a network's outputs by its head, for programs that load the decoders of all heads anyway. */
import type { BoxHead } from "../networks/index.js";
import type { Detection } from "./boxes.js";
import { type DetectOptions, detectDefaults, detectionsOf } from "./decode.js";
import { decodeMaps } from "./decode-maps.js";
import { type HeadOutput, yolov2Decoder } from "./heads.js";

/** Detections of one picture, best first: decoded, suppressed, clipped. */
export function detectByHead(head: BoxHead, given: HeadOutput, options: DetectOptions = {}): Detection[] {
  const { threshold = detectDefaults.threshold } = options;
  const decoded = head.kind === "yolov2" ? yolov2Decoder(head)(given, threshold) : decodeMaps(given, head, threshold);
  return detectionsOf(decoded, options);
}
