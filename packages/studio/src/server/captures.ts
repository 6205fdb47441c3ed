/** Saves pictures from this machine's camera or from a phone into a data set. */
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
  /** Name of the class, where a picture's folder determines its class. */
  readonly kind?: string;
  /** Content of a picture file of any kind that `uprightJpeg` reads. */
  readonly bytes: Uint8Array;
  /** Whether the data set's folder may have to be made first. */
  readonly make?: boolean;
}

/**
 * Decodes a picture and writes only its pixels, as capture-YYYYMMDD-NNNN.jpg. Throws PhinetsError where it cannot be
 * decoded, where the data set takes no pictures, and where the disk is full; no file is left then.
 */
export async function saveCapture(datasets: Datasets, { set, kind, bytes, make }: Capture): Promise<SavedFrame> {
  const jpeg = await uprightJpeg("the picture", bytes);
  if (make) makePictureFolder(datasets, set);
  return addPicture(datasets, { set, kind, bytes: jpeg, nameIn: nextName });
}

/** The name after the day's last one, by this machine's clock. */
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
