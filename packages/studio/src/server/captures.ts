/** Pictures that a camera of this machine or a telephone took, as pictures of a data set. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { uprightJpeg } from "@phinets/node/picture";
import { captureName, captureStart, mostCaptures } from "../shared/captures.js";
import type { SavedFrame } from "../shared/try.js";
import type { Datasets } from "./datasets.js";
import { addPicture, makePictureFolder } from "./new-picture.js";

export interface Capture {
  readonly set: string;
  /** Name of the class, where a picture's folder is its class. */
  readonly kind?: string;
  /** A picture file of any kind that `uprightJpeg` takes. */
  readonly bytes: Uint8Array;
  /** The set is a folder that may have to be made first. */
  readonly make?: boolean;
}

/**
 * Decodes a picture and writes its pixels, and nothing else of it, as capture-YYYYMMDD-NNNN.jpg. Throws PhinetsError where
 * it cannot be decoded, where the set takes none, and where the disk is full; nothing is left then.
 */
export async function saveCapture(datasets: Datasets, { set, kind, bytes, make }: Capture): Promise<SavedFrame> {
  const jpeg = await uprightJpeg("the picture", bytes);
  if (make) makePictureFolder(datasets, set);
  return addPicture(datasets, { set, kind, bytes: jpeg, nameIn: nextName });
}

/** One more than the day's last, on the clock of this machine. */
function nextName(folder: string): string {
  const start = captureStart(new Date());
  let last = 0;
  for (const name of readdirSync(folder)) {
    const [, number] = name.startsWith(start) ? (/^(\d{4})\./.exec(name.slice(start.length)) ?? []) : [];
    last = Math.max(last, Number(number ?? 0));
  }
  if (last >= mostCaptures)
    throw new PhinetsError(
      "studio.full",
      `the folder has today's capture number ${mostCaptures}, the last of a day; go on in another folder`,
    );
  return join(folder, captureName(start, last + 1));
}
