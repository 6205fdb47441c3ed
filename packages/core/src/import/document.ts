/** Makes the network.json of an imported network. */
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

/** Inputs and outputs of a network that was read, float or int8. */
export interface ImportedEnds {
  readonly input: { readonly shape: Shape };
  /** Shapes of all outputs. */
  readonly outputs: readonly Shape[];
  /** The head as our own files state it: head, classes, anchors, decoder. */
  readonly reading?: Readonly<Record<string, unknown>>;
  /** Present for a float network. */
  readonly graph?: Graph;
}

export interface DocumentOptions {
  /** Name of the file. */
  readonly source: string;
  /** Names of a classifier's classes, in the order of its outputs. */
  readonly classes?: readonly string[];
  /**
   * A YOLO head's classes, anchors and decoder. With decoder "yolov5" or "yolov8", the other fields are those of the
   * `head` of a network.json of that kind.
   */
  readonly yolo?: unknown;
}

/** The head that one of our own files states. */
function ownHead(reading: ImportedEnds["reading"]): object | undefined {
  const { head, classes, anchors, decoder, bins } = reading ?? {};
  if (head === "classifier") return { kind: "classifier", classes };
  if (head === "yolov5") return { kind: "yolov5", classes, anchors };
  if (head === "yolov8") return { kind: "yolov8", classes, bins };
  return head === "yolov2" ? { kind: "yolov2", classes, anchors, decoder, filters: 1 } : undefined;
}

/**
 * The document of an imported network. Without `classes` and `yolo`, the head is the one that a file of ours states.
 * Otherwise, a network that takes a picture (one or three channels) and gives a single list of two or more values is a
 * classifier. Any other network has no head, so its outputs are plain numbers; but a float network with one output is
 * refused, since it is usually a detector whose head was not given.
 * Throws PhinetsError `import.head` where the head does not fit the network's outputs.
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
  buildNetwork(withGraph); // refuses networks that exceed memory
  return withGraph;
}

/** The content of a head file as the `head` of a network.json. */
function yoloHead(given: unknown): object {
  const whole: { readonly decoder?: unknown } = { ...(given as object) };
  const { decoder, ...head } = whole;
  if (decoder === "yolov5" || decoder === "yolov8") return { ...head, kind: decoder };
  return { ...whole, kind: "yolov2", filters: 1 };
}

/** Whether a shape is a map of one or three channels. */
export const isPicture = (shape: Shape): boolean => shape.length === 4 && (shape[3] === 1 || shape[3] === 3);

/** Size of a map; any other shape counts as one pixel. */
function mapOf(shape: Shape) {
  if (shape.length === 4) return { height: shape[1], width: shape[2], channels: shape[3] };
  return { height: 1, width: 1, channels: shape.reduce((product, size) => product * size, 1) };
}
