/** What the tests of pictures, videos and streams ask of a decoder. */
import { execFileSync } from "node:child_process";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { expect } from "vitest";

/** The error that a promise ends with: of ours, and one line. */
export async function rejection(promise: Promise<unknown>): Promise<PhinetsError> {
  const error = await promise.then(
    () => undefined,
    (e) => e,
  );
  expect(error).toBeInstanceOf(PhinetsError);
  expect(error.message).not.toContain("\n");
  return error as PhinetsError;
}

/** ffmpeg's own RGB of a picture file. */
export function ffmpegPixels(file: string): Uint8Array {
  const words = ["-loglevel", "error", "-i", file, "-f", "rawvideo", "-pix_fmt", "rgb24", "-sws_flags", "accurate_rnd"];
  return execFileSync("ffmpeg", [...words, "-"], { maxBuffer: 1e8 });
}

/** Largest difference of a picture's values from these, of which there must be as many. */
export function largestDifference(picture: Picture, data: ArrayLike<number>): number {
  expect(picture.data.length).toBe(data.length);
  return picture.data.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i])), 0);
}
