/**
 * Tracks a clip with a run's integer network, writes the tracks and, where ffmpeg is installed, an annotated video. The
 * first frames also run through the emulated firmware, whose tracks must be the same.
 */

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Picture, parseMotRows, writeInputInt8 } from "@phinets/core/data";
import { evaluateMot } from "@phinets/core/evaluation";
import { type FollowedFrame, Follower, modelOptions } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import { formatMotTracks, type Track } from "@phinets/core/tracking";
import { type EmulatedProgram, emulateTracks, inputsPerRun, type TrackingProof } from "../emulator/index.js";
import { writeFileAtomic } from "../host/atomic.js";
import { type PixelRange, savePicture, TrackPainter } from "../picture/index.js";
import { loadRun } from "../run/load.js";
import { openModel } from "../run/model.js";
import { ClipSize, framesOf, VideoWriter } from "../video/index.js";
import type { StepContext } from "./context.js";

export interface TrackSummary {
  readonly frames: number;
  readonly tracks: number;
  /** Speed of detection and tracking on this machine, without reading and drawing. */
  readonly framesPerSecond: number;
  /** Path of the tracks, relative to the run folder. */
  readonly file: string;
  readonly video?: string;
  readonly clip: string;
  /** Frames spread over the clip, as picture files in the run folder, with their tracks in source pixels. */
  readonly stills: readonly { readonly file: string; readonly number: number; readonly tracks: readonly Track[] }[];
  /** Why there is no video. */
  readonly leftOut?: string;
  /** Comparison with the emulated firmware's boxes and tracks on the first frames, as many as its memory holds. */
  readonly firmware?: TrackingProof | { readonly leftOut: string };
  /** Scores against the clip's own gt/gt.txt, where it has one; fractions, MOTA can be negative. */
  readonly scores?: TrackScores;
}

export interface TrackScores {
  readonly MOTA: number;
  readonly IDF1: number;
  readonly HOTA: number;
}

const stillCount = 6;

export interface TrackClipOptions {
  /** Minimum score of a box, as in the firmware. Default 0.25. */
  readonly scoreThreshold?: number;
  /** Pixel values of deep frames that map to 0 and 255. */
  readonly pixelRange?: PixelRange;
  /** The run's program for the emulated board, or why there is none. */
  readonly firmware?: { readonly program: Pick<EmulatedProgram, "path" | "machine"> } | { readonly leftOut: string };
}

/** Tracks are computed in fractions of the picture, as in the firmware, and written in source pixels. */
export async function trackClip(
  folder: string,
  clip: string,
  context: StepContext,
  { scoreThreshold, firmware, pixelRange }: TrackClipOptions = {},
): Promise<TrackSummary> {
  const run = loadRun(folder);
  const model = await openModel(run);
  const follower = new Follower(run.quantized!, modelOptions(run.network, { scoreThreshold }).detector!);
  const { height, width, channels } = run.network.input;
  const proven = firmware && "program" in firmware ? inputsPerRun(height * width * channels) : 0;
  const inputs: Int8Array[] = [];
  const followed: FollowedFrame[] = [];
  const painter = new TrackPainter(model.classes);
  const ids = new Set<number>();
  let note = context.note;
  const onNote = (line: string) => note(line);
  const { count = 0, framesPerSecond, frames } = await framesOf(clip, { signal: context.signal, pixelRange, onNote });
  const size = new ClipSize(onNote);
  const progress = context.progress({ label: "tracking", total: count, unit: "frames", lineEvery: 1 });
  note = progress.log.bind(progress);
  const stills: TrackSummary["stills"][number][] = [];
  const every = Math.max(1, Math.floor(count / stillCount));
  let text = "";
  let done = 0;
  let last = 0;
  let ms = 0;
  let writer: VideoWriter | undefined;
  let leftOut: string | undefined;
  let finished = false;
  try {
    for await (const { number, picture } of frames) {
      const inClip = size.frame(picture, number);
      const start = performance.now();
      const input = model.prepare(picture);
      const frame = follower.next(model.output(input));
      const tracks = frame.tracks.map((track) => size.box(inPixels(track, picture), picture));
      ms += performance.now() - start;
      if (inputs.length < proven) {
        const bytes = new Int8Array(input.data.length);
        writeInputInt8(input.data, bytes);
        inputs.push(bytes);
        followed.push(frame);
      }
      for (const { id } of tracks) ids.add(id);
      text += formatMotTracks(number, tracks);
      const painted: Picture = painter.paint(inClip, tracks);
      if (leftOut === undefined) {
        try {
          writer ??= await VideoWriter.open(join(folder, "tracks.mp4"), {
            width: painted.width,
            height: painted.height,
            framesPerSecond,
          });
          await writer.write(painted);
        } catch (error) {
          if (!(error instanceof PhinetsError) || error.code !== "video.no-ffmpeg") throw error;
          leftOut = error.message;
          context.note(`left out: ${leftOut}`);
        }
      }
      if (done % every === every - 1 && stills.length < stillCount) {
        const still = `tracks/${String(number).padStart(6, "0")}.jpg`;
        await savePicture(join(folder, still), inClip);
        stills.push({ file: still, number, tracks });
      }
      last = number;
      progress.update(++done, `${tracks.length} in view`);
    }
    finished = true;
  } finally {
    progress.stop();
    if (finished) await writer?.close();
    else await writer?.abort();
  }
  writeFileAtomic(join(folder, "tracks.txt"), text);
  const scores = scoreTracks(text, last, clip, context);
  const proof =
    firmware && "program" in firmware && inputs.length > 0
      ? await emulateTracks(firmware.program, run.quantized!, inputs, followed, { signal: context.signal })
      : firmware && "leftOut" in firmware
        ? firmware
        : undefined;
  return {
    frames: done,
    tracks: ids.size,
    framesPerSecond: Number(((1000 * done) / ms).toFixed(1)),
    clip,
    file: "tracks.txt",
    ...(writer !== undefined && { video: "tracks.mp4" }),
    stills,
    ...(leftOut !== undefined && { leftOut }),
    ...(scores !== undefined && { scores }),
    ...(proof !== undefined && { firmware: proof }),
  };
}

function inPixels(track: Track, { width, height }: Picture): Track {
  const { x1, y1, x2, y2 } = track;
  return { ...track, x1: x1 * width, y1: y1 * height, x2: x2 * width, y2: y2 * height };
}

/**
 * Scores against the truth of a MOTChallenge sequence, given by its folder or its pictures' folder. A truth that cannot
 * be read is reported and left out.
 */
function scoreTracks(text: string, frames: number, clip: string, context: StepContext): TrackScores | undefined {
  const sequence = [clip, dirname(resolve(clip))].find((folder) => existsSync(join(folder, "gt/gt.txt")));
  if (sequence === undefined) return undefined;
  const file = join(sequence, "gt/gt.txt");
  try {
    const truth = parseMotRows(readFileSync(file, "utf8"), file);
    const found = parseMotRows(text, "tracks.txt");
    const { MOTA, IDF1, HOTA } = evaluateMot([{ name: basename(resolve(sequence)), frames, truth, found }]).combined;
    return { MOTA, IDF1, HOTA };
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    context.note(`left out: the tracks' scores (${error.message})`);
    return undefined;
  }
}
