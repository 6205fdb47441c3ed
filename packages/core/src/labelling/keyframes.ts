/**
 * Clips: an object's box is drawn at a few keyframes and interpolated linearly between them. A clip's frames are
 * pictures whose names differ only in the last number, such as `belt_000012.jpg`.
 */
import type { Place } from "./place.js";

export interface Keyframe extends Place {
  /** Frame number; frames need not be consecutive. */
  readonly frame: number;
}

/**
 * The box's place at a frame: exact at keyframes, linearly interpolated between two, undefined before the first and
 * after the last.
 */
export function placeAt(keyframes: readonly Keyframe[], frame: number): Place | undefined {
  const sorted = [...keyframes].sort((a, b) => a.frame - b.frame);
  const after = sorted.findIndex((each) => each.frame >= frame);
  if (after < 0) return undefined;
  const next = sorted[after];
  const { frame: _, ...exact } = next;
  if (next.frame === frame) return exact;
  if (after === 0) return undefined;
  const before = sorted[after - 1];
  const share = (frame - before.frame) / (next.frame - before.frame);
  const between = (side: keyof Place) => before[side] + share * (next[side] - before[side]);
  return { left: between("left"), top: between("top"), width: between("width"), height: between("height") };
}

export interface ClipFrame {
  /** The part that the names of the clip's frames share. */
  readonly clip: string;
  readonly frame: number;
}

/** Undefined for a picture whose name does not end with a number. */
export function clipFrameOf(file: string): ClipFrame | undefined {
  const match = /^(.*?)(\d{1,12})(\.[^./\\]+)$/.exec(file);
  return match === null ? undefined : { clip: `${match[1]}#${match[3].toLowerCase()}`, frame: Number(match[2]) };
}

/** The frames, in order, of the clip that a picture belongs to; empty if it belongs to none. */
export function framesOfClip(
  file: string,
  files: readonly string[],
): { readonly file: string; readonly frame: number }[] {
  const clip = clipFrameOf(file)?.clip;
  if (clip === undefined) return [];
  const frames = files.flatMap((each) => {
    const found = clipFrameOf(each);
    return found?.clip === clip ? [{ file: each, frame: found.frame }] : [];
  });
  return frames.sort((a, b) => a.frame - b.frame);
}
