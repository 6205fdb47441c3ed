/** Reads one Pascal VOC annotation as label tools write it. A faulty object does not affect the others. */
import { cos } from "../../tensor/index.js";
import { extentOf, showValue } from "../files/values.js";
import { parseXml, type XmlElement, XmlError } from "../files/xml.js";
import type { PictureSize } from "../types.js";

/** Corners as written; some files swap them. */
export interface VocBox {
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
}

export interface VocObject extends VocBox {
  readonly name: string;
  readonly difficult: boolean;
  /** Line in the file, from 1. */
  readonly line: number;
  /** The shape that the box was computed from, if it is not a box. */
  readonly around?: "polygon" | "turned box";
}

export interface VocFile {
  readonly filename?: string;
  /** Absent if the file states none, or zero. */
  readonly size?: PictureSize & { readonly line: number };
  readonly objects: readonly VocObject[];
  /** Problems of unusable objects. */
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

/** Whether the root element is `annotation`. */
export function isVocAnnotation(text: string): boolean {
  const first = /<([A-Za-z_][^\s/>]*)/.exec(text.slice(0, 4096).replace(/<!--[\s\S]*?-->/g, ""));
  return first?.[1] === "annotation";
}

/** Throws XmlError if the text is not XML. */
export function readVocAnnotation(text: string): VocFile {
  const root = parseXml(text);
  if (root.name !== "annotation") throw new XmlError(root.line, `the root is <${root.name}>, not <annotation>`);
  const objects: VocObject[] = [];
  const problems: { line: number; message: string }[] = [];
  for (const element of root.children) {
    if (element.name !== "object") continue;
    const object = readVocObject(element);
    if (typeof object === "string") problems.push({ line: element.line, message: object });
    else objects.push(object);
  }
  const filename = child(root, "filename")?.text || child(root, "path")?.text;
  return { filename, size: readSize(root), objects, problems };
}

function readSize(root: XmlElement): VocFile["size"] {
  const size = child(root, "size");
  if (size === undefined) return undefined;
  const [width, height] = ["width", "height"].map((name) => Number(child(size, name)?.text || 0));
  return width > 0 && height > 0 ? { width, height, line: size.line } : undefined;
}

/** The object, or what is wrong with it. Its parts are separate elements and are skipped. */
export function readVocObject(element: XmlElement): VocObject | string {
  const name = child(element, "name")?.text ?? "";
  if (name === "") return "the object has no name";
  const difficult = child(element, "difficult")?.text ?? "";
  const isDifficult = /^true$/i.test(difficult) ? 1 : /^false$/i.test(difficult) ? 0 : Number(difficult || 0);
  if (Number.isNaN(isDifficult)) return `difficult is "${difficult}"; it is 0 or 1`;
  const box = readBox(element);
  if (typeof box === "string") return box;
  return { ...box, name, difficult: isDifficult !== 0, line: element.line };
}

const corners = ["xmin", "ymin", "xmax", "ymax"] as const;

function readBox(element: XmlElement): (VocBox & Pick<VocObject, "around">) | string {
  const box = child(element, "bndbox");
  if (box !== undefined) {
    const values: number[] = [];
    for (const corner of corners) {
      const value = numberOf(child(box, corner));
      if (typeof value === "string") return `${corner} is ${value}; it is a number of pixels`;
      values.push(value);
    }
    const [xmin, ymin, xmax, ymax] = values;
    return { xmin, ymin, xmax, ymax };
  }
  const polygon = child(element, "polygon");
  if (polygon !== undefined) return boxAroundPolygon(polygon);
  const turned = child(element, "robndbox");
  return turned === undefined ? "the object has no bndbox" : boxAroundTurned(turned);
}

/** Points are `x1`, `y1`, `x2`, ... or `pt` elements with `x` and `y`. */
function boxAroundPolygon(polygon: XmlElement): ReturnType<typeof readBox> {
  const all = [...polygon.children, ...polygon.children.flatMap(({ children }) => children)];
  const values = (axis: RegExp) => all.filter(({ name }) => axis.test(name)).map(numberOf);
  const xs = values(/^x\d*$/);
  const ys = values(/^y\d*$/);
  const bad = [...xs, ...ys].find((value) => typeof value === "string");
  if (bad !== undefined) return `a polygon's point is ${bad}; it is a number of pixels`;
  if (xs.length < 2 || xs.length !== ys.length) return `the polygon has ${xs.length} x and ${ys.length} y`;
  return { ...around(xs as number[], ys as number[]), around: "polygon" };
}

/** roLabelImg's rotated box: `cx`, `cy`, `w`, `h` and `angle`, clockwise in radians. */
function boxAroundTurned(element: XmlElement): ReturnType<typeof readBox> {
  const values: number[] = [];
  for (const name of ["cx", "cy", "w", "h", "angle"]) {
    const value = numberOf(child(element, name));
    if (typeof value === "string") return `${name} is ${value}; it is a number`;
    values.push(value);
  }
  const [x, y, width, height, angle] = values;
  const turn = angle - Math.PI * Math.floor(angle / Math.PI); // half turns make no difference
  const [along, across] = [Math.abs(cos(turn)), Math.abs(cos(turn - Math.PI / 2))];
  const [w, h] = [(width * along + height * across) / 2, (width * across + height * along) / 2];
  return { ...around([x - w, x + w], [y - h, y + h]), around: "turned box" };
}

function around(xs: readonly number[], ys: readonly number[]): VocBox {
  const [[xmin, xmax], [ymin, ymax]] = [extentOf(xs), extentOf(ys)];
  return { xmin, ymin, xmax, ymax };
}

/** The number, or the text found instead. */
function numberOf(element: XmlElement | undefined): number | string {
  if (element === undefined) return "missing";
  const value = Number(element.text);
  return element.text === "" || !Number.isFinite(value) ? (showValue(element.text) as string) : value;
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((each) => each.name === name);
}
