/**
 * Clips: an object's box is drawn at a few frames, its keyframes, and lies between them on straight lines. A clip's frames
 * are pictures whose names differ in their last number, as `belt_000012.jpg`.
 */
import type { Place } from "./place.js";

export interface Keyframe extends Place {
  /** Number of the frame; frames need not be neighbours. */
  readonly frame: number;
}

/**
 * Where the box is at a frame: exact at keyframes, on straight lines between two, undefined before the first and after the
 * last.
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
  /** What the names of the clip's frames have in common. */
  readonly clip: string;
  readonly frame: number;
}

/** Undefined for a picture whose name does not end with a number. */
export function clipFrameOf(file: string): ClipFrame | undefined {
  const match = /^(.*?)(\d{1,12})(\.[^./\\]+)$/.exec(file);
  return match === null ? undefined : { clip: `${match[1]}#${match[3].toLowerCase()}`, frame: Number(match[2]) };
}

/** The pictures of the clip that a picture is a frame of, by their frames; empty where it is none. */
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
