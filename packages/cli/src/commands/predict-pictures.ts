/** Pictures of `phinets predict`, several at a time: read, predict, draw, write. */
import { extname, join } from "node:path";
import type { Picture } from "@phinets/core/data";
import type { NamedDetection, Prediction } from "@phinets/core/model";
import type { PixelRange } from "@phinets/node/picture";
import type { ModelThreads } from "@phinets/node/threads";
import type { QueuedPredictions } from "@phinets/queue";
import type { PredictRecord } from "./predict-records.js";

/** A file among the sources of `predict`. */
export interface Item {
  readonly file: string;
  readonly clip: boolean;
  /** Whether the user named it, rather than its folder: if it is the only source, a problem with it is an error. */
  readonly named: boolean;
}

/** An item with its picture (a clip is read later), or why the picture cannot be read. */
interface ReadItem {
  readonly item: Item;
  /** Name of its annotated picture, without extension. */
  readonly name: string;
  readonly picture?: Picture;
  /** The prediction of a queue's worker. */
  readonly record?: PredictRecord;
  readonly error?: unknown;
}

interface ReadOptions {
  /** Names of the annotated pictures, one per item. */
  readonly names: readonly string[];
  readonly pixelRange?: PixelRange;
  readonly onHint: (hint: string) => void;
  /** Whether a hint would still be shown. */
  readonly wantsHint: () => boolean;
  /** Predictions of a queue's workers, where a queue is used. */
  readonly queued?: QueuedPredictions;
  /** Whether annotated pictures are written. */
  readonly draws: boolean;
  readonly signal: AbortSignal;
}

export async function* readItems(
  items: readonly Item[],
  { names, pixelRange, onHint, wantsHint, queued, draws, signal }: ReadOptions,
): AsyncGenerator<ReadItem> {
  const { readPicture } = await import("@phinets/node/picture");
  for (const [i, item] of items.entries()) {
    signal.throwIfAborted();
    const name = names[i];
    const seen = await queued?.at(i);
    try {
      if (seen) {
        const { hinted = false } = seen;
        const read = draws || (hinted && wantsHint());
        const picture = read ? await readPicture(item.file, { pixelRange, onHint }) : undefined;
        yield { item, name, picture, record: { file: item.file, ...recordOf(seen, seen) } };
        continue;
      }
      yield { item, name, ...(!item.clip && { picture: await readPicture(item.file, { pixelRange, onHint }) }) };
    } catch (error) {
      yield { item, name, error };
    }
  }
}

/**
 * Predicts an item and writes its annotated picture into `folder`; resolves with the record or the error. A clip is
 * passed through.
 */
export async function lookAt(
  one: ReadItem,
  threads: ModelThreads,
  folder: string | undefined,
): Promise<Omit<ReadItem, "picture"> & { readonly record?: PredictRecord }> {
  const { item, name } = one;
  if (one.picture === undefined) return one;
  const { file } = item;
  try {
    const { picture, record } =
      one.record === undefined ? await look(file, one.picture, threads) : { picture: one.picture, record: one.record };
    if (folder) {
      const { savePicture } = await import("@phinets/node/picture");
      const extension = extname(file).toLowerCase() === ".png" ? ".png" : ".jpg";
      await savePicture(join(folder, `${name}${extension}`), await annotate(picture, record));
    }
    return { item, name, record };
  } catch (error) {
    return { item, name, error };
  }
}

async function look(
  file: string,
  picture: Picture,
  threads: ModelThreads,
): Promise<{ readonly picture: Picture; readonly record: PredictRecord }> {
  const seen = await threads.predict(picture);
  return { picture: seen.picture, record: { file, ...recordOf(seen.picture, seen.prediction) } };
}

/** Number of classes to keep per picture, best first. */
export const keptClasses = 5;

export function recordOf(
  { width, height }: Pick<Picture, "width" | "height">,
  { boxes, classes }: Prediction,
): Pick<PredictRecord, "width" | "height" | "boxes" | "classes"> {
  return boxes ? { width, height, boxes } : { width, height, classes: classes?.slice(0, keptClasses) };
}

/** Draws the record over a copy of the picture. */
export async function annotate(picture: Picture, { boxes, classes }: PredictRecord): Promise<Picture> {
  const { Canvas, colourOf } = await import("@phinets/node/picture");
  const canvas = new Canvas(picture);
  const mark = (box: NamedDetection) => ({
    ...box,
    colour: colourOf(box.class),
    label: `${box.name} ${box.score.toFixed(2)}`,
  });
  // The best boxes are drawn last, over the others.
  canvas.marks((boxes ?? []).map(mark).reverse());
  const [best] = classes ?? [];
  if (best) canvas.tag(`${best.name} ${best.score.toFixed(2)}`, 0, 0, colourOf(best.class));
  return canvas;
}
