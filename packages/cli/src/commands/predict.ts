/** `phinets predict`: runs a run's network on pictures, videos, a camera or a stream. */
import { join } from "node:path";
import type { Model, ModelOptions } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import type { SaveFormat } from "@phinets/node/dataset";
import type { PixelRange } from "@phinets/node/picture";
import type { Run } from "@phinets/node/run";
import { formatMs, visible } from "@phinets/node/text";
import type { ModelThreads } from "@phinets/node/threads";
import type { RawFrames, VideoWriter } from "@phinets/node/video";
import type { QueuedPredictions } from "@phinets/queue";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { pixelRange } from "./data-options.js";
import { arithmetic, conf, maxDet, maxFrames, nmsIou, raw, saveJson, saveTxt, tiles } from "./detection-options.js";
import { annotate, type Item, keptClasses, lookAt, readItems, recordOf } from "./predict-pictures.js";
import type { PredictRecord } from "./predict-records.js";
import { checkQueueOptions, type QueueOptions, queueOptions, queueRequestOf, storeOf } from "./queue-options.js";
import { existOk, json, model, name, project } from "./shared-options.js";
import { requirePictureInput, tensor } from "./tensor-input.js";

interface PredictOptions extends ModelOptions, QueueOptions {
  readonly source?: readonly string[];
  readonly model: string;
  readonly nmsIou?: number;
  readonly project: string;
  readonly name?: string;
  readonly existOk?: boolean;
  /** False: write nothing; a text: further formats to write. */
  readonly save?: string | false;
  readonly saveTxt?: boolean;
  readonly saveJson?: boolean;
  readonly pixelRange?: PixelRange;
  readonly maxFrames?: number;
  readonly raw?: RawFrames;
  readonly tensor?: string;
}

const definition: VerbDefinition = {
  name: "predict",
  description:
    "Runs a trained network on pictures, folders of pictures, videos, patterns such as 'pics/*.jpg', a camera (0), a stream (rtsp://, rtmp://, http://) or standard input (-). Writes annotated pictures (or an mp4) and predictions.json into runs/predict/NAME. Cameras and streams run until Ctrl-C or --max-frames, with one line per frame in predictions.jsonl.",
  arguments: [
    {
      name: "[source...]",
      help: "pictures, folders of pictures and videos; or one camera, one stream, or - for standard input",
      completes: "path",
    },
  ],
  examples: [
    ["phinets predict --model runs/detect/train pictures", "annotated pictures and predictions.json"],
    ["phinets predict --model runs/detect/train 0 --conf 0.5", "a camera, until Ctrl-C"],
    ["phinets predict --model runs/detect/train clip.mp4 --save coco --tiles 2x2", "small objects; also COCO results"],
    ["phinets predict --model RUN pictures --queue redis://hub --serve hub:8470", "on the workers of a queue"],
  ],
  options: [
    { flags: "--source <source>", help: "same as the argument", group: "Source", repeatable: true, completes: "path" },
    model,
    arithmetic,
    conf,
    nmsIou,
    vary(nmsIou, { flags: "--iou <overlap>", help: "same as --nms-iou" }),
    maxDet,
    tiles,
    pixelRange,
    maxFrames,
    raw,
    tensor,
    project,
    name("predict, predict2, ..."),
    existOk,
    {
      flags: "--save <formats>",
      help: "also write the boxes for other tools: coco, yolo, voc, csv, labelme",
      group: "Output",
    },
    { flags: "--no-save", help: "only print results, write no files", group: "Output" },
    saveTxt,
    saveJson,
    ...queueOptions,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (sources: readonly string[], options: PredictOptions) => {
    const { tensor: file } = options;
    if (file === undefined) return predict(sources, { ...options, iou: options.nmsIou ?? options.iou }, context);
    if (sources.length > 0) throw new PhinetsError("cli.usage", "--tensor has the inputs; leave the other sources out");
    if (options.queue !== undefined)
      throw new PhinetsError("cli.usage", "--queue is only for pictures; leave it out with --tensor");
    const { predictTensors } = await import("./predict-tensors.js");
    return predictTensors({ ...options, tensor: file }, context);
  });
}

/** What the processing of every source needs. */
interface Job {
  readonly run: Run;
  readonly model: Model;
  readonly threads: ModelThreads;
  readonly folder: string | undefined;
  readonly options: PredictOptions;
  readonly context: Context;
}

async function predict(words: readonly string[], options: PredictOptions, context: Context): Promise<void> {
  const [
    { chooseArithmetic, createRunFolder, loadRun, openModel, removeIfEmpty },
    { expandSources, isStream },
    { ModelThreads },
  ] = await Promise.all([
    import("@phinets/node/run"),
    import("@phinets/node/picture"),
    import("@phinets/node/threads"),
  ]);
  const asked = [...words, ...(options.source ?? [])];
  if (asked.length === 0) {
    throw new PhinetsError(
      "cli.usage",
      "predict needs a source: pictures, a folder, a video, a camera (0), a URL or -",
    );
  }
  const sources = await expandSources(asked);
  const stream = sources.find(isStream);
  if (stream !== undefined && sources.length > 1) {
    throw new PhinetsError("cli.usage", `${stream} is a stream, and a stream is predicted alone; give one source`);
  }
  if (options.raw && stream !== "-")
    throw new PhinetsError("cli.usage", "--raw is only for frames on standard input; give - as the source");
  checkQueueOptions(options);
  if (options.queue !== undefined && stream !== undefined)
    throw new PhinetsError("cli.usage", `--queue is only for pictures, and ${stream} is a stream; leave it out`);
  const run = loadRun(options.model);
  requirePictureInput(run.network, asked[0]);
  const on = chooseArithmetic(run, options.on, context.note);
  const model = await openModel(run, { ...options, on });
  const formats = await formatsOf(options, model, stream);
  const { project, name, existOk } = options;
  const folder =
    options.save === false || options.save === "false"
      ? undefined
      : createRunFolder({ project, task: "predict", name, defaultName: "predict", existOk });
  const threads = new ModelThreads(model);
  const job = { run, model, threads, folder, options, context };
  try {
    if (stream !== undefined) await predictStream(stream, job);
    else await predictFiles(sources, formats, job);
  } catch (error) {
    if (folder) removeIfEmpty(folder);
    throw error;
  } finally {
    await threads.dispose();
  }
}

/**
 * The formats of --save by name or short name. Throws for a classifier and for a stream, which cannot be saved in them.
 */
async function formatsOf(options: PredictOptions, model: Model, stream: string | undefined): Promise<SaveFormat[]> {
  const { save, saveTxt, saveJson } = options;
  const usage = (message: string) => new PhinetsError("cli.usage", message);
  const words = [
    ...(typeof save === "string" && !/^(?:true|false)$/.test(save) ? [save] : []),
    ...(saveTxt ? ["yolo"] : []),
    ...(saveJson ? ["coco"] : []),
  ];
  if (words.length === 0) return [];
  const { parseSave } = await import("@phinets/node/dataset");
  const formats = parseSave(words.join(","));
  if (save === false || save === "false") throw usage("--no-save writes nothing, so it does not go with --save");
  if (model.task !== "detect") throw usage(`--save ${formats.join(",")} writes boxes, and the network is a classifier`);
  if (stream !== undefined)
    throw usage(
      `--save ${formats.join(",")} is only for pictures and videos; a stream's boxes are in predictions.jsonl`,
    );
  return formats;
}

async function predictFiles(sources: readonly string[], formats: readonly SaveFormat[], job: Job): Promise<void> {
  const { context, folder, model, threads } = job;
  const [{ listPictures, outputNames, pictureExtensions }, { sourceKind }, { PredictionsFile }] = await Promise.all([
    import("@phinets/node/picture"),
    import("@phinets/node/video"),
    import("./predict-records.js"),
  ]);
  const items: Item[] = [];
  for (const source of sources) {
    const kind = await sourceKind(source);
    if (kind !== "folder") {
      items.push({ file: source, clip: kind === "clip", named: true });
      continue;
    }
    const files = listPictures(source);
    if (files.length === 0) {
      throw new PhinetsError(
        "predict.source",
        `${source}: no pictures (${pictureExtensions.join(" ")}) in the folder`,
        source,
      );
    }
    for (const file of files) items.push({ file, clip: false, named: false });
  }
  const names = outputNames(items.map(({ file }) => file));
  const alone = items.length === 1 && items[0].named;
  const pictures = items.filter(({ clip }) => !clip).length;
  // Keep only records that will be needed: very many pictures would fill the memory.
  const kept: PredictRecord[] = [];
  const lines: string[] = [];
  let [stills, frames, good] = [0, 0, 0];
  const file = folder === undefined ? undefined : new PredictionsFile(folder);
  const take = (record: PredictRecord) => {
    file?.add(record);
    if (context.json || (formats.length > 0 && record.boxes)) kept.push(record);
    if (record.error === undefined) good++;
    if (record.frame !== undefined) frames++;
    else {
      stills++;
      if (!context.json) lines.push(`${visible(record.file)}  ${visible(summarize(record))}`);
    }
  };
  const start = performance.now();
  const progress =
    pictures > 0 ? context.progress({ label: "predicting", total: pictures, unit: "pictures" }) : undefined;
  const log = (line: string) => (progress ? progress.log(visible(line)) : context.note(line));
  let hinted = false;
  const onHint = (hint: string) => {
    if (!hinted) log(hint);
    hinted = true; // once is enough: the other pictures are similar
  };
  let done = 0;
  let whole = false;
  let queued: QueuedPredictions | undefined;
  try {
    const { pixelRange } = job.options;
    queued = job.options.queue === undefined ? undefined : await askQueue(items, job);
    const read = readItems(items, {
      ...{ names, pixelRange, onHint, queued, signal: context.signal },
      wantsHint: () => !hinted,
      draws: folder !== undefined,
    });
    for await (const { item, name, record, error } of threads.inOrder(read, (one) => lookAt(one, threads, folder))) {
      context.signal.throwIfAborted();
      try {
        if (error !== undefined) throw error;
        if (record) take(record);
        else await eachFrame(item.file, name, job, take);
      } catch (error) {
        // A bad picture among several is skipped; a single one is an error.
        if (alone || !(error instanceof PhinetsError) || error.path !== item.file) throw error;
        log(`skipped: ${error.message}`);
        take({ file: item.file, error: error.message });
      }
      if (!item.clip && !alone) progress?.update(++done);
    }
    whole = true;
  } finally {
    progress?.stop();
    await queued?.close();
    file?.close(whole); // keep the records made before an error
  }
  const elapsedMs = performance.now() - start;
  if (good === 0) context.exitCode = 1;
  if (folder && formats.length > 0) {
    const { saveDetections } = await import("@phinets/node/dataset");
    const found = kept.flatMap(({ file, frame, width, height, boxes }) =>
      boxes && width && height ? [{ file, frame, width, height, boxes }] : [],
    );
    saveDetections(found, { folder, formats, classNames: model.classes });
  }
  context.result(kept, () => {
    const counts = [
      ...(stills > 0 ? [`${stills} ${stills === 1 ? "picture" : "pictures"}`] : []),
      ...(frames > 0 || stills === 0 ? [`${frames} frames`] : []),
    ];
    const rate = `${counts.join(" and ")} in ${formatMs(elapsedMs)}, ${model.on}`;
    return [...lines, folder ? `${rate}; written to ${folder}` : rate].join("\n");
  });
}

/** Sends the pictures to a queue's workers; clips are processed here. */
async function askQueue(items: readonly Item[], { run, model, options, context }: Job): Promise<QueuedPredictions> {
  const { predictOverQueue } = await import("@phinets/queue");
  const { conf, iou, maxDet, tiles, pixelRange, project } = options;
  context.resumeWith();
  return predictOverQueue(
    {
      ...{ run, on: model.on, files: items.map(({ file, clip }) => (clip ? undefined : file)) },
      options: { conf, iou, maxDet, tiles, pixelRange, maxClasses: keptClasses },
    },
    { ...queueRequestOf(options), folder: storeOf(project) },
    context,
  );
}

/** Writes a line per frame, on stdout and to predictions.jsonl, until the source or the user ends the stream. */
async function predictStream(source: string, job: Job): Promise<void> {
  const { folder, context, model } = job;
  const { LineFile } = await import("@phinets/node/video");
  let file: InstanceType<typeof LineFile> | undefined;
  const start = performance.now();
  let frames = 0;
  try {
    await eachFrame(source, undefined, job, (record) => {
      frames++;
      const line = `${JSON.stringify(record)}\n`;
      if (folder) file ??= new LineFile(join(folder, "predictions.jsonl"));
      file?.write(line);
      context.stdout.write(context.json ? line : `${record.frame}  ${summarize(record)}\n`);
    });
  } catch (error) {
    // Keep the records of a stream that broke off.
    if (frames > 0) file?.close();
    else file?.abort();
    throw error;
  }
  file?.close();
  if (context.json) return; // the frames' lines are the answer
  const rate = `${frames} frames in ${formatMs(performance.now() - start)}, ${model.on}`;
  context.result({}, () => (folder ? `${rate}; written to ${folder}` : rate));
}

/** Writes every frame's record and the annotated mp4. `name`: the mp4's name; default: the source's label. */
async function eachFrame(
  source: string,
  name: string | undefined,
  { threads, folder, options, context }: Job,
  take: (record: PredictRecord) => void,
): Promise<void> {
  const { framesOf, VideoWriter } = await import("@phinets/node/video");
  const { maxFrames, pixelRange, raw } = options;
  let note = context.note;
  const found = await framesOf(source, {
    signal: context.signal,
    maxFrames,
    pixelRange,
    raw,
    onNote: (line) => note(line),
  });
  const { count = 0, framesPerSecond, live, stream } = found;
  // A stream's lines already show its progress.
  const progress = stream ? undefined : context.progress({ label: "predicting", total: count, unit: "frames" });
  note = (line) => (progress ? progress.log(visible(line)) : context.note(line));
  let writer: VideoWriter | undefined;
  let failed = true;
  try {
    for await (const { number, picture, prediction } of threads.frames(found)) {
      const record = { file: found.name, frame: number, ...recordOf(picture, prediction) };
      take(record);
      if (folder) {
        const { width, height } = picture;
        const path = join(folder, `${name ?? found.label}.mp4`);
        writer ??= await VideoWriter.open(path, { width, height, framesPerSecond, wallClock: live });
        await writer.write(await annotate(picture, record));
      }
      progress?.update(number);
    }
    failed = false;
  } finally {
    progress?.stop();
    if (failed && !stream) await writer?.abort();
    else await writer?.close();
  }
}

/** "2 person, 1 dog", "seven 0.98", or the error. */
function summarize({ boxes, classes, error }: PredictRecord): string {
  if (classes) return `${classes[0].name} ${classes[0].score.toFixed(2)}`;
  if (!boxes) return error ?? "";
  const counts = new Map<string, number>();
  for (const { name } of boxes) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`).join(", ") || "nothing";
}
