/** Frames of a clip as pictures of a data set. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { fitName } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { savePicture } from "../picture/files.js";
import { framesOf } from "../video/frames.js";

export interface FrameOptions {
  /** Every n-th frame is written, the first one among them. Default 1. */
  readonly every?: number;
  /** Told of frames read; the total is 0 where the clip does not say it. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** JPEG's quality: what a detector learns from should not be the compression. */
const quality = 95;

/**
 * Writes `NAME_000001.jpg` and so on, numbered as the clip's frames. A picture that is there already is never written
 * over: PhinetsError `data.frames` then, before the first where it is the first's. Frames that were written stay when the
 * work is stopped.
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
