/** Helpers of the tests of decoders for pictures, videos and streams. */
import { execFileSync } from "node:child_process";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { expect } from "vitest";

/** The error with which a promise rejects: it must be a PhinetsError with a one-line message. */
export async function rejection(promise: Promise<unknown>): Promise<PhinetsError> {
  const error = await promise.then(
    () => undefined,
    (e) => e,
  );
  expect(error).toBeInstanceOf(PhinetsError);
  expect(error.message).not.toContain("\n");
  return error as PhinetsError;
}

/** A picture file's RGB pixels as ffmpeg decodes them. */
export function ffmpegPixels(file: string): Uint8Array {
  const words = ["-loglevel", "error", "-i", file, "-f", "rawvideo", "-pix_fmt", "rgb24", "-sws_flags", "accurate_rnd"];
  return execFileSync("ffmpeg", [...words, "-"], { maxBuffer: 1e8 });
}

/** Largest absolute difference between a picture's values and `data`, which must have the same length. */
export function largestDifference(picture: Picture, data: ArrayLike<number>): number {
  expect(picture.data.length).toBe(data.length);
  return picture.data.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i])), 0);
}
