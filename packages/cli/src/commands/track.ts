/** `phinets track`: detections of a network, or of a file, joined to tracks by SORT or a ByteTrack-style tracker. */
import { existsSync } from "node:fs";
import { extname } from "node:path";
import { mostTextBytes, type Picture } from "@phinets/core/data";
import type { Model, ModelOptions, Tiles } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import type { Track, Tracker, TrackerBox, TrackerName } from "@phinets/core/tracking";
import { readRegularSync } from "@phinets/node/host";
import { type PixelRange, parsePixelRange, parseTiles } from "@phinets/node/picture";
import { formatMs, visible } from "@phinets/node/text";
import { type ClipSize, parseRawFrames, type RawFrames, type VideoWriter } from "@phinets/node/video";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { fraction, integer, oneOf } from "../terminal/options.js";

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
  readonly nmsIou: number;
  readonly maxDet: number;
  readonly tiles?: Tiles;
  readonly video: boolean;
  readonly pixelRange?: PixelRange;
  readonly maxFrames?: number;
  readonly raw?: RawFrames;
}

export function register(program: Command, context: Context): void {
  program
    .command("track")
    .summary("follow objects through a video, a camera or a stream, or join given detections to tracks")
    .description(
      "Follows objects with SORT, or with a tracker in the manner of ByteTrack that also uses boxes of low score, and writes MOTChallenge text. Boxes come from a trained network (--model, on a video, a folder of frames, a camera (0), a stream (rtsp://, rtmp://, http://) or standard input (-)) or from a MOTChallenge detection file (--detections). With frames at hand an annotated mp4 is written beside the text. Both files take their names when they are whole; cameras and streams run until Ctrl-C, or --max-frames, and keep what they have.",
    )
    .argument("[source]", "video, folder of frames, MOTChallenge sequence, camera, stream or -")
    .option("--source <source>", "the same, by name")
    .option("--model <run>", "run folder, or a weights file in one")
    .option("--detections <file>", "MOTChallenge det.txt to track instead of a network's boxes")
    .requiredOption("--out <file>", "where the tracks go")
    .option("--tracker <name>", "sort or bytetrack", oneOf("sort", "bytetrack"), "sort")
    .option(
      "--max-age <frames>",
      "frames that a track outlives its last detection (default: sort 1, bytetrack 30)",
      integer(0),
    )
    .option("--min-hits <frames>", "sort: frames in a row before a track is shown (default: 3)", integer(0))
    .option("--iou <overlap>", "least overlap of prediction and detection (default: sort 0.3, bytetrack 0.2)", fraction)
    .option("--high-score <score>", "bytetrack: boxes of less only keep known tracks (default: 0.5)", fraction)
    .option("--first-id <n>", "id of the first track", integer(1), 1)
    .option(
      "--on <arithmetic>",
      "int8 (what the firmware computes) or float (default: int8; float before the run is quantised)",
      oneOf("int8", "float"),
    )
    .option("--conf <score>", "least score of a box (default: sort 0.25, bytetrack 0.1)", fraction)
    .option("--nms-iou <overlap>", "boxes of a class that overlap more are one", fraction, 0.45)
    .option("--max-det <n>", "most boxes a frame", integer(1), 100)
    .option(
      "--tiles <columnsxrows>",
      "also look at overlapping parts, as 2x2: for small objects (default: off)",
      parseTiles,
    )
    .option("--pixel-range <low..high>", "pixel values that become 0 and 255, for deep pictures", parsePixelRange)
    .option("--max-frames <n>", "most frames that are tracked", integer(1))
    .option("--raw <widthxheight:format@fps>", "standard input is raw frames, as 640x480:bgr24@30", parseRawFrames)
    .option("--no-video", "do not write the annotated mp4")
    .action((source: string | undefined, options: TrackOptions) => track(source ?? options.source, options, context));
}

/** Where a frame's boxes come from, given its picture (when there is one) and number from 1. */
type BoxSource = (picture: Picture | undefined, frame: number) => readonly TrackerBox[];

async function track(source: string | undefined, options: TrackOptions, context: Context): Promise<void> {
  const usage = (message: string) => new PhinetsError("cli.usage", message);
  if ((options.model === undefined) === (options.detections === undefined)) {
    throw usage("track needs one of --model RUN (with a video or a folder of frames) and --detections DET.txt");
  }
  if (options.model !== undefined && source === undefined)
    throw usage("track --model needs a video or a folder of frames");
  if (options.tracker === "bytetrack" && options.minHits !== undefined) {
    throw usage("--min-hits is of --tracker sort; bytetrack shows a track from its second find on");
  }
  if (options.tracker === "sort" && options.highScore !== undefined) {
    throw usage("--high-score is of --tracker bytetrack; sort does not look at scores");
  }
  if (extname(options.out).toLowerCase() === ".mp4")
    throw usage(`--out ${options.out} is the tracks' text, as tracks.txt; the mp4 is written beside it`);
  const [{ ByteTracker, formatMotTracks, readMotDetections, Sort }, { LineFile }] = await Promise.all([
    import("@phinets/core/tracking"),
    import("@phinets/node/video"),
  ]);
  let boxesOf: BoxSource;
  let frameCount = 0;
  let names: readonly string[] = [];
  if (options.model !== undefined) {
    const model = await loadDetector(options.model, options, context);
    names = model.classes;
    boxesOf = (picture) =>
      (picture ? model.detect(picture) : []).map(({ x, y, width, height, score, class: index }) => ({
        x1: x,
        y1: y,
        x2: x + width,
        y2: y + height,
        score,
        class: index,
      }));
  } else {
    const detections = readMotDetections(readText(options.detections!), options.detections);
    frameCount = Math.min(detections.length, options.maxFrames ?? detections.length);
    boxesOf = (_, frame) => detections[frame - 1] ?? [];
  }
  const { maxAge, minHits, iou: iouThreshold, highScore, conf: lowScore, firstId } = options;
  const tracker: Tracker =
    options.tracker === "sort"
      ? new Sort({ maxAge, minHits, iouThreshold, firstId })
      : new ByteTracker({ maxAge, iouThreshold, highScore, lowScore, firstId });
  const ids = new Set<number>();
  let frames = 0;
  // Of a picture and its size in the clip; without one the frame could not be read, or there are no pictures.
  const step = (picture?: Picture, size?: ClipSize): Track[] => {
    frames++;
    const boxes = boxesOf(picture, frames);
    const inClip = picture && size && options.model !== undefined ? boxes.map((box) => size.box(box, picture)) : boxes;
    const shown = tracker.update(inClip);
    for (const { id } of shown) ids.add(id);
    file.write(formatMotTracks(frames, shown));
    return shown;
  };
  const file = new LineFile(options.out);
  const start = performance.now();
  let video: Video | undefined;
  try {
    if (source !== undefined) {
      video = await trackFrames(source, names, options, context, (picture, number, size) => {
        // A frame that could not be read: a detection file has its boxes; else the tracker does not see that it is
        // missing, as one without boxes would end or hide its tracks.
        while (frames < number - 1) {
          if (options.detections === undefined) frames++;
          else step();
        }
        return step(picture, size);
      });
    }
    // A detection file may go on after its last picture; without pictures it is all there is.
    while (frames < frameCount) step();
    if (frames === 0)
      throw new PhinetsError(
        "track.empty",
        `${options.detections ?? source}: no frames to track`,
        options.detections ?? source,
      );
    // Whole, or not there: an mp4 that cannot be finished leaves no text that looks like all of it.
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

/** Runs `step` on every frame, drawing as it goes. A stream's frames are printed as they come. */
async function trackFrames(
  source: string,
  names: readonly string[],
  options: TrackOptions,
  context: Context,
  step: (picture: Picture, number: number, size: ClipSize) => Track[],
): Promise<Video> {
  const [{ ClipSize, framesOf, VideoWriter }, { TrackPainter }] = await Promise.all([
    import("@phinets/node/video"),
    import("@phinets/node/picture"),
  ]);
  const { maxFrames, pixelRange, raw } = options;
  let note = context.note;
  const onNote = (line: string) => note(line);
  const found = await framesOf(source, { signal: context.signal, maxFrames, pixelRange, raw, onNote });
  const { count = 0, framesPerSecond, frames, live, stream } = found;
  const path = `${options.out.slice(0, options.out.length - extname(options.out).length)}.mp4`;
  const painter = new TrackPainter(names);
  const size = new ClipSize(onNote);
  // A stream's lines are its progress.
  const progress = stream ? undefined : context.progress({ label: "tracking", total: count, unit: "frames" });
  if (progress) note = (line) => progress.log(visible(line));
  let writer: VideoWriter | undefined;
  let failed = true;
  try {
    for await (const { number, picture } of frames) {
      const inClip = size.frame(picture, number);
      const tracks = step(picture, number, size);
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
    if (failed) await writer?.abort();
  }
  return { writer, stream };
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
  { tracker, on: asked, conf = tracker === "sort" ? 0.25 : 0.1, nmsIou, maxDet, tiles }: TrackOptions,
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
