/** Pictures of `phinets predict`, several at a time: read, looked at, drawn into, written. */
import { extname, join } from "node:path";
import type { Picture } from "@phinets/core/data";
import type { NamedDetection, Prediction } from "@phinets/core/model";
import type { PixelRange } from "@phinets/node/picture";
import type { ModelThreads } from "@phinets/node/threads";
import type { QueuedPredictions } from "@phinets/queue";
import type { PredictRecord } from "./predict-records.js";

/** A source of `predict` that is a file. */
export interface Item {
  readonly file: string;
  readonly clip: boolean;
  /** Named by the user, not found in a folder: what is wrong with it is said as an error when it is the only one. */
  readonly named: boolean;
}

/** An item with its picture (a clip's are read later), or why that cannot be read. */
interface ReadItem {
  readonly item: Item;
  /** Of its annotated form, without extension. */
  readonly name: string;
  readonly picture?: Picture;
  /** What a worker of a queue saw in it. */
  readonly record?: PredictRecord;
  readonly error?: unknown;
}

interface ReadOptions {
  /** Of the annotated forms, for each item. */
  readonly names: readonly string[];
  readonly pixelRange?: PixelRange;
  readonly onHint: (hint: string) => void;
  /** Whether a hint would still be told. */
  readonly wantsHint: () => boolean;
  /** Where workers of a queue look at the pictures: what they saw. */
  readonly queued?: QueuedPredictions;
  /** Pictures are drawn into. */
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

/** The item with its record, when its annotated picture is in `folder`; or why there is none. A clip is left as it is. */
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

/** Classes of a picture that are kept, the best ones. */
export const keptClasses = 5;

/** What is kept of a prediction. */
export function recordOf(
  { width, height }: Pick<Picture, "width" | "height">,
  { boxes, classes }: Prediction,
): Pick<PredictRecord, "width" | "height" | "boxes" | "classes"> {
  return boxes ? { width, height, boxes } : { width, height, classes: classes?.slice(0, keptClasses) };
}

/** The picture with what was found drawn over a copy of it. */
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
