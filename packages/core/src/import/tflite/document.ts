/** What network.json says of an imported network. */
import { type Head, type ImportedNetwork as ImportedDocument, parseNetwork } from "../../networks/index.js";
import { formatShape, PhinetsError, parseJson, type Shape, utf8Decode } from "../../tensor/index.js";
import type { ImportedNetwork } from "./network.js";

export interface DocumentOptions {
  /** Name of the file. */
  readonly source: string;
  /** Names of a classifier's classes, in the order of its outputs. */
  readonly classes?: readonly string[];
  /** A YOLO head's classes, anchors and decoder, as the `head` of a network.json without its kind. */
  readonly yolo?: unknown;
}

/** The head that our own .tflite files state. */
function ownHead({ metadata }: ImportedNetwork): object | undefined {
  const text = metadata.get("phinets");
  if (text === undefined) return undefined;
  try {
    const { head, classes, anchors, decoder } = parseJson(utf8Decode(text)) as Readonly<Record<string, unknown>>;
    if (head === "classifier") return { kind: "classifier", classes };
    return head === "yolov2" ? { kind: "yolov2", classes, anchors, decoder, filters: 1 } : undefined;
  } catch {
    return undefined; // another tool's note of that name
  }
}

/**
 * The document of an imported network. Without `classes` and `yolo` the head is the file's, where we wrote it; else a network that takes a picture (one or three channels)
 * and gives one list of two values or more is a classifier; any other has no head: its outputs are numbers.
 * Throws PhinetsError `import.head` where the head does not fit the network's output.
 */
export function documentOf(imported: ImportedNetwork, options: DocumentOptions): ImportedDocument {
  const { source, classes, yolo } = options;
  const { graph } = imported.network;
  const output = graph.shapes[graph.outputs[0]];
  const input = mapOf(imported.input.shape);
  const fail = (problem: string): never => {
    throw new PhinetsError("import.head", `${source}: ${problem}`, source);
  };
  const values = output.at(-1)!;
  const isList = output.slice(0, -1).every((size) => size === 1);
  const own = ownHead(imported);
  let head: Head | object = { kind: "none" };
  if (yolo !== undefined) head = { ...(yolo as object), kind: "yolov2", filters: 1 };
  else if (classes !== undefined) {
    if (!isList || values !== classes.length)
      fail(`gives ${formatShape(output)}, and ${classes.length} classes are named; a value for each is needed`);
    head = { kind: "classifier", classes };
  } else if (own !== undefined) head = own;
  else if (isPicture(imported.input.shape) && graph.outputs.length === 1 && isList && values >= 2)
    head = { kind: "classifier", classes: values };
  let document: ImportedDocument;
  try {
    document = parseNetwork({ family: "imported", input, head, source }) as ImportedDocument;
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    return fail(error.message);
  }
  const { head: parsed } = document;
  if (parsed.kind === "yolov2") {
    const count = typeof parsed.classes === "number" ? parsed.classes : parsed.classes.length;
    const needed = parsed.anchors.length * (5 + count);
    if (output.length !== 4 || values !== needed)
      fail(
        `gives ${formatShape(output)}; ${parsed.anchors.length} anchors and ${count} classes need a map of ${needed} channels, [1,height,width,${needed}]`,
      );
  }
  return document;
}

/** A map of one or three channels. */
export const isPicture = (shape: Shape): boolean => shape.length === 4 && (shape[3] === 1 || shape[3] === 3);

/** What is no map is one of one pixel. */
function mapOf(shape: Shape) {
  if (shape.length === 4) return { height: shape[1], width: shape[2], channels: shape[3] };
  return { height: 1, width: 1, channels: shape.reduce((product, size) => product * size, 1) };
}
