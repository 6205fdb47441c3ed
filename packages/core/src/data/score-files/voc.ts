/**
 * PASCAL VOC ground truth (host.robots.ox.ac.uk/pascal/VOC): one XML annotation per picture, and lists of pictures in
 * ImageSets/Main. Boxes are corners in pixels from 1, inclusive: a box of one pixel has xmin = xmax.
 */
import { PhinetsError } from "../../tensor/index.js";
import { parseXml, type XmlElement, XmlError } from "../files/xml.js";

export interface VocObject {
  readonly name: string;
  /** xmin, ymin, xmax, ymax; pixels, inclusive */
  readonly bbox: readonly [number, number, number, number];
  /** Hard to see: a detection of it counts neither as right nor as wrong. */
  readonly difficult: boolean;
}

export interface VocAnnotation {
  readonly filename?: string;
  /** pixels */
  readonly width?: number;
  readonly height?: number;
  readonly objects: readonly VocObject[];
}

/** Throws PhinetsError `data.voc`, `FILE:LINE: problem`. Parts of objects and unknown elements are skipped. */
export function parseVocAnnotation(text: string, file: string): VocAnnotation {
  const fail = (line: number, problem: string): never => {
    throw new PhinetsError("data.voc", `${file}:${line}: ${problem}`, file);
  };
  let root: XmlElement;
  try {
    root = parseXml(text);
  } catch (error) {
    if (error instanceof XmlError) return fail(error.line, `not XML: ${error.message}`);
    throw error;
  }
  if (root.name !== "annotation") fail(root.line, `the root is <${root.name}>; a VOC file has <annotation>`);
  const child = (element: XmlElement, name: string) => element.children.find((each) => each.name === name);
  const need = (element: XmlElement, name: string) =>
    child(element, name) ?? fail(element.line, `<${element.name}> has no <${name}>`);
  const number = (element: XmlElement): number => {
    const value = Number(element.text);
    if (element.text === "" || !Number.isFinite(value)) {
      fail(element.line, `${element.name} is "${element.text}"; it is a number`);
    }
    return value;
  };
  const size = child(root, "size");
  const side = (name: string) => {
    const element = size && child(size, name);
    return element && number(element);
  };
  const objects = root.children
    .filter(({ name }) => name === "object")
    .map((element): VocObject => {
      const name = need(element, "name");
      if (name.text === "") fail(name.line, "name is empty");
      const box = need(element, "bndbox");
      const [xmin, ymin, xmax, ymax] = ["xmin", "ymin", "xmax", "ymax"].map((corner) => number(need(box, corner)));
      if (xmax < xmin || ymax < ymin) {
        fail(box.line, `the box is ${xmin},${ymin} to ${xmax},${ymax}; max is at least min`);
      }
      const difficult = child(element, "difficult");
      return {
        name: name.text,
        bbox: [xmin, ymin, xmax, ymax],
        difficult: difficult ? number(difficult) !== 0 : false,
      };
    });
  return { filename: child(root, "filename")?.text, width: side("width"), height: side("height"), objects };
}

/** Names of pictures, one per line; anything after a name (1, -1 or 0 in lists of a class) is ignored. */
export function parseVocImageSet(text: string): string[] {
  return text
    .replace(/^\ufeff/, "")
    .split(/[\r\n]+/)
    .map((line) => line.trim().split(/\s+/)[0])
    .filter((name) => name !== "");
}
