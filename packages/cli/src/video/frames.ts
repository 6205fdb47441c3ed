/** Frames of a video file, a folder of pictures, or a MOTChallenge sequence, all alike. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { isPictureFile, listPictures, pictureExtensions, readPicture } from "../picture/files.js";
import { decodeVideo, probeVideo } from "./decode.js";

export interface FrameSource {
  /** Frames in all; undefined when the video does not say. */
  readonly count?: number;
  readonly framesPerSecond: number;
  /** Numbered from 1, as MOTChallenge does; `file` is the picture a frame was read from. */
  readonly frames: AsyncIterable<{ readonly number: number; readonly picture: Picture; readonly file?: string }>;
}

/**
 * Opens a video file or a folder of pictures (in natural order; a MOTChallenge folder's `img1` at the rate that its
 * seqinfo.ini says, else 25 a second). Throws PhinetsError when there is nothing to read.
 */
export async function framesOf(path: string, signal?: AbortSignal): Promise<FrameSource> {
  if (!existsSync(path)) throw new PhinetsError("video.missing", `${path}: no such file or folder`, path);
  if (!statSync(path).isDirectory()) {
    if (isPictureFile(path)) return { count: 1, framesPerSecond: 25, frames: pictures([path], signal) };
    const { framesPerSecond, frames: count } = await probeVideo(path);
    return { count, framesPerSecond, frames: numbered(path, signal) };
  }
  const inner = existsSync(join(path, "img1")) ? join(path, "img1") : path;
  const files = listPictures(inner);
  if (files.length === 0) {
    throw new PhinetsError(
      "video.empty",
      `${inner}: no pictures (${pictureExtensions.join(" ")}) in the folder`,
      inner,
    );
  }
  const info = [join(path, "seqinfo.ini"), join(path, "../seqinfo.ini")].find(existsSync);
  const rate = info ? Number(/^\s*frameRate\s*=\s*([\d.]+)/im.exec(readFileSync(info, "utf8"))?.[1]) : 25;
  return { count: files.length, framesPerSecond: rate > 0 ? rate : 25, frames: pictures(files, signal) };
}

async function* numbered(path: string, signal?: AbortSignal) {
  let number = 0;
  for await (const picture of decodeVideo(path, { signal })) yield { number: ++number, picture };
}

async function* pictures(files: readonly string[], signal?: AbortSignal) {
  // One picture is decoded ahead while the caller works on the one before.
  let next = files.length > 0 ? readPicture(files[0]) : undefined;
  for (const [i, file] of files.entries()) {
    signal?.throwIfAborted();
    const picture = await next!;
    next = i + 1 < files.length ? readPicture(files[i + 1]) : undefined;
    next?.catch(() => {}); // told when its turn comes
    yield { number: i + 1, picture, file };
  }
}
