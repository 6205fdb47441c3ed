/** Decodes a network's outputs into boxes, for every kind of head. */
import { type BoxHead, classCount, type Yolov2Head } from "../networks/index.js";
import type { Shape } from "../tensor/index.js";
import { type DecodedBoxes, decodeBoxes, type OutputMap } from "./decode.js";

/** A network's outputs for one picture. */
export interface HeadOutput {
  /** Real values of the outputs that the head reads (`outputsRead`), one behind the other. */
  readonly output: OutputMap;
  /** Shape `[1, height, width, channels]` of each of these outputs. */
  readonly shapes: readonly Shape[];
  /** Size of the network's input, in pixels. */
  readonly input: { readonly height: number; readonly width: number };
}

/** Decodes boxes above a threshold, without suppression. */
export type DecodeHead = (given: HeadOutput, threshold: number) => DecodedBoxes;

/** Decoder of a head with one map and anchors in cells. */
export const yolov2Decoder =
  (head: Yolov2Head): DecodeHead =>
  ({ output, shapes: [[, height, width, channels]] }, threshold) => {
    const { anchors, decoder } = head;
    return decodeBoxes(output, [height, width, channels], { anchors, classes: classCount(head), decoder }, threshold);
  };

/** Decoder of any head. The one for several maps is loaded on demand, so that a page with a single map loads less. */
export async function decoderOf(head: BoxHead): Promise<DecodeHead> {
  if (head.kind === "yolov2") return yolov2Decoder(head);
  const { decodeMaps } = await import("./maps-decoder.js");
  return (given, threshold) => decodeMaps(given, head, threshold);
}
