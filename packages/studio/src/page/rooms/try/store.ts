/** State of the room Try: the network, its source of frames, and its detections. */

import type { BoxLabel } from "@phinets/core/data";
import { detectDefaults } from "@phinets/core/detection";
import { type PictureErrors, pictureErrors } from "@phinets/core/evaluation";
import type { Arithmetic } from "@phinets/core/model";
import { byteTrackDefaults, formatMotTracks } from "@phinets/core/tracking";
import { batch, computed, effect, signal } from "@preact/signals";
import { boxesOf, type Catalogue, type DatasetEntry } from "../../../shared/data.js";
import type { Job } from "../../../shared/events.js";
import { joinPath } from "../../../shared/places.js";
import type { RunEntry } from "../../../shared/runs.js";
import type { FirmwareOutput, SavedFrame } from "../../../shared/try.js";
import { addressOf, get, post } from "../../api.js";
import { Caller } from "../../caller.js";
import { runs as changed, connection, jobEnd } from "../../connection.js";
import { chosenFiles } from "../../files/given-files.js";
import { filesOfRun, filesOfTree, type NetworkFiles } from "../../files/network-files.js";
import { bitmapOf } from "../../files/pictures.js";
import { handOver } from "../../handover.js";
import { addressOfRoom } from "../../router.js";
import { eachFrame, type FrameStream, openClip, openScreen, openWebcam } from "../../stream.js";
import { type Counts, type Line, TrackCounter, type Zone } from "./counting.js";
import type { Answer, Loaded, Question, Seen, Settings } from "./try-worker.js";

export type Source =
  | { readonly kind: "pictures"; readonly files: readonly File[]; readonly n: number }
  /** Pictures of a data set, with their labels. */
  | { readonly kind: "set"; readonly catalogue: Catalogue; readonly n: number }
  | { readonly kind: "clip" | "webcam" | "screen"; readonly name: string };

export const runs = signal<readonly RunEntry[]>([]);
export const sets = signal<readonly DatasetEntry[]>([]);
/** The network, and its run where it came from the server. */
export const loaded = signal<(Loaded & { readonly name: string; readonly run?: RunEntry }) | undefined>(undefined);
export const settings = signal<Settings>({
  forms: ["int8"],
  conf: detectDefaults.threshold,
  iou: detectDefaults.iouThreshold,
  tracker: "none",
  highScore: byteTrackDefaults.highScore,
});
export const source = signal<Source | undefined>(undefined);
export const seen = signal<Seen | undefined>(undefined);
/** Number of frames processed since the source was opened. */
export const frames = signal(0);
/** Over the last second. */
export const framesPerSecond = signal(0);
export const problem = signal<Error | undefined>(undefined);
export const line = signal<Line | undefined>(undefined);
export const zone = signal<Zone | undefined>(undefined);
export const counts = signal<Counts | undefined>(undefined);
/** Index of the selected box among the first form's boxes. */
export const chosen = signal<number | undefined>(undefined);
export const showsInput = signal(true);
export const firmware = signal<"running" | (FirmwareOutput & { readonly differing: number }) | undefined>(undefined);
export const counters = new Map<Arithmetic, TrackCounter>();

const worker = new Caller<Question, Answer>(
  new Worker(new URL("./try-worker.ts", import.meta.url), { type: "module" }),
);
/** Lines of MOTChallenge text with the first form's tracks. */
let trackLines: string[] = [];
const mostTrackLines = 100_000;
/** Incremented when tracks start anew: results of frames from before are ignored. */
let generation = 0;
let playing: { readonly stream: FrameStream; readonly stop: AbortController } | undefined;
/** The current picture, kept so that it can be processed again with other settings. */
let still: ImageBitmap | undefined;

export const isLive = computed(() => source.value !== undefined && !["pictures", "set"].includes(source.value.kind));
export const firstForm = computed<Arithmetic>(() => settings.value.forms[0] ?? "int8");

/** Runs whose network can be tried: as listed, updated by the server's events. */
export const ready = computed<readonly RunEntry[]>(() => {
  const all = new Map(runs.value.map((run) => [run.id, run]));
  for (const [id, run] of changed.value) {
    if ("gone" in run) all.delete(id);
    else all.set(id, run);
  }
  const able = [...all.values()].filter(({ task, hasInt8, hasWeights }) => task !== "none" && (hasInt8 || hasWeights));
  return able.sort((a, b) => (a.path < b.path ? -1 : 1));
});

/** Labels of the picture, in the network's classes; classes that the network lacks are appended. */
export const truths = computed<readonly BoxLabel[] | undefined>(() => {
  const { value } = source;
  if (value?.kind !== "set" || loaded.value === undefined) return undefined;
  const { classes } = loaded.value;
  return boxesOf(value.catalogue, value.n).map((label) => {
    const place = classes.indexOf(value.catalogue.classes[label.class]);
    return { ...label, class: place < 0 ? classes.length + label.class : place };
  });
});

/** The kind of error of each of the first form's boxes. */
export const errors = computed<PictureErrors | undefined>(() => {
  const boxes = seen.value?.found[firstForm.value]?.boxes;
  if (truths.value === undefined || boxes === undefined || seen.value === undefined) return undefined;
  const { width, height } = seen.value;
  const detections = boxes.map((box) => ({
    ...box,
    ...{ x: box.x / width, y: box.y / height, width: box.width / width, height: box.height / height },
  }));
  return pictureErrors({ truths: truths.value, detections });
});

/** Words of the equivalent command. */
export const words = computed<readonly string[] | undefined>(() => {
  const run = loaded.value?.run;
  const { value } = source;
  const server = connection.value;
  if (run === undefined || value === undefined || server.kind !== "server") return undefined;
  const { conf, iou, tracker } = settings.value;
  const form = firstForm.value === "int8" ? [] : ["--on", firstForm.value];
  const from = {
    pictures: () => (value as Source & { kind: "pictures" }).files[(value as Source & { kind: "pictures" }).n].name,
    set: () => {
      const { catalogue, n } = value as Source & { kind: "set" };
      return joinPath(joinPath(server.session.path, catalogue.path), catalogue.files[n]);
    },
    clip: () => (value as Source & { kind: "clip" }).name,
    webcam: () => "0",
    screen: () => undefined,
  }[value.kind]();
  if (from === undefined) return undefined;
  if (tracker === "none" || !isLive.value)
    return [
      ...["phinets", "predict", from, "--model", run.path, ...form],
      ...["--conf", String(conf), "--iou", String(iou)],
    ];
  const named = tracker === "sort" ? [] : ["--tracker", tracker, "--high-score", String(settings.value.highScore)];
  const thresholds = ["--conf", String(conf), "--nms-iou", String(iou)];
  return [...["phinets", "track", from, "--model", run.path, "--out", "tracks.txt"], ...named, ...form, ...thresholds];
});

let begun = false;

export async function begin(): Promise<void> {
  if (begun || connection.value.kind !== "server") return;
  begun = true;
  await guarded(async () => {
    [runs.value, sets.value] = await Promise.all([get<RunEntry[]>("runs"), get<DatasetEntry[]>("data")]);
    const [first] = ready.value;
    if (first !== undefined && loaded.value === undefined) await openNetwork(first);
  });
}

export const chooseRun = (id: string) =>
  guarded(async () => {
    const run = ready.value.find((each) => each.id === id);
    if (run !== undefined) await openNetwork(run);
  });

export const chooseFiles = (files: readonly File[]) =>
  guarded(async () => {
    const given = chosenFiles(files);
    await load(await filesOfTree(given), { name: given[0]?.path.split("/")[0] ?? "" });
  });

async function openNetwork(run: RunEntry): Promise<void> {
  await load(await filesOfRun(run), { name: run.path, run });
}

async function load(files: NetworkFiles, from: { readonly name: string; readonly run?: RunEntry }): Promise<void> {
  const answer = (await worker.ask({ ask: "load", files })) as Loaded;
  resetTracks();
  loaded.value = { ...answer, ...from };
  settings.value = { ...settings.value, forms: [answer.forms[0]] };
}

/** Changes the settings and applies them to the shown frame. */
export function change(changes: Partial<Settings>): void {
  const before = settings.value;
  settings.value = { ...before, ...changes };
  if (changes.tracker !== undefined) {
    // As in `phinets track`: only ByteTrack can use boxes of low score.
    settings.value = {
      ...settings.value,
      conf: changes.tracker === "bytetrack" ? byteTrackDefaults.lowScore : detectDefaults.threshold,
    };
  }
  // A tracker keeps its initial settings, so start a new one.
  const { tracker } = settings.value;
  if (
    changes.tracker !== undefined ||
    changes.highScore !== undefined ||
    (tracker === "bytetrack" && changes.conf !== undefined)
  )
    void restart();
}

async function restart(): Promise<void> {
  resetTracks();
  await worker.ask({ ask: "restart" });
}

function resetTracks(): void {
  generation++;
  counters.clear();
  trackLines = [];
  frames.value = 0;
  counts.value = undefined;
}

/** Pictures stand still: new thresholds are applied at once, and forms that are missing are run. */
effect(() => {
  const { value } = settings;
  if (seen.peek() === undefined || loaded.value === undefined) return;
  const known = seen.peek()!.found;
  const needsRun = value.forms.some((form) => known[form] === undefined);
  if (needsRun && still !== undefined) void lookAtStill();
  else if (!isLive.peek())
    void guarded(async () => {
      const answer = (await worker.ask({ ask: "again", settings: value })) as Seen | undefined;
      const { bitmap } = seen.peek() ?? {};
      if (answer !== undefined) seen.value = { ...answer, bitmap };
    });
});

/** A new network is run on the shown picture. */
effect(() => {
  if (loaded.value !== undefined && still !== undefined) void lookAtStill();
});

export const choosePictures = (files: readonly File[], n = 0) =>
  guarded(async () => {
    stopPlaying();
    if (files[n] === undefined) return;
    await showStill({ kind: "pictures", files, n }, new Uint8Array(await files[n].arrayBuffer()), files[n].name);
  });

export const chooseSet = (path: string) =>
  guarded(async () => {
    stopPlaying();
    const catalogue = await get<Catalogue>("data/catalogue", { query: { set: path } });
    await showOfSet(catalogue, 0);
  });

async function showOfSet(catalogue: Catalogue, n: number): Promise<void> {
  const response = await fetch(addressOf("data/picture", { set: catalogue.path, n }));
  const bytes = new Uint8Array(await response.arrayBuffer());
  await showStill({ kind: "set", catalogue, n }, bytes, catalogue.files[n]);
}

/** Steps to another picture of the source. */
export const go = (by: number) =>
  guarded(async () => {
    const { value } = source;
    if (value?.kind === "pictures" && value.files[value.n + by] !== undefined)
      await choosePictures(value.files, value.n + by);
    if (value?.kind === "set" && value.catalogue.files[value.n + by] !== undefined)
      await showOfSet(value.catalogue, value.n + by);
  });

async function showStill(next: Source, bytes: Uint8Array, name: string): Promise<void> {
  const bitmap = await bitmapOf(bytes, name, { colorSpaceConversion: "none" });
  still?.close();
  still = bitmap;
  source.value = next;
  await lookAtStill();
}

async function lookAtStill(): Promise<void> {
  await guarded(async () => {
    const { value } = settings;
    if (still === undefined || loaded.peek() === undefined) return;
    await look(await createImageBitmap(still), { ...value, tracker: "none" });
  });
}

export const openStream = (kind: "clip" | "webcam" | "screen", file?: File) =>
  guarded(async () => {
    stopPlaying();
    const stream = await (kind === "clip" ? openClip(file!) : kind === "webcam" ? openWebcam() : openScreen());
    still?.close();
    still = undefined;
    const stop = new AbortController();
    playing = { stream, stop };
    source.value = { kind, name: file?.name ?? kind };
    await restart();
    await eachFrame(stream, stop.signal, async (bitmap) => {
      if (loaded.peek() === undefined) bitmap.close();
      else await look(bitmap, settings.peek());
    });
  });

/** Ends the camera or the clip; the last result stays. */
export function stopPlaying(): void {
  playing?.stop.abort();
  playing?.stream.stop();
  playing = undefined;
  framesPerSecond.value = 0;
}

let secondBegan = 0;
let inSecond = 0;

async function look(bitmap: ImageBitmap, how: Settings): Promise<void> {
  const began = generation;
  const answer = (await worker.ask({ ask: "look", bitmap, settings: how }, [bitmap])) as Seen;
  const before = seen.peek()?.bitmap;
  if (began === generation) {
    frames.value++;
    follow(answer, how);
  }
  batch(() => {
    chosen.value = undefined;
    firmware.value = undefined;
    seen.value = answer;
  });
  before?.close();
  inSecond++;
  const now = performance.now();
  if (now - secondBegan < 1000) return;
  framesPerSecond.value = playing === undefined ? 0 : (1000 * inSecond) / (now - secondBegan);
  [secondBegan, inSecond] = [now, 0];
}

function follow({ found, width, height }: Seen, { forms }: Settings): void {
  for (const form of forms) {
    const tracks = found[form]?.tracks;
    if (tracks === undefined) continue;
    const counter = counters.get(form) ?? new TrackCounter();
    counters.set(form, counter);
    const located = tracks.map(({ id, x1, y1, x2, y2 }) => ({
      id,
      x: (x1 + x2) / 2 / width,
      y: (y1 + y2) / 2 / height,
    }));
    const counted = counter.next(located, { line: line.peek(), zone: zone.peek() });
    if (form !== forms[0]) continue;
    counts.value = counted;
    if (trackLines.length < mostTrackLines) trackLines.push(formatMotTracks(frames.peek(), tracks));
  }
}

/** The first form's tracks since the clip or camera was opened, as MOTChallenge text. */
export const tracksText = (): string => trackLines.join("");

/** Runs the frame's input through the firmware on the server and compares every output value. */
export const checkFirmware = () =>
  guarded(async () => {
    const run = loaded.value?.run;
    const output = seen.value?.found.int8?.output;
    if (run === undefined || output === undefined) return;
    firmware.value = "running";
    try {
      const body = seen.value!.input.data;
      const job = await post<Job>("try/firmware", { query: { run: run.id }, body });
      await jobEnd(job.id);
      const answer = await get<FirmwareOutput>(`jobs/${job.id}`);
      const differing = answer.output.filter((value, i) => value !== output[i]).length;
      firmware.value = { ...answer, differing: answer.output.length === output.length ? differing : output.length };
    } catch (error) {
      firmware.value = undefined;
      throw error;
    }
  });

/** Saves the frame into a data set and opens it in the room Data. */
export const labelFrame = (set: string) =>
  guarded(async () => {
    const bitmap = seen.value?.bitmap;
    if (bitmap === undefined) return;
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d")!.drawImage(bitmap, 0, 0);
    const body = await canvas.convertToBlob({ type: "image/png" });
    const saved = await post<SavedFrame>("try/frame", { query: { set }, body });
    stopPlaying();
    handOver(saved);
    location.hash = addressOfRoom("data");
  });

async function guarded(work: () => Promise<void>): Promise<void> {
  problem.value = undefined;
  try {
    await work();
  } catch (error) {
    problem.value = error as Error;
  }
}
