/** What network.json says of an imported network. */
import { type Graph, graphDocument } from "../graph/index.js";
import {
  buildNetwork,
  findsBoxes,
  type Head,
  headProblem,
  type ImportedNetwork,
  parseNetwork,
} from "../networks/index.js";
import { formatShape, PhinetsError, type Shape } from "../tensor/index.js";

/** A network that was read: of either arithmetic. */
export interface ImportedEnds {
  readonly input: { readonly shape: Shape };
  /** Shapes of all outputs. */
  readonly outputs: readonly Shape[];
  /** What the file says of its head, where we wrote it: head, classes, anchors, decoder. */
  readonly reading?: Readonly<Record<string, unknown>>;
  /** Of a float network. */
  readonly graph?: Graph;
}

export interface DocumentOptions {
  /** Name of the file. */
  readonly source: string;
  /** Names of a classifier's classes, in the order of its outputs. */
  readonly classes?: readonly string[];
  /** A YOLO head's classes, anchors and decoder: with decoder "yolov5" or "yolov8" that is the kind of the `head` of a network.json. */
  readonly yolo?: unknown;
}

/** The head that our own files state. */
function ownHead(reading: ImportedEnds["reading"]): object | undefined {
  const { head, classes, anchors, decoder, bins } = reading ?? {};
  if (head === "classifier") return { kind: "classifier", classes };
  if (head === "yolov5") return { kind: "yolov5", classes, anchors };
  if (head === "yolov8") return { kind: "yolov8", classes, bins };
  return head === "yolov2" ? { kind: "yolov2", classes, anchors, decoder, filters: 1 } : undefined;
}

/**
 * The document of an imported network. Without `classes` and `yolo` the head is the file's, where we wrote it; else a network that takes a picture (one or three channels)
 * and gives one list of two values or more is a classifier; any other has no head: its outputs are numbers. A float network of
 * one output is refused then, as it is a detector whose head was forgotten, as a rule.
 * Throws PhinetsError `import.head` where the head does not fit the network's output.
 */
export function documentOf(imported: ImportedEnds, options: DocumentOptions): ImportedNetwork {
  const { source, classes, yolo } = options;
  const { outputs, graph, reading } = imported;
  const [output] = outputs;
  const input = mapOf(imported.input.shape);
  const fail = (problem: string): never => {
    throw new PhinetsError("import.head", `${source}: ${problem}`, source);
  };
  const { shape } = imported.input;
  if (graph !== undefined && !isPicture(shape))
    fail(
      `takes ${formatShape(shape)}; a float network is quantised with pictures, which have 1 (grey) or 3 (RGB) channels`,
    );
  const values = output.at(-1)!;
  const isList = output.slice(0, -1).every((size) => size === 1);
  const own = ownHead(reading);
  let head: Head | object = { kind: "none" };
  if (yolo !== undefined) head = yoloHead(yolo);
  else if (classes !== undefined) {
    if (!isList || values !== classes.length)
      fail(`gives ${formatShape(output)}, and ${classes.length} classes are named; a value for each is needed`);
    head = { kind: "classifier", classes };
  } else if (own !== undefined) head = own;
  else if (isPicture(shape) && outputs.length === 1 && isList && values >= 2)
    head = { kind: "classifier", classes: values };
  else if (graph !== undefined && outputs.length === 1)
    fail(
      `gives ${formatShape(output)}, of which nothing says what it means; describe a YOLO head with --head head.json`,
    );
  let document: ImportedNetwork;
  try {
    document = parseNetwork({ family: "imported", input, head, source }) as ImportedNetwork;
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    return fail(error.message);
  }
  const { head: parsed } = document;
  const problem = findsBoxes(parsed) || graph !== undefined ? headProblem(parsed, outputs) : undefined;
  if (problem !== undefined) fail(problem);
  if (graph === undefined) return document;
  const withGraph = { ...document, graph: graphDocument(graph) };
  buildNetwork(withGraph); // refuses what is larger than memory
  return withGraph;
}

/** What a file of a head says, as the head of a network.json. */
function yoloHead(given: unknown): object {
  const whole: { readonly decoder?: unknown } = { ...(given as object) };
  const { decoder, ...head } = whole;
  if (decoder === "yolov5" || decoder === "yolov8") return { ...head, kind: decoder };
  return { ...whole, kind: "yolov2", filters: 1 };
}

/** A map of one or three channels. */
export const isPicture = (shape: Shape): boolean => shape.length === 4 && (shape[3] === 1 || shape[3] === 3);

/** What is no map is one of one pixel. */
function mapOf(shape: Shape) {
  if (shape.length === 4) return { height: shape[1], width: shape[2], channels: shape[3] };
  return { height: 1, width: 1, channels: shape.reduce((product, size) => product * size, 1) };
}
