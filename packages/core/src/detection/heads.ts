/** Boxes of a network's outputs by its head, whatever that is. */
import { type BoxHead, classCount, type Yolov2Head } from "../networks/index.js";
import type { Shape } from "../tensor/index.js";
import { type DecodedBoxes, decodeBoxes, type OutputMap } from "./decode.js";

/** What a head gave for one picture. */
export interface HeadOutput {
  /** Real values of the outputs that the head reads (`outputsRead`), one behind the other. */
  readonly output: OutputMap;
  /** `[1, height, width, channels]` of each of them. */
  readonly shapes: readonly Shape[];
  /** The network's input, pixels. */
  readonly input: { readonly height: number; readonly width: number };
}

/** Boxes above a threshold, nothing suppressed. */
export type DecodeHead = (given: HeadOutput, threshold: number) => DecodedBoxes;

/** Of a head of one map with anchors in cells. */
export const yolov2Decoder =
  (head: Yolov2Head): DecodeHead =>
  ({ output, shapes: [[, height, width, channels]] }, threshold) => {
    const { anchors, decoder } = head;
    return decodeBoxes(output, [height, width, channels], { anchors, classes: classCount(head), decoder }, threshold);
  };

/** Of any head; what reads several maps is loaded where there are some, so that a page that has one loads less. */
export async function decoderOf(head: BoxHead): Promise<DecodeHead> {
  if (head.kind === "yolov2") return yolov2Decoder(head);
  const { decodeMaps } = await import("./maps-decoder.js");
  return (given, threshold) => decodeMaps(given, head, threshold);
}
