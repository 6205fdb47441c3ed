/** Sheets of pictures that a training writes: what the network is trained on, and its worst predictions. */
import {
  PackedSource,
  type Picture,
  type PictureSource,
  prepareSample,
  type Sample,
  withChannels,
} from "@phinets/core/data";
import type { Detection } from "@phinets/core/detection";
import { softmaxRows } from "@phinets/core/evaluation";
import type { Outputs } from "@phinets/core/learning";
import { planEpoch } from "@phinets/core/learning";
import { classNames, type Network } from "@phinets/core/networks";
import type { Recipe } from "@phinets/core/training";
import { Canvas, colourOf, contactSheet, readPicture, type SheetCell, scaleTo } from "../../picture/index.js";
import { matchBoxes } from "../../report/boxes.js";
import { detectionPrediction, type Prediction, type ReportBox, reportPicture } from "../../report/index.js";

/** Side of a picture on a sheet in pixels. */
const cellSize = 224;

/** The first pictures that an epoch trains on, augmented, with their boxes or classes. */
export function sampleSheet(
  source: PictureSource,
  network: Network,
  recipe: Recipe,
  epoch: number,
  count = 16,
): Picture {
  const names = classNames(network.head);
  const cells: SheetCell[] = [];
  for (const { samples, options } of planEpoch(source.length, network, recipe, epoch)) {
    for (const sample of samples) {
      if (cells.length === count) return contactSheet(cells, { cellSize });
      const prepared = prepareSample(source, sample, epoch, options);
      const canvas = new Canvas(scaleTo(prepared.picture, cellSize));
      canvas.marks(
        prepared.labels.map(({ class: c, x, y, width, height }) => ({
          x: (x - width / 2) * canvas.width,
          y: (y - height / 2) * canvas.height,
          width: width * canvas.width,
          height: height * canvas.height,
          colour: colourOf(c),
          label: names.length > 1 ? names[c] : undefined,
        })),
      );
      const mixed = prepared.mixed && ` + ${Math.round(100 * prepared.mixed.share)} % ${names[prepared.mixed.class]}`;
      const caption = prepared.class === undefined ? undefined : `${names[prepared.class]}${mixed ?? ""}`;
      cells.push({ picture: canvas, caption });
    }
  }
  return contactSheet(cells, { cellSize });
}

/** Labels or predictions of a picture: boxes as fractions with top-left corners, or a class. */
export interface Said {
  readonly boxes?: readonly (Omit<Detection, "score"> & { readonly score?: number })[];
  readonly class?: number;
  /** Score of the class, 0..1. */
  readonly score?: number;
}

const batchPictures = 16;

/**
 * val_batch0_labels.jpg and val_batch0_pred.jpg: the first pictures of a split, each with its labels or predictions.
 */
export async function batchSheet(
  source: PictureSource,
  classes: readonly string[],
  said: (sample: number) => Said,
): Promise<Picture> {
  const cells: SheetCell[] = [];
  for (let sample = 0; sample < Math.min(batchPictures, source.length); sample++) {
    const { picture, caption } = await pictureOf(source, sample);
    const canvas = new Canvas(scaleTo(withChannels(picture, 3), cellSize));
    const { boxes = [], class: index, score } = said(sample);
    canvas.marks(
      boxes.map(({ class: c, x, y, width, height, score }) => ({
        x: x * canvas.width,
        y: y * canvas.height,
        width: width * canvas.width,
        height: height * canvas.height,
        colour: colourOf(c),
        label: [classes.length > 1 && classes[c], score?.toFixed(2)].filter(Boolean).join(" "),
      })),
    );
    const named = index === undefined ? undefined : [classes[index], score?.toFixed(2)].filter(Boolean).join(" ");
    cells.push({ picture: canvas, caption: named ?? caption });
  }
  return contactSheet(cells, { cellSize });
}

export function labelled(source: PictureSource, sample: number): Said {
  const { labels, class: index } = source.at(sample);
  const boxes = labels?.filter(({ ignore }) => ignore === undefined).map(topLeft);
  return { boxes, class: index };
}

/** A classifier's prediction for a picture. */
export function classified(output: Outputs[number]): Said {
  const row = softmaxRows(Float32Array.from(output), output.length);
  const best = row.indexOf(Math.max(...row));
  return { class: best, score: row[best] };
}

interface Judged {
  readonly sample: number;
  /** How wrong the prediction is; 0: entirely correct. */
  readonly badness: number;
}

/** The original picture; where the file no longer exists, the network's input. */
async function pictureOf(source: PictureSource, sample: number): Promise<{ picture: Picture; caption: string }> {
  const file = fileOf(source, sample);
  const caption = file?.split(/[\\/]/).at(-1) ?? `picture ${sample}`;
  if (file !== undefined && !file.includes("#")) {
    try {
      return { picture: await readPicture(file), caption };
    } catch {} // the file existed when it was loaded
  }
  return { picture: source.at(sample).picture, caption };
}

function fileOf(source: PictureSource, sample: number): string | undefined {
  return source instanceof PackedSource ? (source.samples[sample] as Partial<Sample>).file : undefined;
}

/**
 * The pictures with the worst detections: most missed boxes, and most wrong boxes weighted by score.
 * @param boxes of each picture, above the confidence that counts; fractions, top-left corners
 */
export async function worstDetections(
  source: PictureSource,
  boxes: readonly (readonly Detection[])[],
  count: number,
): Promise<Prediction[]> {
  const judged = boxes.map((detections, sample): Judged => {
    const truths = (source.at(sample).labels ?? []).map(topLeft);
    const { found, right } = matchBoxes(truths, detections);
    const wrong = detections.reduce((sum, { score }, i) => sum + (right[i] ? 0 : score), 0);
    return { sample, badness: found.filter((ok) => !ok).length + wrong };
  });
  return Promise.all(
    worstOf(judged, count).map(async ({ sample }) => {
      const { picture, caption } = await pictureOf(source, sample);
      const pixels = boxes[sample].map((box) => ({
        ...box,
        x: box.x * picture.width,
        y: box.y * picture.height,
        width: box.width * picture.width,
        height: box.height * picture.height,
      }));
      return detectionPrediction(caption, picture, source.at(sample).labels ?? [], pixels);
    }),
  );
}

function topLeft<T extends { x: number; y: number; width: number; height: number }>(box: T): T {
  return { ...box, x: box.x - box.width / 2, y: box.y - box.height / 2 };
}

/** The pictures whose labelled class got the lowest probability. */
export async function worstClasses(
  source: PictureSource,
  outputs: Outputs,
  classes: number,
  count: number,
): Promise<Prediction[]> {
  const scores = new Float32Array(outputs.length * classes);
  for (const [i, output] of outputs.entries()) scores.set(output, i * classes);
  const probabilities = softmaxRows(scores, classes);
  const judged = outputs.map((_, sample): Judged => {
    const truth = source.at(sample).class ?? 0;
    return { sample, badness: 1 - probabilities[sample * classes + truth] };
  });
  return Promise.all(
    worstOf(judged, count).map(async ({ sample }) => {
      const { picture, caption } = await pictureOf(source, sample);
      const row = probabilities.subarray(sample * classes, (sample + 1) * classes);
      const best = row.indexOf(Math.max(...row));
      const predicted = { class: best, score: row[best] };
      return { caption, picture: await reportPicture(picture, 128), truth: source.at(sample).class, predicted };
    }),
  );
}

function worstOf(judged: readonly Judged[], count: number): readonly Judged[] {
  return judged
    .filter(({ badness }) => badness > 0)
    .sort((a, b) => b.badness - a.badness || a.sample - b.sample)
    .slice(0, count);
}

/** The worst pictures as one sheet: truths in blue, detections in green (correct) or amber (wrong). */
export async function worstSheet(predictions: readonly Prediction[], classes: readonly string[]): Promise<Picture> {
  const { default: sharp } = await import("sharp");
  const cells = await Promise.all(
    predictions.map(async ({ picture, caption, truths, detections, truth, predicted }): Promise<SheetCell> => {
      const { data, info } = await sharp(picture.jpeg)
        .toColourspace("srgb")
        .raw()
        .toBuffer({ resolveWithObject: true });
      const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const small = { width: info.width, height: info.height, channels: info.channels, data: pixels };
      const canvas = new Canvas(scaleTo(small, cellSize));
      if (truths === undefined || detections === undefined) {
        const said = predicted && `${classes[predicted.class]} ${predicted.score.toFixed(2)}`;
        return { picture: canvas, caption: `${said}, is ${classes[truth ?? 0]}` };
      }
      const scale = canvas.width / small.width;
      const mark = (box: ReportBox, colour: readonly [number, number, number], label?: string) => {
        const [x, y, width, height] = [box.x, box.y, box.width, box.height].map((value) => value * scale);
        return { x, y, width, height, colour, label };
      };
      const { right } = matchBoxes(truths, detections);
      canvas.marks([
        ...truths.map((box) => mark(box, [56, 189, 248])),
        ...detections.map((box, i) =>
          mark(box, right[i] ? [52, 211, 153] : [251, 191, 36], (box.score ?? 0).toFixed(2)),
        ),
      ]);
      return { picture: canvas, caption };
    }),
  );
  return contactSheet(cells, { cellSize });
}
