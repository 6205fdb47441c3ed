/** `phinets track`: joins detections of a network, or of a file, to tracks with SORT or a ByteTrack-style tracker. */
import { existsSync } from "node:fs";
import { extname } from "node:path";
import { mostTextBytes } from "@phinets/core/data";
import { detectDefaults } from "@phinets/core/detection";
import type { Model, ModelOptions, NamedDetection, Tiles } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import {
  byteTrackDefaults,
  sortDefaults,
  type Track,
  type Tracker,
  type TrackerBox,
  type TrackerName,
} from "@phinets/core/tracking";
import { readRegularSync } from "@phinets/node/files";
import type { PixelRange } from "@phinets/node/picture";
import { formatMs, visible } from "@phinets/node/text";
import type { Seen } from "@phinets/node/threads";
import type { Frame, RawFrames, VideoWriter } from "@phinets/node/video";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { fraction, integer, oneOf } from "../terminal/options.js";
import { pixelRange } from "./data-options.js";
import { arithmetic, conf, maxDet, maxFrames, nmsIou, raw, tiles } from "./detection-options.js";
import { requireOwnTracks } from "./own-tracks.js";
import { groups, iou, json, model, out } from "./shared-options.js";

interface TrackOptions {
  readonly source?: string;
  readonly model?: string;
  readonly detections?: string;
  readonly out: string;
  readonly tracker: TrackerName;
  readonly maxAge?: number;
  readonly minHits?: number;
  readonly iou?: number;
  readonly highScore?: number;
  readonly firstId: number;
  readonly on: ModelOptions["on"];
  readonly conf?: number;
  readonly nmsIou?: number;
  readonly maxDet: number;
  readonly tiles?: Tiles;
  readonly video: boolean;
  readonly pixelRange?: PixelRange;
  readonly maxFrames?: number;
  readonly raw?: RawFrames;
}

const definition: VerbDefinition = {
  name: "track",
  description:
    "Tracks objects with SORT, or with a ByteTrack-style tracker that also uses boxes of low score, and writes MOTChallenge text. Boxes come from a trained network (--model) that runs on a video, a folder of frames, a camera (0), a stream (rtsp://, rtmp://, http://) or standard input (-), or from a MOTChallenge detection file (--detections). If there are frames, an annotated mp4 is written beside the text. Both files appear only when they are complete. Cameras and streams run until Ctrl-C or --max-frames, and what was tracked until then is kept.",
  arguments: [
    {
      name: "[source]",
      help: "video, folder of frames, MOTChallenge sequence, camera, stream, or - for standard input",
      completes: "path",
    },
  ],
  examples: [
    ["phinets track --model runs/detect/train clip.mp4 --out tracks.txt", "writes tracks.txt and tracks.mp4"],
    ["phinets track --detections det.txt --out tracks.txt --tracker bytetrack", "track boxes found by another tool"],
  ],
  options: [
    { flags: "--source <source>", help: "same as the argument", group: "Source", completes: "path" },
    vary(model, { required: false }),
    {
      flags: "--detections <file>",
      help: "MOTChallenge det.txt whose boxes are tracked, instead of a network's",
      group: "Source",
      completes: "path",
    },
    vary(out("file", "file for the tracks, as MOTChallenge text"), { required: true }),
    {
      flags: "--tracker <name>",
      help: "tracker",
      group: groups.matching,
      parse: oneOf("sort", "bytetrack"),
      default: "sort",
    },
    {
      flags: "--max-age <frames>",
      help: "frames that a track is kept after its last detection",
      group: groups.matching,
      parse: integer(0),
      usual: `sort ${sortDefaults.maxAge}, bytetrack ${byteTrackDefaults.maxAge}`,
    },
    {
      flags: "--min-hits <frames>",
      help: "sort: consecutive frames with a detection before a track is reported",
      group: groups.matching,
      parse: integer(0),
      usual: sortDefaults.minHits,
    },
    iou(
      "a track's predicted box and a detection",
      `sort ${sortDefaults.iouThreshold}, bytetrack ${byteTrackDefaults.iouThreshold}`,
    ),
    {
      flags: "--high-score <score>",
      help: "bytetrack: boxes with lower scores only continue existing tracks and start none",
      group: groups.matching,
      parse: fraction,
      usual: byteTrackDefaults.highScore,
    },
    {
      flags: "--first-id <n>",
      help: "id of the first track",
      group: groups.matching,
      parse: integer(1),
      default: sortDefaults.firstId,
    },
    arithmetic,
    vary(conf, { usual: `sort ${detectDefaults.threshold}, bytetrack ${byteTrackDefaults.lowScore}` }),
    nmsIou,
    maxDet,
    tiles,
    pixelRange,
    maxFrames,
    raw,
    { flags: "--no-video", help: "do not write the annotated mp4", group: "Output" },
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((source: string | undefined, options: TrackOptions) =>
    track(source ?? options.source, options, context),
  );
}

async function track(source: string | undefined, options: TrackOptions, context: Context): Promise<void> {
  const usage = (message: string) => new PhinetsError("cli.usage", message);
  if ((options.model === undefined) === (options.detections === undefined)) {
    throw usage("track needs one of --model RUN (with a video or a folder of frames) and --detections DET.txt");
  }
  if (options.model !== undefined && source === undefined)
    throw usage("track --model needs a video or a folder of frames");
  if (options.tracker === "bytetrack" && options.minHits !== undefined) {
    throw usage("--min-hits is only for --tracker sort; bytetrack reports a track from its second detection on");
  }
  if (options.tracker === "sort" && options.highScore !== undefined) {
    throw usage("--high-score is only for --tracker bytetrack; sort does not use scores");
  }
  if (extname(options.out).toLowerCase() === ".mp4")
    throw usage(`--out ${options.out} is the tracks' text, as tracks.txt; the mp4 is written beside it`);
  requireOwnTracks(options.out);
  const [{ ByteTracker, formatMotTracks, readMotDetections, Sort }, { LineFile }] = await Promise.all([
    import("@phinets/core/tracking"),
    import("@phinets/node/video"),
  ]);
  const model = options.model === undefined ? undefined : await loadDetector(options.model, options, context);
  const given =
    options.detections === undefined ? [] : readMotDetections(readText(options.detections), options.detections);
  const frameCount = Math.min(given.length, options.maxFrames ?? given.length);
  const { maxAge, minHits, iou: iouThreshold, highScore, conf: lowScore, firstId } = options;
  const tracker: Tracker =
    options.tracker === "sort"
      ? new Sort({ maxAge, minHits, iouThreshold, firstId })
      : new ByteTracker({ maxAge, iouThreshold, highScore, lowScore, firstId });
  const ids = new Set<number>();
  let frames = 0;
  // Tracks one frame, with the network's boxes where given, else with those of the detection file; a frame that could
  // not be read has none.
  const step = (found?: readonly TrackerBox[]): Track[] => {
    frames++;
    const shown = tracker.update(found ?? given[frames - 1] ?? []);
    for (const { id } of shown) ids.add(id);
    file.write(formatMotTracks(frames, shown));
    return shown;
  };
  const file = new LineFile(options.out);
  const start = performance.now();
  let video: Video | undefined;
  try {
    if (source !== undefined) {
      video = await trackFrames(source, model, options, context, (number, found) => {
        // Frames that could not be read: a detection file has their boxes. Without one the tracker skips them, because
        // an update without boxes would end or hide its tracks.
        while (frames < number - 1) {
          if (options.detections === undefined) frames++;
          else step();
        }
        return step(found);
      });
    }
    // A detection file may continue after the last picture, or come without pictures.
    while (frames < frameCount) step();
    if (frames === 0)
      throw new PhinetsError(
        "track.empty",
        `${options.detections ?? source}: no frames to track`,
        options.detections ?? source,
      );
    // Both files or neither: if the mp4 cannot be completed, no text remains that looks complete.
    await video?.writer?.close();
  } catch (error) {
    file.abort();
    await video?.writer?.abort();
    throw error;
  }
  file.close();
  const elapsedMs = performance.now() - start;
  const framesPerSecond = Number(((1000 * frames) / elapsedMs).toFixed(2));
  if (video?.stream && context.json) return; // the frames' lines are the answer
  const videoFile = video?.writer?.path;
  context.result({ frames, tracks: ids.size, framesPerSecond, out: options.out, video: videoFile }, () => {
    const written = videoFile ? `${options.out} and ${videoFile}` : options.out;
    return `${ids.size} tracks in ${frames} frames, ${formatMs(elapsedMs)} (${framesPerSecond} frames/s); written to ${written}`;
  });
}

interface Video {
  /** Not closed yet. */
  readonly writer?: VideoWriter;
  readonly stream: boolean;
}

/**
 * Runs `step` on every frame, with the detections of `model`, and draws the tracks. A stream's frames are printed as
 * they come.
 */
async function trackFrames(
  source: string,
  model: Model | undefined,
  options: TrackOptions,
  context: Context,
  step: (number: number, found: readonly TrackerBox[] | undefined) => Track[],
): Promise<Video> {
  const [{ ClipSize, framesOf, VideoWriter }, { TrackPainter }, { ModelThreads }] = await Promise.all([
    import("@phinets/node/video"),
    import("@phinets/node/picture"),
    import("@phinets/node/threads"),
  ]);
  const names = model?.classes ?? [];
  const { maxFrames, pixelRange, raw } = options;
  let note = context.note;
  const onNote = (line: string) => note(line);
  const found = await framesOf(source, { signal: context.signal, maxFrames, pixelRange, raw, onNote });
  const { count = 0, framesPerSecond, live, stream } = found;
  const threads = model && new ModelThreads(model);
  const frames: AsyncIterable<Frame & Partial<Seen>> = threads?.frames(found) ?? found.frames;
  const path = `${options.out.slice(0, options.out.length - extname(options.out).length)}.mp4`;
  const painter = new TrackPainter(names);
  const size = new ClipSize(onNote);
  // A stream's lines already show its progress.
  const progress = stream ? undefined : context.progress({ label: "tracking", total: count, unit: "frames" });
  if (progress) note = (line) => progress.log(visible(line));
  let writer: VideoWriter | undefined;
  let failed = true;
  try {
    for await (const { number, picture, prediction } of frames) {
      const inClip = size.frame(picture, number);
      const boxes = prediction?.boxes?.map((box) => size.box(cornersOf(box), picture));
      const tracks = step(number, boxes);
      if (options.video) {
        const painted = painter.paint(inClip, tracks);
        const { width, height } = painted;
        writer ??= await VideoWriter.open(path, { width, height, framesPerSecond, wallClock: live });
        await writer.write(painted);
      }
      progress?.update(number, `${tracks.length} in view`);
      if (stream)
        context.stdout.write(context.json ? jsonLine(number, tracks, names) : `${number}  ${tracks.length} in view\n`);
    }
    failed = false;
  } finally {
    progress?.stop();
    await threads?.dispose();
    if (failed) await writer?.abort();
  }
  return { writer, stream };
}

function cornersOf({ x, y, width, height, score, class: index }: NamedDetection): TrackerBox {
  return { x1: x, y1: y, x2: x + width, y2: y + height, score, class: index };
}

function jsonLine(frame: number, tracks: readonly Track[], names: readonly string[]): string {
  const shown = tracks.map(({ id, x1, y1, x2, y2, class: index }) => ({
    id,
    x: x1,
    y: y1,
    width: x2 - x1,
    height: y2 - y1,
    ...(index !== undefined && { class: index, name: names[index] }),
  }));
  return `${JSON.stringify({ frame, tracks: shown })}\n`;
}

async function loadDetector(
  model: string,
  {
    tracker,
    on: asked,
    conf = tracker === "sort" ? detectDefaults.threshold : byteTrackDefaults.lowScore,
    nmsIou,
    maxDet,
    tiles,
  }: TrackOptions,
  context: Context,
): Promise<Model> {
  const { chooseArithmetic, loadRun, openModel } = await import("@phinets/node/run");
  const run = loadRun(model);
  const on = chooseArithmetic(run, asked, context.note);
  const opened = await openModel(run, { on, conf, iou: nmsIou, maxDet, tiles });
  if (opened.task !== "detect") {
    throw new PhinetsError("track.model", `${model}: the network is a classifier; tracking needs a detector`, model);
  }
  return opened;
}

function readText(file: string): string {
  if (!existsSync(file)) throw new PhinetsError("track.detections", `${file}: no such detection file`, file);
  return Buffer.from(readRegularSync(file, { most: mostTextBytes })).toString("utf8");
}
