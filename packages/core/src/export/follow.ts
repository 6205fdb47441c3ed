/**
 * Computes in the library what firmware/follow makes of a detector's output maps: boxes and tracks as fractions of the
 * picture, with the firmware's limits. SORT's filter is linear in each axis, so the tracks of fractions, times the
 * picture's size, are the tracks of pixels.
 */
import { type Detection, detectByHead, type OutputMap } from "../detection/index.js";
import { inputsOf } from "../graph/index.js";
import { outputsRead } from "../networks/index.js";
import { dequantizeOutput, type QuantizedNetwork } from "../quantization/index.js";
import { joined } from "../tensor/index.js";
import { Sort, type Track } from "../tracking/index.js";
import type { WireBoxes, WireTracks } from "../wire/index.js";
import { type CDetector, defaultNmsIou, defaultScoreThreshold } from "./c/index.js";

/** PHINETS_MAX_BOXES and PHINETS_MAX_TRACKS, as firmware/ defines them. */
export const firmwareLimits = { boxes: 256, tracks: 32 } as const;

/**
 * One frame: its boxes, best first (top-left corner and size), and its tracks, youngest first. All are fractions, 0..1.
 */
export interface FollowedFrame {
  readonly boxes: readonly Detection[];
  readonly tracks: readonly Track[];
}

export class Follower {
  readonly #sort = new Sort({ maxTracks: firmwareLimits.tracks });

  /** @param q the network whose outputs the detector's head reads */
  constructor(
    readonly q: Pick<QuantizedNetwork, "graph" | "values">,
    readonly detector: CDetector,
  ) {}

  /**
   * Processes the next frame, given each output's bytes, or, in one float64 array, the real values of the outputs that
   * the head reads.
   */
  next(outputs: readonly Int8Array[] | OutputMap): FollowedFrame {
    const { head, scoreThreshold, nmsIou } = this.detector;
    const { graph } = this.q;
    const [, height, width] = graph.shapes[inputsOf(graph)[0].name];
    const boxes = detectByHead(
      head,
      {
        output: isMap(outputs)
          ? outputs
          : joined(outputsRead(head, outputs).map((bytes, i) => dequantizeOutput(this.q, bytes, i))),
        shapes: outputsRead(head, graph.outputs).map((name) => graph.shapes[name]),
        input: { height, width },
      },
      {
        threshold: scoreThreshold ?? defaultScoreThreshold,
        iouThreshold: nmsIou ?? defaultNmsIou,
        maxCandidates: firmwareLimits.boxes,
        maxDetections: firmwareLimits.boxes,
      },
    );
    const corners = boxes
      .map(({ x, y, width, height, score, class: index }) => ({
        ...{ x1: x, y1: y, x2: x + width, y2: y + height },
        ...{ score, class: index },
      }))
      .filter(({ x1, y1, x2, y2 }) => x2 > x1 && y2 > y1)
      .slice(0, firmwareLimits.tracks);
    return { boxes, tracks: this.#sort.update(corners) };
  }
}

const isMap = (outputs: readonly Int8Array[] | OutputMap): outputs is OutputMap => ArrayBuffer.isView(outputs);

/**
 * The two messages that firmware/wire sends for a frame, before rounding.
 * @param size of the picture, in pixels
 */
export function wireMessagesOf(
  { boxes, tracks }: FollowedFrame,
  frame: number,
  size: { readonly width: number; readonly height: number },
): [WireBoxes, WireTracks] {
  const pixels = (x1: number, y1: number, x2: number, y2: number) => ({
    ...{ x1: x1 * size.width, y1: y1 * size.height },
    ...{ x2: x2 * size.width, y2: y2 * size.height },
  });
  return [
    {
      ...{ type: "boxes", frame },
      boxes: boxes.map(({ x, y, width, height, score, class: index }) => ({
        ...pixels(x, y, x + width, y + height),
        ...{ class: index, score },
      })),
    },
    {
      ...{ type: "tracks", frame },
      tracks: tracks.map(({ id, x1, y1, x2, y2, class: index = 0, score = 0 }) => ({
        ...{ id, ...pixels(x1, y1, x2, y2) },
        ...{ class: index, score },
      })),
    },
  ];
}
