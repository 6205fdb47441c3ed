/** A frame of a camera or clip becomes a picture of a data set, beside its training pictures, to be labelled. */
import { existsSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { splitArchivePath } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "@phinets/node/host";
import { decodePicture, isIdxReference } from "@phinets/node/picture";
import type { SavedFrame } from "../shared/try.js";
import type { Datasets } from "./datasets.js";

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Writes a PNG under a new name into the folder of the set's first picture. Throws PhinetsError where it is no PNG, and where
 * the set lists its pictures elsewhere, so that one more file would not be one of them: nothing is left then.
 */
export async function saveFrame(datasets: Datasets, set: string, png: Uint8Array): Promise<SavedFrame> {
  if (!pngSignature.every((byte, i) => png[i] === byte))
    throw new PhinetsError("studio.request", "the frame is no PNG");
  await decodePicture("the frame", { bytes: png });
  const { task } = await datasets.catalogue(set);
  if (task === "classify")
    throw new PhinetsError(
      "studio.frame",
      `${set || "the folder"}: is for classification, where a picture's folder is its class; save the frame into its folder by hand`,
    );
  const { folder } = datasets;
  const first = await datasets.file(set, 0);
  if (splitArchivePath(first) !== undefined || isIdxReference(first))
    throw new PhinetsError(
      "studio.frame",
      `${set}: its pictures lie in an archive, which is only read; unpack it first`,
    );
  const file = newName(dirname(first));
  writeFileAtomic(file, png);
  datasets.reload();
  const { files, format } = await datasets.catalogue(set);
  const shown = files.find((each) => file.endsWith(`/${each}`));
  if (shown !== undefined) return { set, file: shown };
  // YOLO's pictures without a file of labels are there, and wait for it.
  if (format === "yolo") return { set, file: relative(folder.resolve(set || "."), file) };
  rmSync(file, { force: true });
  datasets.reload();
  throw new PhinetsError(
    "studio.frame",
    `${set || "the folder"}: its labels' file lists its pictures, so that one more is none of them; make it a YOLO set with phinets convert`,
  );
}

/** frame-2026-01-31T12-00-00.png, or with a number behind it. */
function newName(folder: string): string {
  const base = join(folder, `frame-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}`);
  for (let n = 1; ; n++) {
    const path = `${base}${n === 1 ? "" : `-${n}`}.png`;
    if (!existsSync(path)) return path;
  }
}
