/** From a picture to what a run's network sees in it: the same road for float and int8, for predict, track, val and ship. */
import { crop, type Picture, resize, withChannels, writeInput, writeInputInt8 } from "@phinets/core/data";
import { type Detection, detect, type OutputMap, toSourcePixels } from "@phinets/core/detection";
import { deployWeights, type Graph } from "@phinets/core/graph";
import { IntegerInterpreter, runFloat } from "@phinets/core/inference";
import { classCount, classNames, inputName, type Network } from "@phinets/core/networks";
import { exp, type FloatWeights, PhinetsError, tensor } from "@phinets/core/tensor";
import type { Run } from "../run/load.js";
import { joinTiles, type Tile, type Tiles, tilesOf } from "./tiles.js";

/** Which arithmetic runs the network. */
export type Arithmetic = "float" | "int8";

export interface DetectorOptions {
  /** Default "int8": what the firmware computes. */
  readonly on?: Arithmetic;
  /** Least score of a box, 0..1. Default 0.25. */
  readonly conf?: number;
  /** Boxes of one class that overlap by more than this IoU are one object. Default 0.45. */
  readonly iou?: number;
  /** Most boxes a picture. Default 100. */
  readonly maxDet?: number;
  /** Looks at overlapping parts of the picture and at the whole, for small objects. Default: at the whole alone. */
  readonly tiles?: Tiles;
}

/** A class and its probability, 0..1. */
export interface ClassScore {
  readonly class: number;
  readonly score: number;
}

/** A run's network, ready for any number of pictures. */
export class Detector {
  readonly network: Network;
  readonly on: Arithmetic;
  readonly classNames: readonly string[];
  readonly #run: (input: Picture) => OutputMap;
  readonly #outputShape: readonly number[];
  readonly #options: DetectorOptions;

  /** Throws PhinetsError for a network without a head, and for int8 before the run is quantised. */
  constructor(run: Pick<Run, "folder" | "network" | "graph" | "weights" | "quantized">, options: DetectorOptions = {}) {
    const { on = "int8" } = options;
    this.network = run.network;
    this.on = on;
    this.#options = options;
    this.classNames = classNames(run.network.head);
    if (run.network.head.kind === "none") {
      throw new PhinetsError(
        "detect.head",
        `${run.folder}: the network has no head, so it names nothing; train it on a data set first`,
        run.folder,
      );
    }
    if (on === "float") {
      this.#run = floatRunner(run.graph, run.weights);
      this.#outputShape = run.graph.shapes[run.graph.outputs[0]];
      return;
    }
    const { quantized } = run;
    if (!quantized) {
      throw new PhinetsError(
        "detect.quantized",
        `${run.folder}: the run is not quantised; run phinets quantize --model ${run.folder} --data DATA, or use --on float`,
        run.folder,
      );
    }
    const output = quantized.graph.outputs[0];
    const { scale, zeroPoint } = quantized.values[output];
    const interpreter = new IntegerInterpreter(quantized);
    const input = new Int8Array(interpreter.inputBytes);
    this.#outputShape = quantized.graph.shapes[output];
    this.#run = (picture) => {
      writeInputInt8(picture.data, input);
      return Float64Array.from(interpreter.run(input)[0], (q) => scale * (q - zeroPoint));
    };
  }

  /** "detect" gives boxes, "classify" one class a picture. */
  get task(): "detect" | "classify" {
    return this.network.head.kind === "yolov2" ? "detect" : "classify";
  }

  /** The network's raw output for a picture of any size, real values: the map `[height, width, channels]`, or the logits. */
  output(picture: Picture): OutputMap {
    return this.#run(this.input(picture));
  }

  /** A picture as the network sees it: of its size and channels. */
  input(picture: Picture): Picture {
    const { height, width, channels } = this.network.input;
    return resize(withChannels(picture, channels), { height, width });
  }

  /** Boxes in source pixels, best first. Throws for a classifier. */
  detect(picture: Picture): Detection[] {
    const { tiles, iou = 0.45, maxDet = 100 } = this.#options;
    const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
    if (tiles === undefined) return this.#boxes(this.output(picture), whole);
    const found = tilesOf(picture, tiles).flatMap((tile) => {
      const { height, width, channels } = this.network.input;
      return this.#boxes(this.#run(withChannels(crop(picture, tile, { height, width }), channels)), tile);
    });
    return joinTiles([...this.#boxes(this.output(picture), whole), ...found], iou, maxDet);
  }

  /** Boxes in an output map of a part of the picture, in pixels of the picture. */
  #boxes(map: OutputMap, part: Tile): Detection[] {
    const { head } = this.network;
    if (head.kind !== "yolov2")
      throw new PhinetsError("detect.head", "the network is a classifier: it names pictures and finds no boxes");
    const [, height, width, channels] = this.#outputShape;
    const { conf, iou, maxDet } = this.#options;
    const boxes = detect(
      map,
      [height, width, channels],
      { anchors: head.anchors, classes: classCount(head), decoder: head.decoder },
      { threshold: conf, iouThreshold: iou, maxDetections: maxDet },
    );
    return toSourcePixels(boxes, part.width, part.height)
      .filter((box) => box.width > 0 && box.height > 0)
      .map((box) => ({ ...box, x: part.x + box.x, y: part.y + box.y }));
  }

  /** Classes by probability (softmax of the logits), best first. Throws for a detector. */
  classify(picture: Picture): ClassScore[] {
    if (this.task !== "classify")
      throw new PhinetsError("detect.head", "the network is a detector: it finds boxes and does not name pictures");
    const logits = this.output(picture);
    const highest = Math.max(...logits);
    const powers = Array.from(logits, (logit) => exp(logit - highest));
    const sum = powers.reduce((total, power) => total + power, 0);
    return powers
      .map((power, index) => ({ class: index, score: power / sum }))
      .sort((a, b) => b.score - a.score || a.class - b.class);
  }
}

/** The deployment graph with batch norm folded: the same function as the training graph, less work. */
function floatRunner(graph: Graph, weights: FloatWeights): (picture: Picture) => Float32Array {
  const { graph: deployed, weights: folded } = deployWeights(graph, weights);
  const output = deployed.outputs[0];
  return ({ width, height, channels, data }) => {
    const input = tensor("float32", [1, height, width, channels]);
    writeInput(data, input.data);
    return runFloat(deployed, folded, { [inputName]: input })[output].data;
  };
}
