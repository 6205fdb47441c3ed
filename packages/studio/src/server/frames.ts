/** Saves a frame of a camera or clip as a picture of a data set, for labelling. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { decodePicture } from "@phinets/node/picture";
import type { SavedFrame } from "../shared/try.js";
import type { Datasets } from "./datasets.js";
import { addPicture } from "./new-picture.js";

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Writes a PNG unchanged, under a new name. Throws PhinetsError where it is not a PNG, and as `addPicture` does. */
export async function saveFrame(datasets: Datasets, set: string, png: Uint8Array): Promise<SavedFrame> {
  if (!pngSignature.every((byte, i) => png[i] === byte))
    throw new PhinetsError("studio.request", "the frame is no PNG");
  await decodePicture("the frame", { bytes: png });
  return addPicture(datasets, { set, bytes: png, nameIn: newName });
}

/** frame-2026-01-31T12-00-00.png, with a number appended where that exists. */
function newName(folder: string): string {
  const base = join(folder, `frame-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}`);
  for (let n = 1; ; n++) {
    const path = `${base}${n === 1 ? "" : `-${n}`}.png`;
    if (!existsSync(path)) return path;
  }
}
