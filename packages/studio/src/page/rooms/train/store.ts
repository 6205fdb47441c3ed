/** State of the room Train: the runs, those that are compared, and the form for the next training. */

import { parseNetwork } from "@phinets/core/networks";
import { loadBoard } from "@phinets/core/target";
import { computed, effect, signal } from "@preact/signals";
import type { DatasetEntry } from "../../../shared/data.js";
import type { Job } from "../../../shared/events.js";
import { joinPath } from "../../../shared/places.js";
import {
  documentPath,
  type NetworkChoice,
  type RunDetail,
  type RunEntry,
  type TrainForm,
  trainWords,
} from "../../../shared/runs.js";
import { get, post } from "../../api.js";
import { runs as changed, connection, jobEnd } from "../../connection.js";
import { serverSource } from "../../datasets/server-source.js";
import type { DataSource } from "../../datasets/source.js";
import { goOnInPage, isInPage, pageRuns, pauseInPage, startInPage, stopInPage } from "./page-runs.js";

export interface Form {
  readonly set: string;
  readonly source: NetworkChoice["kind"];
  readonly board: string;
  /** Id of the run whose network is used. */
  readonly run: string;
  /** Whether the training also starts from that run's weights. */
  readonly weights: boolean;
  /** Content and name of a network.json. */
  readonly document?: { readonly name: string; readonly content: unknown };
  /** "": the first free name is used. */
  readonly name: string;
  readonly epochs?: number;
  readonly batch?: number;
  readonly learningRate?: number;
  readonly seed?: number;
  /** Train in this page, not on the server. */
  readonly inPage: boolean;
}

export const sets = signal<readonly DatasetEntry[]>([]);
export const form = signal<Form>({
  ...{ set: "", source: "board", board: "stm32h743", run: "", weights: false },
  ...{ name: "", inPage: false },
});
export const problem = signal<Error | undefined>(undefined);
/** Whether a training was requested and its run does not exist yet. */
export const starting = signal(false);
const listed = signal<readonly RunEntry[]>([]);
/** Ids of the runs that are shown side by side; pictures of the last one are shown. */
export const chosen = signal<readonly string[]>([]);
const told = signal<ReadonlyMap<string, RunDetail>>(new Map());
export const details = computed<ReadonlyMap<string, RunDetail>>(
  () => new Map([...told.value, ...[...pageRuns.value].map(([id, { detail }]) => [id, detail] as const)]),
);

/** All runs: as listed, updated by the server's events. */
export const runs = computed<readonly RunEntry[]>(() => {
  const all = new Map(listed.value.map((run) => [run.id, run]));
  for (const [id, run] of changed.value) {
    if ("gone" in run) all.delete(id);
    else all.set(id, run);
  }
  for (const [id, { entry }] of pageRuns.value) all.set(id, entry);
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
});

export const task = computed(() => sets.value.find(({ path }) => path === form.value.set)?.task ?? "detect");

/** The first of train, train2, ... that no run has. */
const freeName = computed(() => {
  const taken = new Set(runs.value.map(({ id }) => id));
  for (let n = 1; ; n++) {
    const name = n === 1 ? "train" : `train${n}`;
    if (!taken.has(`project:${task.value}/${name}`) && !taken.has(`page:${name}`)) return name;
  }
});

export const name = computed(() => form.value.name || freeName.value);

/** Whether the training can start from the chosen run's weights. A training in the page always starts anew. */
export const mayStartFromRun = computed(() => {
  const { source, run, inPage } = form.value;
  return source === "run" && !inPage && runs.value.some(({ id, hasWeights }) => id === run && hasWeights);
});

export const startsFromRun = computed(() => mayStartFromRun.value && form.value.weights);

/** The request; undefined until a network is chosen. */
export const asked = computed<TrainForm | undefined>(() => {
  const { set, source, board, run, document, epochs, batch, learningRate, seed } = form.value;
  let network: NetworkChoice;
  if (source === "board") network = { kind: "board", board };
  else if (source === "run") {
    if (run === "") return undefined;
    network = { kind: "run", run, ...(startsFromRun.value && { weights: true }) };
  } else {
    if (document === undefined) return undefined;
    network = { kind: "document", document: document.content };
  }
  return { set, network, name: name.value, epochs, batch, learningRate, seed };
});

export const words = computed<readonly string[] | undefined>(() => {
  const { value } = connection;
  if (asked.value === undefined || value.kind !== "server") return undefined;
  const { path, project } = value.session;
  const { network } = asked.value;
  const file = {
    board: undefined,
    run: runs.value.find(({ id }) => network.kind === "run" && id === network.run)?.path,
    document: documentPath(project, name.value),
  }[network.kind];
  return trainWords(asked.value, { data: joinPath(path, asked.value.set), network: file, project });
});

export function change(changes: Partial<Form>): void {
  form.value = { ...form.value, ...changes };
}

let begun = false;

/** Requests the lists; afterwards the server's events update them. */
export async function begin(): Promise<void> {
  if (begun || connection.value.kind !== "server") return;
  begun = true;
  await guarded(async () => {
    [sets.value, listed.value] = await Promise.all([get<DatasetEntry[]>("data"), get<RunEntry[]>("runs")]);
    const [first] = sets.value;
    if (first !== undefined) change({ set: first.path });
    const live = runs.value.find(({ state }) => state === "training") ?? runs.value.find(({ epoch }) => epoch > 0);
    if (live !== undefined && chosen.value.length === 0) chosen.value = [live.id];
  });
}

/** Keys of the figures that were read: they are read again when a run's files change. */
const read = new Map<string, string>();
effect(() => {
  for (const id of chosen.value) {
    const run = runs.value.find((each) => each.id === id);
    if (run === undefined || isInPage(id) || read.get(id) === run.stamp) continue;
    read.set(id, run.stamp);
    get<RunDetail>("runs/detail", { query: { run: id } }).then(
      (detail) => {
        told.value = new Map(told.value).set(id, detail);
      },
      (error) => {
        problem.value = error as Error;
      },
    );
  }
});

export function toggle(id: string): void {
  chosen.value = chosen.value.includes(id) ? chosen.value.filter((each) => each !== id) : [...chosen.value, id];
}

/** Files that were opened in the page, where there is no server. */
const opened = signal<DataSource | undefined>(undefined);

/** Switches to another source of data sets. */
export const use = (source: DataSource) =>
  guarded(async () => {
    sets.value = await source.list();
    opened.value = source;
    change({ set: sets.value[0]?.path ?? "", inPage: true });
  });

async function startHere(wanted: TrainForm): Promise<void> {
  const { value } = connection;
  const source = opened.value ?? (value.kind === "server" ? serverSource(value.session.path) : undefined);
  if (source === undefined) return;
  const { set, name, network, epochs, batch, learningRate, seed } = wanted;
  const document = () =>
    network.kind === "document"
      ? network.document
      : get("runs/file", { query: { run: (network as NetworkChoice & { kind: "run" }).run, name: "network.json" } });
  const id = await startInPage({
    ...{ name, source, set, recipe: { epochs, batch, learningRate, seed } },
    network: network.kind === "board" ? network : { document: await document() },
  });
  if (!chosen.value.includes(id)) chosen.value = [...chosen.value, id];
  change({ name: "" });
}

/** Starts the training of the form; resolves when its run is shown. */
export async function start(): Promise<void> {
  const { value: wanted } = asked;
  if (wanted === undefined) return;
  if (form.value.inPage) return guarded(() => startHere(wanted));
  const id = `project:${task.value}/${wanted.name}`;
  starting.value = true;
  const stop = runs.subscribe((all) => {
    if (!all.some((run) => run.id === id)) return;
    starting.value = false;
    if (!chosen.peek().includes(id)) chosen.value = [...chosen.peek(), id];
  });
  await guarded(async () => {
    const job = await post<Job>("runs/train", { body: wanted });
    change({ name: "" });
    await jobEnd(job.id);
  });
  stop();
  starting.value = false;
}

export async function resume({ id }: RunEntry): Promise<void> {
  if (isInPage(id)) return goOnInPage(id);
  await guarded(async () => {
    const job = await post<Job>("runs/resume", { body: { run: id } });
    await jobEnd(job.id);
  });
}

export const pause = ({ id }: RunEntry) =>
  guarded(async () => (isInPage(id) ? pauseInPage(id) : post<void>("runs/pause", { body: { run: id } })));
export const stop = ({ id }: RunEntry) =>
  guarded(async () => (isInPage(id) ? stopInPage(id) : post<void>("runs/stop", { body: { run: id } })));

/** Uses a network.json that was saved from the room Board, or written by hand. */
export async function takeDocument(file: File): Promise<void> {
  await guarded(async () => {
    let content: unknown;
    try {
      content = JSON.parse(await file.text());
    } catch (error) {
      throw new Error(`${file.name}: is no JSON: ${(error as Error).message}`);
    }
    parseNetwork(content);
    change({ source: "document", document: { name: file.name, content } });
  });
}

export const boardTitle = (board: string): string => loadBoard(board).title;

async function guarded(work: () => Promise<void>): Promise<void> {
  problem.value = undefined;
  try {
    await work();
  } catch (error) {
    // A stop was requested by the user and is not an error.
    if ((error as { code?: string }).code !== "studio.stopped") problem.value = error as Error;
  }
}
