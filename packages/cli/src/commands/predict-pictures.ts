/** Pictures of `phinets predict`, several at a time: read, looked at, drawn into, written. */
import { extname, join } from "node:path";
import type { Picture } from "@phinets/core/data";
import type { NamedDetection, Prediction } from "@phinets/core/model";
import type { PixelRange } from "@phinets/node/picture";
import type { ModelThreads } from "@phinets/node/threads";
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
  readonly error?: unknown;
}

interface ReadOptions {
  /** Of the annotated forms, for each item. */
  readonly names: readonly string[];
  readonly pixelRange?: PixelRange;
  readonly onHint: (hint: string) => void;
  readonly signal: AbortSignal;
}

export async function* readItems(
  items: readonly Item[],
  { names, pixelRange, onHint, signal }: ReadOptions,
): AsyncGenerator<ReadItem> {
  const { readPicture } = await import("@phinets/node/picture");
  for (const [i, item] of items.entries()) {
    signal.throwIfAborted();
    const name = names[i];
    try {
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
  if (one.picture === undefined) return one;
  const { item, name } = one;
  const { file } = item;
  try {
    const { picture, prediction } = await threads.predict(one.picture);
    const record = { file, ...recordOf(picture, prediction) };
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

/** What is kept of a prediction. */
export function recordOf(
  { width, height }: Picture,
  { boxes, classes }: Prediction,
): Pick<PredictRecord, "width" | "height" | "boxes" | "classes"> {
  return boxes ? { width, height, boxes } : { width, height, classes: classes?.slice(0, 5) };
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
