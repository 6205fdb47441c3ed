/** `phinets predict`: what a run's network sees in a picture, a folder of pictures or a video. */
import { existsSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import type { Picture } from "@phinets/core/data";
import type { Detection } from "@phinets/core/detection";
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import type { ClassScore, Detector, DetectorOptions } from "../picture/detect.js";
import { parseTiles } from "../picture/tiles.js";
import type { Context } from "../terminal/context.js";
import { formatMs } from "../terminal/format.js";
import { fraction, integer, oneOf } from "../terminal/options.js";
import type { VideoWriter } from "../video/encode.js";

interface PredictOptions extends DetectorOptions {
  readonly model: string;
  readonly project: string;
  readonly name?: string;
  readonly existOk?: boolean;
  readonly save: boolean;
}

/** One picture or frame, as `--json` prints it and predictions.json keeps it. */
interface PredictRecord {
  readonly file: string;
  /** Video frames only, from 1. */
  readonly frame?: number;
  readonly boxes?: readonly (Detection & { readonly name: string })[];
  /** The five most probable, best first. */
  readonly classes?: readonly (ClassScore & { readonly name: string })[];
  /** Why there is neither. */
  readonly error?: string;
}

export function register(program: Command, context: Context): void {
  program
    .command("predict")
    .summary("show what a trained network sees in pictures or a video")
    .description(
      "Runs a trained network on a picture, a folder of pictures or a video, and writes annotated pictures (or an mp4) and predictions.json into runs/predict/NAME.",
    )
    .argument("<source>", "picture, folder of pictures, or video")
    .requiredOption("--model <run>", "run folder, or a weights file in one")
    .option("--on <arithmetic>", "int8 (what the firmware computes) or float", oneOf("int8", "float"), "int8")
    .option("--conf <score>", "least score of a box", fraction, 0.25)
    .option("--iou <overlap>", "boxes of a class that overlap more are one", fraction, 0.45)
    .option("--max-det <n>", "most boxes a picture", integer(1), 100)
    .option(
      "--tiles <columnsxrows>",
      "also look at overlapping parts, as 2x2: for small objects (default: off)",
      parseTiles,
    )
    .option("--project <folder>", "folder of runs", "runs")
    .option("--name <name>", "name of the output folder (default: predict, predict2, ...)")
    .option("--exist-ok", "write into an existing output folder")
    .option("--no-save", "write nothing, only print")
    .action((source: string, options: PredictOptions) => predict(source, options, context));
}

async function predict(source: string, options: PredictOptions, context: Context): Promise<void> {
  const [{ loadRun, createRunFolder, writeFileAtomic }, { Detector, isPictureFile }] = await Promise.all([
    import("../run/index.js"),
    import("../picture/index.js"),
  ]);
  if (!existsSync(source))
    throw new PhinetsError("predict.source", `${source}: no such picture, folder or video`, source);
  const detector = new Detector(loadRun(options.model), options);
  const { project, name, existOk } = options;
  const folder = options.save
    ? createRunFolder({ project, task: "predict", name, defaultName: "predict", existOk })
    : undefined;
  const video = statSync(source).isFile() && !isPictureFile(source);
  const start = performance.now();
  const records = await (video ? predictVideo : predictPictures)(source, detector, folder, context);
  const elapsedMs = performance.now() - start;
  if (folder) writeFileAtomic(join(folder, "predictions.json"), `${JSON.stringify(records, undefined, 1)}\n`);
  context.result(records, () => {
    const lines = video ? [] : records.map((record) => `${record.file}  ${summarize(record)}`);
    const rate = `${records.length} ${video ? "frames" : records.length === 1 ? "picture" : "pictures"} in ${formatMs(elapsedMs)}, ${detector.on}`;
    return [...lines, folder ? `${rate}; written to ${folder}` : rate].join("\n");
  });
}

async function predictPictures(source: string, detector: Detector, folder: string | undefined, context: Context) {
  const { listPictures, readPicture, savePicture, pictureExtensions } = await import("../picture/index.js");
  const single = statSync(source).isFile();
  const files = single ? [source] : listPictures(source);
  if (files.length === 0) {
    throw new PhinetsError(
      "predict.source",
      `${source}: no pictures (${pictureExtensions.join(" ")}) in the folder`,
      source,
    );
  }
  const records: PredictRecord[] = [];
  const progress = context.progress({ label: "predicting", total: files.length, unit: "pictures" });
  try {
    for (const [i, file] of files.entries()) {
      context.signal.throwIfAborted();
      try {
        const picture = await readPicture(file);
        const record = { file, ...look(detector, picture) };
        records.push(record);
        // a.png and a.jpg of one folder get pictures of their own
        if (folder) await savePicture(join(folder, outputName(file, files)), await annotate(picture, record));
      } catch (error) {
        // In a folder one bad picture does not end the others' turn; alone it is the error.
        if (single || !(error instanceof PhinetsError) || error.path !== file) throw error;
        progress.log(`skipped: ${error.message}`);
        records.push({ file, error: error.message });
      }
      if (!single) progress.update(i + 1);
    }
  } finally {
    progress.stop();
  }
  return records;
}

function outputName(file: string, files: readonly string[]): string {
  const stem = (path: string) => basename(path, extname(path));
  const alone = files.filter((other) => stem(other) === stem(file)).length === 1;
  const png = extname(file).toLowerCase() === ".png";
  return `${alone ? stem(file) : basename(file).replaceAll(".", "_")}${png ? ".png" : ".jpg"}`;
}

async function predictVideo(source: string, detector: Detector, folder: string | undefined, context: Context) {
  const { framesOf, VideoWriter } = await import("../video/index.js");
  const { count = 0, framesPerSecond, frames } = await framesOf(source, context.signal);
  const records: PredictRecord[] = [];
  const progress = context.progress({ label: "predicting", total: count, unit: "frames" });
  let writer: VideoWriter | undefined;
  try {
    for await (const { number, picture } of frames) {
      const record = { file: source, frame: number, ...look(detector, picture) };
      records.push(record);
      if (folder) {
        const { width, height } = picture;
        const path = join(folder, `${basename(source, extname(source))}.mp4`);
        writer ??= await VideoWriter.open(path, { width, height, framesPerSecond });
        await writer.write(await annotate(picture, record));
      }
      progress.update(number);
    }
    await writer?.close();
    return records;
  } catch (error) {
    await writer?.abort();
    throw error;
  } finally {
    progress.stop();
  }
}

function look(detector: Detector, picture: Picture): Pick<PredictRecord, "boxes" | "classes"> {
  const named = <T extends { class: number }>(found: T) => ({ ...found, name: detector.classNames[found.class] });
  if (detector.task === "detect") return { boxes: detector.detect(picture).map(named) };
  return { classes: detector.classify(picture).slice(0, 5).map(named) };
}

async function annotate(picture: Picture, { boxes, classes }: PredictRecord): Promise<Picture> {
  const { Canvas, colourOf } = await import("../picture/index.js");
  const canvas = new Canvas(picture);
  const mark = (box: Detection & { readonly name: string }) => ({
    ...box,
    colour: colourOf(box.class),
    label: `${box.name} ${box.score.toFixed(2)}`,
  });
  // The best boxes are drawn last, over the others.
  canvas.marks((boxes ?? []).map(mark).reverse());
  const [best] = classes ?? [];
  if (best) canvas.tag(`${best.name} ${best.score.toFixed(2)}`, 0, 0, colourOf(best.class));
  return canvas;
}

/** "2 person, 1 dog", "seven 0.98" or what went wrong. */
function summarize({ boxes, classes, error }: PredictRecord): string {
  if (classes) return `${classes[0].name} ${classes[0].score.toFixed(2)}`;
  if (!boxes) return error ?? "";
  const counts = new Map<string, number>();
  for (const { name } of boxes) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`).join(", ") || "nothing";
}
