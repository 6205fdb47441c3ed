/**
 * The files that a training draws in its run folder: curves.svg, sample_batches.png, labels.jpg, anchors.svg; at the
 * end pr_curve.svg, confusion_matrix.svg, worst_pictures.png, val_batch0_labels.jpg, val_batch0_pred.jpg; and
 * report.html, which shows them all. Plots use none of the training's random numbers and write nothing back: the
 * weights are bit-identical with and without them. A failure to draw or write is only a warning.
 */
import { join } from "node:path";
import { PackedSource, type PictureSource } from "@phinets/core/data";
import { meanAnchorIou } from "@phinets/core/detection";
import { boxesOf, type Outputs, score } from "@phinets/core/learning";
import { buildNetwork, classCount, type Network, networkTitle } from "@phinets/core/networks";
import type { Recipe } from "@phinets/core/training";
import { writeFileAtomic } from "../../host/atomic.js";
import { encodeJpeg, encodePng } from "../../picture/index.js";
import { reportPicture } from "../../report/index.js";
import {
  type AnchorFit,
  anchorsFile,
  confusionFile,
  curvesFile,
  precisionRecallFile,
  renderTraining,
  type TrainingPage,
} from "../../report/training.js";
import { readResults } from "../../run/save.js";
import { shellQuote } from "../../text/quote.js";
import { hasLock } from "../run-lock.js";
import {
  batchSheet,
  classified,
  labelled,
  type Said,
  sampleSheet,
  worstClasses,
  worstDetections,
  worstSheet,
} from "./gallery.js";
import { labelSheet } from "./label-sheet.js";
import type { EpochReport, RunStart, TrainObserver } from "./observers.js";
import type { TrainResult } from "./request.js";

export interface PlotOptions {
  /** Name of the data set, for titles. */
  readonly dataName: string;
  readonly train: PictureSource;
  readonly val: PictureSource;
  /** Outputs of the best weights on the validation split. */
  readonly outputs: () => Outputs;
  readonly warn: (message: string) => void;
}

/** Minimum interval between refreshes of the curves in milliseconds. */
const refreshMs = 15_000;
const worstCount = 12;

export class RunPlots implements TrainObserver {
  #start!: RunStart;
  #page!: Omit<TrainingPage, "rows" | "bestEpoch" | "finished">;
  #refreshed = 0;
  /** Best epoch reported so far; 0 is the start. */
  #bestEpoch?: number;
  /** The best weights' prediction for a validation picture. */
  #said?: (sample: number) => Said;

  constructor(readonly options: PlotOptions) {}

  started(start: RunStart): Promise<void> {
    return this.#try(async () => {
      const { network, recipe, folder, classes, summary } = start;
      this.#start = start;
      const { dataName, train } = this.options;
      const task = network.head.kind === "yolov2" ? "detect" : "classify";
      const sheet = sampleSheet(train, network, recipe, start.epoch < recipe.epochs ? start.epoch : 0);
      const anchors = anchorsOf(network, train);
      const labels = train instanceof PackedSource ? labelSheet(train.samples, classes) : undefined;
      this.#page = {
        title: `${dataName}: ${folder.split(/[\\/]/).at(-1)}`,
        task,
        classes,
        data: {
          ...{ name: dataName, train: start.train, val: start.val },
          skipped: { pictures: start.skipped, rows: start.skippedRows },
        },
        network: { name: networkTitle(network), ...summary },
        recipe: recipeRows(recipe),
        sampleBatch: await reportPicture(sheet, 920),
        labels: labels && (await reportPicture(labels, 920)),
        anchors,
        worst: [],
        ...(hasLock(folder) && { commands: [repeating(folder)] }),
      };
      writeFileAtomic(join(folder, "sample_batches.png"), await encodePng(sheet));
      if (labels !== undefined) writeFileAtomic(join(folder, "labels.jpg"), await encodeJpeg(labels));
      if (anchors !== undefined) writeFileAtomic(join(folder, "anchors.svg"), anchorsFile(anchors));
    });
  }

  async epochEnd({ epoch, epochs, bestEpoch }: EpochReport): Promise<undefined> {
    this.#bestEpoch = bestEpoch;
    const now = performance.now();
    if (epoch >= epochs || now - this.#refreshed < refreshMs) return;
    this.#refreshed = now;
    await this.#try(async () => this.#write(bestEpoch, false));
  }

  async finished({ bestEpoch, metrics }: TrainResult): Promise<void> {
    await this.#try(async () => {
      const { network, folder, classes } = this.#start;
      const { val } = this.options;
      const outputs = metrics === undefined ? undefined : this.options.outputs();
      if (outputs !== undefined) {
        const figures = score(network, outputs, val, { detailed: true });
        this.#page = { ...this.#page, metrics: figures };
        const confusion = (names: readonly string[], counts: ArrayLike<number>) =>
          writeFileAtomic(join(folder, "confusion_matrix.svg"), confusionFile(names, counts));
        if (figures.task === "detect") {
          const { classes: names, counts, confidence: conf } = figures.analysis!.confusion;
          const boxes = outputs.map((output) => boxesOf(network, output, { conf }));
          this.#said = (sample) => ({ boxes: boxes[sample] });
          this.#page = { ...this.#page, worst: await worstDetections(val, boxes, worstCount) };
          writeFileAtomic(join(folder, "pr_curve.svg"), precisionRecallFile(figures));
          confusion([...names, "background"], counts);
        } else {
          this.#said = (sample) => classified(outputs[sample]);
          const worst = await worstClasses(val, outputs, classCount(network.head), 2 * worstCount);
          this.#page = { ...this.#page, worst };
          confusion(classes, figures.confusion);
        }
      }
      this.#write(bestEpoch, true);
    });
    await this.#try(async () => {
      const { folder, classes } = this.#start;
      const { worst } = this.#page;
      if (worst.length === 0) return;
      writeFileAtomic(join(folder, "worst_pictures.png"), await encodePng(await worstSheet(worst, classes)));
    });
    await this.#try(async () => {
      const { folder, classes } = this.#start;
      const { val } = this.options;
      if (this.#said === undefined || val.length === 0) return;
      const write = async (name: string, said: (sample: number) => Said) =>
        writeFileAtomic(join(folder, name), await encodeJpeg(await batchSheet(val, classes, said)));
      await write("val_batch0_labels.jpg", (sample) => labelled(val, sample));
      await write("val_batch0_pred.jpg", this.#said);
    });
  }

  stopped(): Promise<void> {
    return this.#try(async () => {
      if (this.#bestEpoch !== undefined) this.#write(this.#bestEpoch, false);
    });
  }

  #write(bestEpoch: number, finished: boolean): void {
    const { folder } = this.#start;
    const rows = readResults(folder);
    if (rows.length === 0) return;
    writeFileAtomic(join(folder, "curves.svg"), curvesFile(this.#page.task, rows, bestEpoch));
    writeFileAtomic(join(folder, "report.html"), renderTraining({ ...this.#page, rows, bestEpoch, finished }));
  }

  async #try(draw: () => Promise<void>): Promise<void> {
    try {
      await draw();
    } catch (error) {
      // A removed run folder ends the run, which reports it.
      if ((error as { code?: unknown }).code === "run.removed") return;
      this.options.warn(`warning: the report is not complete: ${(error as Error).message}`);
    }
  }
}

/** The command line that repeats a training and compares the weights. */
function repeating(folder: string): string {
  return shellQuote(["npx", "phinets", "train", "--from-lock", join(folder, "run.lock")]);
}

/** More dots make a chart larger but not clearer. */
const mostBoxes = 2000;

function anchorsOf(network: Network, source: PictureSource): AnchorFit | undefined {
  if (network.head.kind !== "yolov2" || !(source instanceof PackedSource)) return undefined;
  const graph = buildNetwork(network);
  const [, rows, columns] = graph.shapes[graph.outputs[0]];
  const boxes = source.samples
    .flatMap(({ labels = [] }) => labels)
    .filter(({ width, height }) => width > 0 && height > 0)
    .map(({ width, height }) => [width, height] as const);
  if (boxes.length === 0) return undefined;
  const anchors = network.head.anchors.map(([width, height]) => [width / columns, height / rows] as const);
  const every = Math.ceil(boxes.length / mostBoxes);
  return { boxes: boxes.filter((_, i) => i % every === 0), anchors, meanIou: meanAnchorIou(boxes, anchors) };
}

function recipeRows(recipe: Recipe): [string, string | number][] {
  return Object.entries(recipe).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const shown = typeof value === "string" || typeof value === "number" ? value : JSON.stringify(value);
    return [[name, shown] as [string, string | number]];
  });
}
