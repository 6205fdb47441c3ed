/** Writes frames of a clip as pictures of a data set. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { fitName } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { savePicture } from "../picture/files.js";
import { framesOf } from "../video/frames.js";

export interface FrameOptions {
  /** Write every n-th frame, starting with the first. Default 1. */
  readonly every?: number;
  /** Called with the number of frames read; the total is 0 where it is unknown. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** JPEG quality, high so that a detector does not learn compression artefacts. */
const quality = 95;

/**
 * Writes `NAME_000001.jpg` and so on, numbered as the clip's frames. An existing file is never overwritten:
 * PhinetsError `data.frames`, thrown before anything is written where it is the first frame's. Frames that are written
 * remain when the work is stopped.
 * @returns the files
 */
export async function writeFrames(clip: string, folder: string, options: FrameOptions = {}): Promise<string[]> {
  const { every = 1, onProgress, signal } = options;
  const { frames, label, count = 0 } = await framesOf(clip, { signal, onNote: () => {} });
  const written: string[] = [];
  for await (const { number, picture } of frames) {
    onProgress?.(number, count);
    signal?.throwIfAborted();
    if ((number - 1) % every !== 0) continue;
    const file = join(folder, fitName(`${label}_${String(number).padStart(6, "0")}.jpg`));
    if (lstatSync(file, { throwIfNoEntry: false }) !== undefined)
      throw new PhinetsError(
        "data.frames",
        `${file}: is there already and is not written over; move the frames of before away, or rename the clip`,
        file,
      );
    await savePicture(file, picture, quality);
    written.push(file);
  }
  return written;
}
