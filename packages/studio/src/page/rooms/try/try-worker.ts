/** Worker that runs a network on pictures: float and int8 on the same frame, boxes, tracks. */

import type { Picture } from "@phinets/core/data";
import type { OutputMap } from "@phinets/core/detection";
import { type Arithmetic, Model, type NamedDetection, type NamedScore, readModel } from "@phinets/core/model";
import type { Network } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { ByteTracker, Sort, type Track, type Tracker, type TrackerName } from "@phinets/core/tracking";
import { answerEach } from "../../answer.js";
import { pictureOf } from "../../files/pictures.js";

export interface Settings {
  readonly forms: readonly Arithmetic[];
  /** Minimum score of a box, and the IoU above which boxes of a class are the same object. */
  readonly conf: number;
  readonly iou: number;
  readonly tracker: TrackerName | "none";
  /** For ByteTrack: boxes with a lower score only continue existing tracks. */
  readonly highScore: number;
}

export type Question =
  | { readonly ask: "load"; readonly files: Readonly<Record<string, Uint8Array>> }
  /** Processes the next frame; the bitmap is returned. */
  | { readonly ask: "look"; readonly bitmap: ImageBitmap; readonly settings: Settings }
  /** Applies other thresholds to the last frame without running the network again. */
  | { readonly ask: "again"; readonly settings: Settings }
  /** Starts new tracks for another clip. */
  | { readonly ask: "restart" };

export interface Loaded {
  readonly network: Network;
  readonly task: Model["task"];
  readonly classes: readonly string[];
  readonly forms: readonly Arithmetic[];
}

/** The result of one form of the network on a frame. */
export interface Found {
  /** Time of the network alone. */
  readonly ms: number;
  readonly boxes?: readonly NamedDetection[];
  /** With a tracker; corners in pixels of the frame. */
  readonly tracks?: readonly Track[];
  readonly scores?: readonly NamedScore[];
  /** The network's output, dequantised. */
  readonly output: OutputMap;
}

export interface Seen {
  readonly bitmap?: ImageBitmap;
  readonly width: number;
  readonly height: number;
  readonly found: Partial<Record<Arithmetic, Found>>;
  /** The network's input, at its own resolution. */
  readonly input: Picture;
}

export type Answer = Loaded | Seen | undefined;

const models = new Map<Arithmetic, Model>();
const trackers = new Map<Arithmetic, Tracker>();
/** Data of the last frame. */
let last:
  | { readonly seen: Omit<Seen, "found" | "bitmap">; readonly outputs: Map<Arithmetic, readonly [OutputMap, number]> }
  | undefined;

answerEach(async (question: Question): Promise<readonly [Answer, Transferable[]?]> => {
  switch (question.ask) {
    case "load":
      return [await load(question.files)];
    case "look": {
      const seen = look(question.bitmap, question.settings);
      return [{ ...seen, bitmap: question.bitmap }, [question.bitmap]];
    }
    case "again":
      return [last && { ...last.seen, found: judged(question.settings, false) }];
    default:
      trackers.clear();
      return [undefined];
  }
});

async function load(files: Readonly<Record<string, Uint8Array>>): Promise<Loaded> {
  for (const model of models.values()) await model.dispose();
  models.clear();
  trackers.clear();
  last = undefined;
  for (const [form, file] of [
    ["int8", "quantized.json"],
    ["float", "weights/best.safetensors"],
  ] as const)
    if (file in files) models.set(form, await Model.of(await readModel(files, form), { on: form }));
  const [model] = models.values();
  if (model === undefined)
    throw new PhinetsError(
      "model.files",
      "there are no weights: neither quantized.json nor weights/best.safetensors; choose a run folder whose training has finished an epoch",
    );
  const { network, task, classes } = model;
  return { network, task, classes, forms: [...models.keys()] };
}

function look(bitmap: ImageBitmap, settings: Settings): Seen {
  const picture = pictureOf(bitmap);
  const [any] = models.values();
  if (any === undefined) throw new PhinetsError("model.files", "there is no network; choose one first");
  const input = any.prepare(picture);
  const outputs = new Map<Arithmetic, readonly [OutputMap, number]>();
  for (const form of settings.forms) {
    const model = models.get(form);
    if (model === undefined) continue;
    const start = performance.now();
    const output = model.output(input);
    outputs.set(form, [output, performance.now() - start]);
  }
  const { width, height } = picture;
  last = { seen: { width, height, input }, outputs };
  return { ...last.seen, found: judged(settings, true) };
}

/** @param moves whether the trackers advance by a frame */
function judged(settings: Settings, moves: boolean): Seen["found"] {
  const found: Partial<Record<Arithmetic, Found>> = {};
  for (const [form, [output, ms]] of last!.outputs) {
    const model = models.get(form)!;
    if (model.task === "classify") {
      found[form] = { ms, output, scores: model.scores(output) };
      continue;
    }
    const boxes = model.boxes(output, last!.seen, { conf: settings.conf, iou: settings.iou });
    const tracks =
      moves && settings.tracker !== "none" ? trackerOf(form, settings).update(boxes.map(cornersOf)) : undefined;
    found[form] = { ms, output, boxes, tracks };
  }
  return found;
}

/** A tracker with the settings of `phinets track`. */
function trackerOf(form: Arithmetic, { tracker, conf, highScore }: Settings): Tracker {
  const known = trackers.get(form);
  const isSame = known instanceof Sort ? tracker === "sort" : known !== undefined && tracker === "bytetrack";
  if (known !== undefined && isSame) return known;
  const made = tracker === "bytetrack" ? new ByteTracker({ lowScore: conf, highScore }) : new Sort();
  trackers.set(form, made);
  return made;
}

function cornersOf({ x, y, width, height, score, class: kind }: NamedDetection) {
  return { x1: x, y1: y, x2: x + width, y2: y + height, score, class: kind };
}
