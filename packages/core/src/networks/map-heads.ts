/** Heads of imported networks that give raw maps, one or several, of which who reads them makes boxes. */
import { anchorOf, type Fields, refuse } from "./fields.js";
import type { Classes } from "./network.js";

/**
 * Maps as Ultralytics' YOLOv5 has them before its decoding: an anchor's channels are
 * {x, y, w, h, object, class...}, each a logit.
 */
export interface Yolov5Head {
  readonly kind: "yolov5";
  /** At least 1. */
  readonly classes: Classes;
  /** Of each map, in the order of the outputs: width and height in pixels of the network's input. */
  readonly anchors: readonly (readonly (readonly [width: number, height: number])[])[];
}

/**
 * An imported network's raw maps as Ultralytics' YOLOv8 and later have them before their decoding: of each cell, the distances to the
 * left, top, right and bottom, each as logits of `bins` whole numbers of cells from 0, and a logit a class. Both lie in one
 * map of 4 * bins + classes channels, or in two of one size.
 */
export interface Yolov8Head {
  readonly kind: "yolov8";
  /** At least 1. */
  readonly classes: Classes;
  /** Default 16. With 1 a channel is the distance itself. */
  readonly bins: number;
}

const kinds = ["yolov5", "yolov8"] as const;
type Kind = (typeof kinds)[number];
const mostMaps = 16;

/** The head of an imported network's document where it is one of these. Throws PhinetsError as `parseNetwork`. */
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

/** Outputs that a head reads: all maps of one of several, else the first. */
export const outputsRead = <T>({ kind }: { readonly kind: string }, outputs: readonly T[]): readonly T[] =>
  kinds.includes(kind as Kind) ? outputs : outputs.slice(0, 1);
