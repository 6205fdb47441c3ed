/** Boxes of a network's outputs by its head, whatever that is. */
import { type BoxHead, classCount } from "../networks/index.js";
import type { Shape } from "../tensor/index.js";
import type { Detection } from "./boxes.js";
import { type DetectOptions, decodeBoxes, detectDefaults, detectionsOf, type OutputMap } from "./decode.js";
import { decodeMaps } from "./decode-maps.js";

/** What a head gave for one picture. */
export interface HeadOutput {
  /** Real values of the outputs that the head reads (`outputsRead`), one behind the other. */
  readonly output: OutputMap;
  /** `[1, height, width, channels]` of each of them. */
  readonly shapes: readonly Shape[];
  /** The network's input, pixels. */
  readonly input: { readonly height: number; readonly width: number };
}

/** Detections of one picture, best first: decoded, suppressed, clipped. */
export function detectByHead(head: BoxHead, given: HeadOutput, options: DetectOptions = {}): Detection[] {
  const { threshold = detectDefaults.threshold } = options;
  if (head.kind !== "yolov2") return detectionsOf(decodeMaps(given, head, threshold), options);
  const [[, height, width, channels]] = given.shapes;
  const { anchors, decoder } = head;
  const own = { anchors, classes: classCount(head), decoder };
  return detectionsOf(decodeBoxes(given.output, [height, width, channels], own, threshold), options);
}
