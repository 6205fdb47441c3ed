/** Heads of imported networks whose outputs are raw maps, one or several; the host decodes them into boxes. */
import { anchorOf, type Fields, refuse } from "./fields.js";
import type { Classes } from "./network.js";

/**
 * Head for the raw maps of Ultralytics' YOLOv5, before its decoding. Each anchor has the channels {x, y, w, h, object,
 * class...}, all logits.
 */
export interface Yolov5Head {
  readonly kind: "yolov5";
  /** At least 1. */
  readonly classes: Classes;
  /** For each map, in the order of the outputs: anchors as width and height in pixels of the network's input. */
  readonly anchors: readonly (readonly (readonly [width: number, height: number])[])[];
}

/**
 * Head for the raw maps of Ultralytics' YOLOv8 and later, before their decoding. Each cell has the distances to the
 * left, top, right and bottom edges, each as logits over `bins` whole numbers of cells from 0, and one logit per class.
 * A level is one map of 4 * bins + classes channels, or two maps of equal size.
 */
export interface Yolov8Head {
  readonly kind: "yolov8";
  /** At least 1. */
  readonly classes: Classes;
  /** Default 16. With 1, the channel is the distance itself. */
  readonly bins: number;
}

const kinds = ["yolov5", "yolov8"] as const;
type Kind = (typeof kinds)[number];
const mostMaps = 16;

/**
 * Reads the head of an imported network's document if it is of one of these kinds; otherwise gives undefined. Throws
 * PhinetsError as `parseNetwork` does.
 */
export function parseMapsHead(root: Fields): Yolov5Head | Yolov8Head | undefined {
  const given = root.has("head") ? root.object("head").value("kind") : undefined;
  if (!kinds.includes(given as Kind)) return undefined;
  const fields = root.object("head");
  const kind = fields.oneOf("kind", kinds);
  const classes = fields.classes(1);
  const head: Yolov5Head | Yolov8Head =
    kind === "yolov8"
      ? { kind, classes, bins: fields.integer("bins", 1, 64, 16) }
      : { kind, classes, anchors: anchorsOf(fields) };
  fields.end();
  return head;
}

function anchorsOf(fields: Fields): Yolov5Head["anchors"] {
  const anchors = fields.list("anchors", [], (value, path) => {
    if (!Array.isArray(value) || value.length === 0) refuse(path, value, "a map's list of [width, height] in pixels");
    return value.map((each, i) =>
      anchorOf(each, `${path}[${i}]`, { unit: "pixels of the network's input", most: 16384 }),
    );
  });
  if (anchors.length === 0 || anchors.length > mostMaps)
    refuse("head.anchors", anchors, `a list for each of 1 to ${mostMaps} maps, of [width, height] in pixels`);
  return anchors;
}

/** The outputs that a head reads: all of them for a head of several maps, otherwise the first. */
export const outputsRead = <T>({ kind }: { readonly kind: string }, outputs: readonly T[]): readonly T[] =>
  kinds.includes(kind as Kind) ? outputs : outputs.slice(0, 1);
