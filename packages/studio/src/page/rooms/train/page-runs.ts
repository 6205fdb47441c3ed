/** Trainings in the page itself. They appear among the other runs and are in memory until they are saved. */
import { PhinetsError } from "@phinets/core/tensor";
import { signal } from "@preact/signals";
import { boxesOf, type Catalogue, splitOf } from "../../../shared/data.js";
import type { RunDetail, RunEntry } from "../../../shared/runs.js";
import { UserError } from "../../api.js";
import type { DataSource } from "../../datasets/source.js";
import type { Asked, Said } from "./train-worker.js";

export interface PageRun {
  readonly entry: RunEntry;
  readonly detail: RunDetail;
  /** Progress of reading the pictures, before the first epoch. */
  readonly reading?: { readonly done: number; readonly total: number };
  readonly network?: unknown;
  /** Content of weights/best.safetensors, at the end. */
  readonly weights?: Uint8Array<ArrayBuffer>;
}

/** By id, `page:NAME`. */
export const pageRuns = signal<ReadonlyMap<string, PageRun>>(new Map());
const workers = new Map<string, Worker>();
/** Limit, because decoded pictures are held in memory. */
const mostPictures = 5000;

export interface StartOptions {
  readonly name: string;
  readonly source: DataSource;
  /** Path of the data set within the source. */
  readonly set: string;
  readonly network: (Asked & { ask: "train" })["network"];
  readonly recipe: (Asked & { ask: "train" })["recipe"];
}

/** Throws where the data set cannot be trained on in a page; later errors are in the entry's message. */
export async function startInPage({ name, source, set, network, recipe }: StartOptions): Promise<string> {
  const catalogue = await source.open(set);
  requireUsable(catalogue, name);
  const { task, classes } = catalogue;
  const numbers = { train: placesOf(catalogue, "train"), val: placesOf(catalogue, "val") };
  const sampleOf = (n: number) => ({
    file: catalogue.files[n],
    ...(task === "detect" ? { labels: boxesOf(catalogue, n) } : { class: catalogue.labels[n] }),
  });
  const splits = { train: numbers.train.map(sampleOf), val: numbers.val.map(sampleOf), test: [] };
  const addressOf = async (n: number) => new URL(await source.picture(set, n), document.baseURI).href;
  const addresses = {
    train: await Promise.all(numbers.train.map(addressOf)),
    val: await Promise.all(numbers.val.map(addressOf)),
  };
  const id = `page:${name}`;
  const input = { height: 0, width: 0, channels: 0 };
  const entry: RunEntry = {
    ...{ id, path: `${name} (in this page)`, state: "training", task, classes, input, epoch: 0, epochs: 0 },
    ...{ hasWeights: false, hasInt8: false, resumable: false, stamp: "" },
  };
  put(id, { entry, detail: { id, rows: [], pictures: [], warnings: [] } });
  const worker = new Worker(new URL("./train-worker.ts", import.meta.url), { type: "module" });
  workers.set(id, worker);
  worker.onmessage = ({ data }: MessageEvent<Said>) => hear(id, data);
  worker.onerror = ({ message }) =>
    hear(id, { say: "failed", error: { code: "studio.worker", message: `a worker failed: ${message}` } });
  // Threads need shared memory, which not every static host permits; the resulting bits are the same.
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  worker.postMessage({
    ...{ ask: "train", index: { task, classes, splits }, addresses, network, recipe, threads },
  } satisfies Asked);
  return id;
}

/** Pauses after the current epoch. */
export function pauseInPage(id: string): void {
  change(id, { pausing: true });
  workers.get(id)?.postMessage({ ask: "pause" } satisfies Asked);
}

export function goOnInPage(id: string): void {
  change(id, { state: "training", resumable: false, pausing: false });
  workers.get(id)?.postMessage({ ask: "go on" } satisfies Asked);
}

/** Ends a training at once; only its curves are kept. */
export function stopInPage(id: string): void {
  end(id);
  change(id, { state: "stopped", resumable: false, pausing: false });
}

export const isInPage = (id: string): boolean => id.startsWith("page:");
/** Whether it can still be paused, continued or stopped. */
export const isAliveInPage = (id: string): boolean => workers.has(id);

function hear(id: string, said: Said): void {
  const run = pageRuns.value.get(id)!;
  switch (said.say) {
    case "reading":
      put(id, { ...run, reading: said });
      break;
    case "started": {
      const { network, epochs } = said;
      put(id, { ...run, network, reading: undefined });
      change(id, { epochs, input: network.input });
      break;
    }
    case "epoch": {
      const { epoch } = said.row;
      put(id, { ...run, detail: { ...run.detail, rows: [...run.detail.rows, said.row] } });
      const { best = -1 } = run.entry;
      const isBetter = said.value !== undefined && said.value > best;
      change(id, { epoch, ...(isBetter && { best: said.value, bestEpoch: epoch }) });
      break;
    }
    case "paused":
      change(id, { state: "stopped", resumable: true, pausing: false });
      break;
    case "finished": {
      const { weights, sha256, best, bestEpoch } = said;
      end(id);
      put(id, { ...run, weights });
      const known = best < 0 ? {} : { best };
      change(id, { state: "finished", weightsSha256: sha256, ...known, bestEpoch, pausing: false });
      break;
    }
    case "failed":
      end(id);
      change(id, { state: "stopped", message: said.error.message, pausing: false });
  }
}

function end(id: string): void {
  workers.get(id)?.terminate();
  workers.delete(id);
}

function change(id: string, changes: Partial<RunEntry>): void {
  const run = pageRuns.value.get(id)!;
  put(id, { ...run, entry: { ...run.entry, ...changes } });
}

function put(id: string, run: PageRun): void {
  pageRuns.value = new Map(pageRuns.value).set(id, run);
}

function placesOf(catalogue: Catalogue, split: "train" | "val"): number[] {
  // Unlabelled pictures have nothing to learn from.
  const unlabelled = new Set(catalogue.unlabelled);
  return catalogue.files.flatMap((_, n) => (splitOf(catalogue, n) === split && !unlabelled.has(n) ? [n] : []));
}

/** Throws for what `phinets train` would refuse, and for what only that command can do. */
function requireUsable({ splits, problems }: Catalogue, name: string): void {
  if (pageRuns.value.has(`page:${name}`) && workers.has(`page:${name}`))
    throw new UserError("studio.busy", `${name}: is being trained in this page; choose another name`);
  const [problem] = problems;
  if (problem !== undefined) throw new PhinetsError("data.rows", `${problem.file}: ${problem.message}`);
  if (splits.train === 0 || splits.val === 0)
    throw new PhinetsError(
      "data.split",
      `the data set has ${splits.train} pictures to train on and ${splits.val} to validate on; a page does not make splits: phinets convert does, and phinets train by itself`,
    );
  const pictures = splits.train + splits.val;
  if (pictures > mostPictures)
    throw new PhinetsError(
      "data.size",
      `the data set has ${pictures} pictures, a page holds ${mostPictures}; train with phinets train`,
    );
}
