/** The constants that firmware/detect needs to read a network's output: grids of cells, anchors, exponentials. */
import { checkHead } from "../../detection/index.js";
import { inputsOf } from "../../graph/index.js";
import {
  type BoxHead,
  classCount,
  levelsOf,
  mapsProblem,
  outputsRead,
  type Yolov2Head,
  type Yolov5Head,
  type Yolov8Head,
} from "../../networks/index.js";
import type { QuantizedNetwork } from "../../quantization/index.js";
import { exp, PhinetsError, type Shape, sizeOf } from "../../tensor/index.js";
import { arrayDefinition, doubleLiteral, mapOf } from "./literals.js";

/** An output map, for phinets_output_map. */
interface DetectorMap {
  readonly shape: Shape;
  readonly scale: number;
  readonly zeroPoint: number;
  /** Bytes of the output before this map. */
  readonly offset: number;
}

/**
 * `<name>_head` and the tables that it points to.
 * Throws PhinetsError `detection.shape` where the network's outputs do not suit the head.
 */
export function detectorLines(q: QuantizedNetwork, name: string, head: BoxHead): string[] {
  const maps = mapsOf(q, head);
  // Exponents are differences of two bytes; for YOLOv2's sizes they can be positive too. The tables have a fixed
  // length, so that a detector's flash is known before it is trained.
  const last = head.kind === "yolov2" ? 255 : 0;
  const tables = new Tables(name, last);
  const lines: string[] = [];
  const levels = levelsOfHead(head, maps).map(({ boxes, scores = boxes, before = 0, anchors = [] }, i) => {
    const sizes = `${name}_anchors${head.kind === "yolov2" ? "" : i}`;
    if (anchors.length > 0) lines.push(arrayDefinition("double", sizes, anchors.flat()));
    const [height, width] = mapOf(boxes.shape);
    const map = ({ scale, zeroPoint, shape, offset }: DetectorMap, from: number) =>
      `{${offset + from}, ${mapOf(shape)[2]}, ${zeroPoint}, ${doubleLiteral(scale)}, ${tables.of(scale)}}`;
    return `    {${height}, ${width}, ${anchors.length}, ${anchors.length > 0 ? sizes : "0"},
     ${map(boxes, 0)},
     ${map(scores, before)}},`;
  });
  const [inputHeight, inputWidth] = mapOf(q.graph.shapes[inputsOf(q.graph)[0].name]);
  const isScaled = head.kind === "yolov5" || (head.kind === "yolov2" && head.decoder === "scaled");
  return [
    ...lines,
    ...tables.lines,
    `static const phinets_level ${name}_levels[] = {`,
    ...levels,
    "};",
    `const phinets_detector ${name}_head = {
  .decode = phinets_decode_${head.kind},
  .level_count = ${levels.length},
  .classes = ${classCount(head)},
  .levels = ${name}_levels,
  .bins = ${head.kind === "yolov8" ? head.bins : 0},
  .input_width = ${inputWidth},
  .input_height = ${inputHeight},
  .centre_scale = ${doubleLiteral(isScaled ? 2 : 1)},
  .centre_shift = ${doubleLiteral(isScaled ? 0.5 : 0)},
};`,
  ];
}

/** Tables of exponentials by scale; maps of equal scale share a table. */
class Tables {
  readonly #names = new Map<number, string>();
  readonly lines: string[] = [];

  constructor(
    readonly name: string,
    readonly last: number,
  ) {}

  /** C expression of the position of e^0 in the table of a scale. */
  of(scale: number): string {
    let table = this.#names.get(scale);
    if (table === undefined) {
      table = `${this.name}_powers${this.#names.size || ""}`;
      this.#names.set(scale, table);
      const powers = Array.from({ length: 256 + this.last }, (_, i) => exp(scale * (i - 255)));
      this.lines.push(`/* e^(scale * d) for d = -255..${this.last}. */`, arrayDefinition("double", table, powers));
    }
    return `${table} + 255`;
  }
}

function mapsOf({ graph, values }: QuantizedNetwork, head: BoxHead): DetectorMap[] {
  let offset = 0;
  const maps = graph.outputs.map((output) => {
    const shape = graph.shapes[output];
    offset += sizeOf(shape);
    return { shape, ...values[output], offset: offset - sizeOf(shape) };
  });
  return [...outputsRead(head, maps)];
}

interface Level {
  readonly boxes: DetectorMap;
  readonly scores?: DetectorMap;
  /** Number of channels before the first class's. */
  readonly before?: number;
  readonly anchors?: readonly (readonly [width: number, height: number])[];
}

function levelsOfHead(head: BoxHead, maps: readonly DetectorMap[]): Level[] {
  if (head.kind === "yolov2") return [oneMap(head, maps[0])];
  const shapes = maps.map(({ shape }) => shape);
  const problem = mapsProblem(head, shapes);
  if (problem !== undefined) throw new PhinetsError("detection.shape", `${head.kind} head: the network ${problem}`);
  return head.kind === "yolov5" ? anchored(head, maps) : distances(head, maps);
}

function oneMap(head: Yolov2Head, map: DetectorMap): Level {
  checkHead(mapOf(map.shape)[2], head.anchors, classCount(head));
  return { boxes: map, anchors: head.anchors };
}

const anchored = ({ anchors }: Yolov5Head, maps: readonly DetectorMap[]): Level[] =>
  maps.map((boxes, i) => ({ boxes, anchors: anchors[i] }));

function distances(head: Yolov8Head, maps: readonly DetectorMap[]): Level[] {
  const shapes = maps.map(({ shape }) => shape);
  return levelsOf(head, shapes)!.map(({ boxes, classes }) => ({
    ...{ boxes: maps[boxes], scores: maps[classes] },
    before: boxes === classes ? 4 * head.bins : 0,
  }));
}
