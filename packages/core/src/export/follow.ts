/**
 * What firmware/follow does with a detector's output maps, by the library: boxes and tracks as fractions of the picture,
 * with the firmware's limits. SORT's filter is linear in each axis, so tracks of fractions, times the picture's size, are
 * the tracks of pixels.
 */
import { type Detection, detect, type OutputMap } from "../detection/index.js";
import type { QuantizedNetwork } from "../quantization/index.js";
import { Sort, type Track } from "../tracking/index.js";
import type { WireBoxes, WireTracks } from "../wire/index.js";
import { type CDetector, defaultNmsIou, defaultScoreThreshold } from "./c/index.js";

/** PHINETS_MAX_BOXES and PHINETS_MAX_TRACKS, as firmware/ defines them. */
export const firmwareLimits = { boxes: 256, tracks: 32 } as const;

/** One frame: its boxes, best first (top-left corner and size), and its tracks, youngest first. Fractions 0..1. */
export interface FollowedFrame {
  readonly boxes: readonly Detection[];
  readonly tracks: readonly Track[];
}

export class Follower {
  readonly #sort = new Sort({ maxTracks: firmwareLimits.tracks });
  readonly #shape: readonly [height: number, width: number, channels: number];

  /** @param q the network whose first output is the detector's map */
  constructor(
    readonly q: Pick<QuantizedNetwork, "graph" | "values">,
    readonly detector: CDetector,
  ) {
    const [, height, width, channels] = q.graph.shapes[q.graph.outputs[0]];
    this.#shape = [height, width, channels];
  }

  /** The next frame, from the map's bytes or their real values in float64. */
  next(map: Int8Array | OutputMap): FollowedFrame {
    const { anchors, classes, decoder, scoreThreshold, nmsIou } = this.detector;
    const boxes = detect(
      map instanceof Int8Array ? realValues(this.q, map) : map,
      this.#shape,
      { anchors, classes: classes.length, decoder },
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

/** Of the first output. Products of a float32 scale and a byte are exact in float64. */
function realValues({ graph, values }: Pick<QuantizedNetwork, "graph" | "values">, map: Int8Array): Float64Array {
  const { scale, zeroPoint } = values[graph.outputs[0]];
  return Float64Array.from(map, (q) => scale * (q - zeroPoint));
}

/** A frame as the two messages that firmware/wire sends of it, before they are rounded. @param size of the picture, in pixels */
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
