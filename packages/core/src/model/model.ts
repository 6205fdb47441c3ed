/**
 * The main entry point: a trained network as an object that analyses pictures, the same in Node, workers and pages.
 *
 * @example
 * const model = await loadModel(files); // the files of a run folder, by name
 * for (const { name, score, x, y, width, height } of model.detect(picture)) ...
 */
import { crop, type Picture, type PictureSize, resize, withChannels } from "../data/index.js";
import {
  type DecodeHead,
  type Detection,
  decoderOf,
  detectDefaults,
  detectionsOf,
  type OutputMap,
  toSourcePixels,
} from "../detection/index.js";
import { endsWithSoftmax } from "../graph/index.js";
import type { ThreadPool } from "../kernels/index.js";
import { classNames, findsBoxes, type Network } from "../networks/index.js";
import { exp, PhinetsError } from "../tensor/index.js";
import type { Track, Tracker } from "../tracking/index.js";
import { type ModelFiles, type ModelParts, readModel } from "./files.js";
import { integerRunner } from "./integer-runner.js";
import type { Runner } from "./runner.js";
import { joinTiles, type Tile, type Tiles, tilesOf } from "./tiles.js";

/** The arithmetic that runs the network: "int8" equals the firmware's to the last bit. */
export type Arithmetic = "float" | "int8";

export interface Thresholds {
  /** Least score of a box, 0..1. Default 0.25. */
  readonly conf?: number;
  /** IoU above which two boxes of a class count as one object. Default 0.45. */
  readonly iou?: number;
  /** Most boxes per picture. Default 100. */
  readonly maxDet?: number;
  /**
   * Also runs the network on overlapping tiles of the picture, to find small objects. Default: only on the whole
   * picture.
   */
  readonly tiles?: Tiles;
}

export interface ModelOptions extends Thresholds {
  /** Default: "int8" if the model has it, else "float". */
  readonly on?: Arithmetic;
  /** Additional threads for float inference. Default: none. */
  readonly threads?: ThreadPool;
}

/** A box in the picture's pixels: top-left corner and size; the class by number and name. */
export interface NamedDetection extends Detection {
  readonly name: string;
}

/** A class and its probability, 0..1. */
export interface NamedScore {
  readonly class: number;
  readonly name: string;
  readonly score: number;
}

/** Boxes of a detector, best first, or class probabilities of a classifier, best first. */
export interface Prediction {
  readonly boxes?: readonly NamedDetection[];
  readonly classes?: readonly NamedScore[];
}

/** Parts and options for `Model.of`. */
export interface ModelRecipe {
  readonly parts: ModelParts;
  readonly options: Omit<ModelOptions, "threads">;
}

/** Tracks a detector's objects from frame to frame. */
export interface PictureTracker {
  /** Processes the next frame; returns the visible tracks, with corners in the frame's pixels. */
  update(picture: Picture): readonly (Track & { readonly name?: string })[];
}

export class Model {
  readonly task: "detect" | "classify";
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** Size that pictures are resized to, in pixels, and channels: 1 (grey) or 3 (RGB). */
  readonly input: Network["input"];
  readonly on: Arithmetic;
  readonly network: Network;
  /** The model's parts and options without threads: plain data from which another thread can make the same model. */
  readonly recipe: ModelRecipe;
  readonly #runner: Runner;
  /** Decodes a detector's output. */
  readonly #decode: DecodeHead | undefined;
  readonly #thresholds: Thresholds;
  /** Whether the network ends with a softmax, as imported ones may. */
  readonly #isSoftmax: boolean;

  private constructor(
    parts: ModelParts,
    { runner, decode }: { readonly runner: Runner; readonly decode: DecodeHead | undefined },
    on: Arithmetic,
    thresholds: Thresholds,
  ) {
    const { network } = parts;
    this.network = network;
    this.recipe = { parts, options: { ...thresholds, on } };
    this.task = findsBoxes(network.head) ? "detect" : "classify";
    this.classes = classNames(network.head);
    this.input = network.input;
    this.on = on;
    this.#runner = runner;
    this.#decode = decode;
    this.#thresholds = thresholds;
    this.#isSoftmax = parts.quantized !== undefined && endsWithSoftmax(parts.quantized.graph);
  }

  /**
   * Makes a model. Throws PhinetsError for a network without a head, and for a form (`on`) that the parts do not
   * include.
   */
  static async of(parts: ModelParts, options: ModelOptions = {}): Promise<Model> {
    const { network, weights, quantized } = parts;
    const { on = quantized === undefined ? "float" : "int8", threads, ...thresholds } = options;
    if (network.head.kind === "none") {
      throw new PhinetsError(
        "model.head",
        "the network has no head, so it names nothing; train it on a data set, or take its outputs as numbers (predict --tensor)",
      );
    }
    const decode = findsBoxes(network.head) ? await decoderOf(network.head) : undefined;
    if (on === "int8") {
      if (quantized === undefined) {
        throw new PhinetsError("model.quantized", 'the model is not quantised; quantise it, or use `on: "float"`');
      }
      return new Model(
        { network, quantized },
        { runner: integerRunner(quantized, network.head), decode },
        on,
        thresholds,
      );
    }
    if (weights === undefined) {
      throw new PhinetsError("model.weights", 'the model has no float weights; give them, or use `on: "int8"`');
    }
    // Loaded on demand, so that a page that runs only int8 does not load it.
    const { floatRunner } = await import("./float-runner.js");
    const runner = await floatRunner(network, weights, threads);
    return new Model({ network, weights }, { runner, decode }, on, thresholds);
  }

  /** The network's boxes or classes for a picture of any size. */
  predict(picture: Picture): Prediction {
    return this.task === "detect" ? { boxes: this.detect(picture) } : { classes: this.classify(picture) };
  }

  /** Predictions of several pictures, in order. */
  predictBatch(pictures: readonly Picture[]): Prediction[] {
    return pictures.map((picture) => this.predict(picture));
  }

  /** Boxes in the picture's pixels, best first. Throws `model.head` for a classifier. */
  detect(picture: Picture): NamedDetection[] {
    const { tiles, iou = 0.45, maxDet = 100 } = this.#thresholds;
    if (tiles === undefined) return this.boxes(this.output(picture), picture);
    const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
    const found = tilesOf(picture, tiles).flatMap((tile) => {
      const { height, width, channels } = this.input;
      return this.#boxes(this.#runner.run(withChannels(crop(picture, tile, { height, width }), channels)), tile);
    });
    const all = [...this.#boxes(this.output(picture), whole), ...found];
    return joinTiles(all, iou, maxDet).map((box) => this.#withName(box));
  }

  /**
   * Decodes an `output` of a whole picture into boxes in its pixels, best first. Other thresholds thus need no new
   * inference.
   * @param thresholds replace the model's own one by one; tiles have no effect here
   */
  boxes(output: OutputMap, { width, height }: PictureSize, thresholds: Thresholds = {}): NamedDetection[] {
    return this.#boxes(output, { x: 0, y: 0, width, height }, thresholds).map((box) => this.#withName(box));
  }

  #withName(box: Detection): NamedDetection {
    return { ...box, name: this.classes[box.class] };
  }

  /**
   * Classes by probability, best first: the softmax of the logits, unless the network ends with one. Throws
   * `model.head` for a detector.
   */
  classify(picture: Picture): NamedScore[] {
    if (this.task !== "classify") {
      throw new PhinetsError("model.head", "the network is a detector: it finds boxes and does not name pictures");
    }
    return this.scores(this.output(picture));
  }

  /** The classes of a classifier's `output`, best first. */
  scores(output: OutputMap): NamedScore[] {
    const logits = Array.from<number>(output);
    if (this.#isSoftmax) return this.#named(logits);
    const highest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
    const powers = logits.map((logit) => exp(logit - highest));
    const sum = powers.reduce((total, power) => total + power, 0);
    return this.#named(powers.map((power) => power / sum));
  }

  /** Probabilities of the classes, best first. */
  #named(scores: readonly number[]): NamedScore[] {
    return scores
      .map((score, index) => ({ class: index, name: this.classes[index], score }))
      .sort((a, b) => b.score - a.score || a.class - b.class);
  }

  /**
   * The network's raw output for a picture of any size, in real values: the map `[height, width, channels]`, several
   * maps one behind the other, or the logits.
   */
  output(picture: Picture): OutputMap {
    return this.#runner.run(this.prepare(picture));
  }

  /** A picture converted to the network's size and channels. */
  prepare(picture: Picture): Picture {
    const { height, width, channels } = this.input;
    return resize(withChannels(picture, channels), { height, width });
  }

  /**
   * Tracks the detector's objects frame by frame.
   * @param tracker a new one for each clip, such as `new Sort()` or `new ByteTracker()` of the tracking room
   * Throws `model.head` for a classifier.
   */
  track(tracker: Tracker): PictureTracker {
    if (this.task !== "detect") {
      throw new PhinetsError("model.head", "the network is a classifier: it finds no boxes that could be tracked");
    }
    return {
      update: (picture) => {
        const boxes = this.detect(picture).map(({ x, y, width, height, score, class: label }) => ({
          ...{ x1: x, y1: y, x2: x + width, y2: y + height },
          ...{ score, class: label },
        }));
        return tracker
          .update(boxes)
          .map((track) => ({ ...track, ...(track.class !== undefined && { name: this.classes[track.class] }) }));
      },
    };
  }

  /** Ends the threads and frees the memory. The model must not be used afterwards. */
  async dispose(): Promise<void> {
    await this.#runner.dispose();
  }

  /** Decodes the output for a part of the picture into boxes in the picture's pixels. */
  #boxes(map: OutputMap, part: Tile, given: Thresholds = {}): Detection[] {
    if (this.#decode === undefined) {
      throw new PhinetsError("model.head", "the network is a classifier: it names pictures and finds no boxes");
    }
    const { conf = detectDefaults.threshold, iou, maxDet } = { ...this.#thresholds, ...given };
    const decoded = this.#decode({ output: map, shapes: this.#runner.outputShapes, input: this.input }, conf);
    const boxes = detectionsOf(decoded, { iouThreshold: iou, maxDetections: maxDet });
    return toSourcePixels(boxes, part.width, part.height)
      .filter((box) => box.width > 0 && box.height > 0)
      .map((box) => ({ ...box, x: part.x + box.x, y: part.y + box.y }));
  }
}

/** Makes a model from the files of a run folder. Throws PhinetsError naming the missing or damaged file. */
export async function loadModel(files: ModelFiles, options: ModelOptions = {}): Promise<Model> {
  return Model.of(await readModel(files, options.on), options);
}
