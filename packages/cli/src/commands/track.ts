/** `phinets track`: detections of a network, or of a file, joined to tracks by SORT or a ByteTrack-style tracker. */
import { existsSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import type { Track, Tracker, TrackerBox, TrackerName } from "@phinets/core/tracking";
import type { Command } from "commander";
import type { Detector, DetectorOptions } from "../picture/detect.js";
import { parseTiles, type Tiles } from "../picture/tiles.js";
import type { Context } from "../terminal/context.js";
import { formatMs } from "../terminal/format.js";
import { fraction, integer, oneOf } from "../terminal/options.js";
import type { VideoWriter } from "../video/encode.js";

interface TrackOptions {
  readonly model?: string;
  readonly detections?: string;
  readonly out: string;
  readonly tracker: TrackerName;
  readonly maxAge?: number;
  readonly minHits?: number;
  readonly iou?: number;
  readonly highScore?: number;
  readonly firstId: number;
  readonly on: DetectorOptions["on"];
  readonly conf?: number;
  readonly nmsIou: number;
  readonly maxDet: number;
  readonly tiles?: Tiles;
  readonly video: boolean;
}

export function register(program: Command, context: Context): void {
  program
    .command("track")
    .summary("follow objects through a video, or join given detections to tracks")
    .description(
      "Follows objects with SORT, or with a tracker in the manner of ByteTrack that also uses boxes of low score, and writes MOTChallenge text. Boxes come from a trained network (--model, on a video or a folder of frames) or from a MOTChallenge detection file (--detections). With frames at hand an annotated mp4 is written beside the text.",
    )
    .argument("[source]", "video, folder of frames, or MOTChallenge sequence")
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
    .option("--on <arithmetic>", "int8 (what the firmware computes) or float", oneOf("int8", "float"), "int8")
    .option("--conf <score>", "least score of a box (default: sort 0.25, bytetrack 0.1)", fraction)
    .option("--nms-iou <overlap>", "boxes of a class that overlap more are one", fraction, 0.45)
    .option("--max-det <n>", "most boxes a frame", integer(1), 100)
    .option(
      "--tiles <columnsxrows>",
      "also look at overlapping parts, as 2x2: for small objects (default: off)",
      parseTiles,
    )
    .option("--no-video", "do not write the annotated mp4")
    .action((source: string | undefined, options: TrackOptions) => track(source, options, context));
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
  const [{ ByteTracker, formatMotTracks, readMotDetections, Sort }, { writeFileAtomic }] = await Promise.all([
    import("@phinets/core/tracking"),
    import("../run/atomic.js"),
  ]);
  let boxesOf: BoxSource;
  let frameCount = 0;
  let names: readonly string[] = [];
  if (options.model !== undefined) {
    const detector = await loadDetector(options.model, options);
    names = detector.classNames;
    boxesOf = (picture) =>
      detector.detect(picture!).map(({ x, y, width, height, score, class: index }) => ({
        x1: x,
        y1: y,
        x2: x + width,
        y2: y + height,
        score,
        class: index,
      }));
  } else {
    const detections = readMotDetections(readText(options.detections!), options.detections);
    frameCount = detections.length;
    boxesOf = (_, frame) => detections[frame - 1] ?? [];
  }
  const { maxAge, minHits, iou: iouThreshold, highScore, conf: lowScore, firstId } = options;
  const tracker: Tracker =
    options.tracker === "sort"
      ? new Sort({ maxAge, minHits, iouThreshold, firstId })
      : new ByteTracker({ maxAge, iouThreshold, highScore, lowScore, firstId });
  const ids = new Set<number>();
  let text = "";
  let frames = 0;
  const step = (picture: Picture | undefined): Track[] => {
    frames++;
    const shown = tracker.update(boxesOf(picture, frames));
    for (const { id } of shown) ids.add(id);
    text += formatMotTracks(frames, shown);
    return shown;
  };
  const start = performance.now();
  let videoFile: string | undefined;
  try {
    if (source !== undefined) videoFile = await trackFrames(source, step, names, options, context);
    // A detection file may go on after its last picture; without pictures it is all there is.
    while (frames < frameCount) step(undefined);
  } finally {
    // Interrupted or failed half-way: the frames that are done are kept.
    if (frames > 0) writeFileAtomic(options.out, text);
  }
  const elapsedMs = performance.now() - start;
  if (frames === 0)
    throw new PhinetsError(
      "track.empty",
      `${options.detections ?? source}: no frames to track`,
      options.detections ?? source,
    );
  const framesPerSecond = Number(((1000 * frames) / elapsedMs).toFixed(2));
  context.result({ frames, tracks: ids.size, framesPerSecond, out: options.out, video: videoFile }, () => {
    const written = videoFile ? `${options.out} and ${videoFile}` : options.out;
    return `${ids.size} tracks in ${frames} frames, ${formatMs(elapsedMs)} (${framesPerSecond} frames/s); written to ${written}`;
  });
}

/** Runs `step` on every frame, drawing as it goes; returns the mp4's path. */
async function trackFrames(
  source: string,
  step: (picture: Picture) => Track[],
  names: readonly string[],
  options: TrackOptions,
  context: Context,
): Promise<string | undefined> {
  const [{ framesOf, VideoWriter }, { TrackPainter }] = await Promise.all([
    import("../video/index.js"),
    import("../picture/index.js"),
  ]);
  const { count = 0, framesPerSecond, frames } = await framesOf(source, context.signal);
  const path = `${options.out.slice(0, options.out.length - extname(options.out).length)}.mp4`;
  const painter = new TrackPainter(names);
  const progress = context.progress({ label: "tracking", total: count, unit: "frames" });
  let writer: VideoWriter | undefined;
  let failed = true;
  try {
    for await (const { number, picture } of frames) {
      const tracks = step(picture);
      if (options.video) {
        const painted = painter.paint(picture, tracks);
        const { width, height } = painted;
        writer ??= await VideoWriter.open(path, { width, height, framesPerSecond });
        await writer.write(painted);
      }
      progress.update(number, `${tracks.length} in view`);
    }
    failed = false;
  } finally {
    progress.stop();
    // Ctrl-C keeps the video up to here, as it keeps the text.
    if (!failed || context.signal.aborted) await writer?.close();
    else await writer?.abort();
  }
  return writer && path;
}

async function loadDetector(
  model: string,
  { tracker, on, conf = tracker === "sort" ? 0.25 : 0.1, nmsIou, maxDet, tiles }: TrackOptions,
): Promise<Detector> {
  const [{ loadRun }, { Detector }] = await Promise.all([import("../run/index.js"), import("../picture/index.js")]);
  const detector = new Detector(loadRun(model), { on, conf, iou: nmsIou, maxDet, tiles });
  if (detector.task !== "detect") {
    throw new PhinetsError("track.model", `${model}: the network is a classifier; tracking needs a detector`, model);
  }
  return detector;
}

function readText(file: string): string {
  if (!existsSync(file)) throw new PhinetsError("track.detections", `${file}: no such detection file`, file);
  return readFileSync(file, "utf8");
}
