/** State of the room Data: the open data set, the filter, and the doctor's report. */

import type { DoctorReport } from "@phinets/core/data";
import { computed, signal } from "@preact/signals";
import type { Catalogue, DatasetEntry } from "../../../shared/data.js";
import type { SavedFrame } from "../../../shared/try.js";
import { connection } from "../../connection.js";
import { serverSource } from "../../datasets/server-source.js";
import type { DataSource } from "../../datasets/source.js";
import { takeHandedOver } from "../../handover.js";
import { type Copies, copiesOf } from "./copies.js";
import { type Finding, findingsOf } from "./findings.js";
import { type Filter, select } from "./select.js";

export const source = signal<DataSource | undefined>(undefined);
export const entries = signal<readonly DatasetEntry[] | undefined>(undefined);
export const catalogue = signal<Catalogue | undefined>(undefined);
export const problem = signal<Error | undefined>(undefined);
export const filter = signal<Filter>({});
/** Number of the picture that is shown large. */
export const opened = signal<number | undefined>(undefined);

export interface Examination {
  readonly done: number;
  readonly total: number;
  readonly stop?: () => void;
  readonly report?: DoctorReport;
  readonly findings?: readonly Finding[];
}

export const examination = signal<Examination | undefined>(undefined);

/** Progress and result of the search for near copies. */
export interface CopySearch {
  readonly done: number;
  readonly total: number;
  readonly stop: () => void;
  readonly found?: Copies;
}

export const copies = signal<CopySearch | undefined>(undefined);

/** Numbers of the pictures to show. */
export const shown = computed<readonly number[]>(() =>
  catalogue.value === undefined ? [] : select(catalogue.value, filter.value),
);

/**
 * Opens the first data set, once connected to a server.
 * @param label opens a picture for labelling that another room has added to a data set
 */
export function begin(label: (picture: string) => void): void {
  const { value } = connection;
  const handed = takeHandedOver();
  if (handed !== undefined && value.kind === "server") {
    void show(handed, serverSource(value.session.path), label);
    return;
  }
  if (source.value !== undefined || value.kind !== "server") return;
  void use(serverSource(value.session.path));
}

async function show({ set, file }: SavedFrame, from: DataSource, label: (picture: string) => void): Promise<void> {
  source.value = from;
  await guarded(async () => {
    entries.value = await from.list();
  });
  await openSet(set);
  if (catalogue.value?.files.includes(file)) label(file);
}

/** Switches to another source of data sets and opens its first one. */
export async function use(next: DataSource): Promise<void> {
  source.value = next;
  entries.value = undefined;
  catalogue.value = undefined;
  await guarded(async () => {
    entries.value = await next.list();
    if (entries.value.length > 0) await openSet(entries.value[0].path);
  });
}

export async function openSet(path: string): Promise<void> {
  filter.value = {};
  opened.value = undefined;
  examination.value?.stop?.();
  examination.value = undefined;
  copies.value?.stop();
  copies.value = undefined;
  await guarded(async () => {
    catalogue.value = await source.value?.open(path);
  });
}

export async function reload(): Promise<void> {
  const path = catalogue.value?.path;
  await guarded(async () => {
    await source.value?.reload();
    entries.value = await source.value?.list();
  });
  const next = path ?? entries.value?.[0]?.path;
  if (next !== undefined) await openSet(next);
}

let reading: Promise<void> | undefined;
let readingAfter: Promise<void> | undefined;

/** Whether the list of data sets is missing one. */
let lacksSet = false;

/**
 * Reads the open data set again after pictures were added to it or to another one, and the list where a data set is
 * new. Pictures get new numbers, so the doctor's findings are dropped; the filter stays. Calls during a reading share
 * one further reading.
 * @param set path of the data set to which pictures were added
 */
export function refresh(set: string): Promise<void> {
  if (!entries.value?.some(({ path }) => path === set)) lacksSet = true;
  if (reading === undefined) {
    reading = readAgain().finally(() => {
      reading = undefined;
    });
    return reading;
  }
  readingAfter ??= reading.then(() => {
    readingAfter = undefined;
    return refresh(set);
  });
  return readingAfter;
}

async function readAgain(): Promise<void> {
  const [from, path] = [source.value, catalogue.value?.path];
  const isListed = !lacksSet;
  lacksSet = false;
  await guarded(async () => {
    const list = isListed ? entries.value : await from?.list();
    const next = path ?? list?.[0]?.path;
    const read = next === undefined ? undefined : await from?.open(next);
    // Another data set may have been opened in the meantime.
    if (source.value !== from || catalogue.value?.path !== path) return;
    entries.value = list;
    if (read === undefined) return;
    const pictures = read.files.length;
    entries.value = list?.map((each) => (each.path === next ? { ...each, pictures } : each));
    examination.value?.stop?.();
    examination.value = undefined;
    filter.value = { ...filter.value, only: undefined };
    catalogue.value = read;
  });
}

export async function examine(): Promise<void> {
  const [from, set] = [source.value, catalogue.value?.path];
  if (from === undefined || set === undefined) return;
  const stop = new AbortController();
  examination.value = { done: 0, total: 0, stop: () => stop.abort() };
  await guarded(async () => {
    const report = await from.examine(set, {
      signal: stop.signal,
      onProgress: (done, total) => {
        if (!stop.signal.aborted) examination.value = { ...examination.value, done, total };
      },
    });
    examination.value = { done: 1, total: 1, report, findings: findingsOf(report) };
  });
  if (examination.value?.report === undefined) examination.value = undefined;
}

export async function findCopies(): Promise<void> {
  const [from, set] = [source.value, catalogue.value];
  if (from === undefined || set === undefined) return;
  const abort = new AbortController();
  const stop = () => abort.abort();
  copies.value = { done: 0, total: 0, stop };
  await guarded(async () => {
    const groups = await from.nearCopies(set.path, {
      signal: abort.signal,
      onProgress: (done, total) => {
        if (!abort.signal.aborted) copies.value = { done, total, stop };
      },
    });
    if (!abort.signal.aborted) copies.value = { done: 1, total: 1, stop, found: copiesOf(groups, set) };
  });
  if (copies.value?.stop === stop && copies.value.found === undefined) copies.value = undefined;
}

/** Changes a field of the filter; setting its current value clears it. */
export function toggle<K extends keyof Filter>(field: K, value: Filter[K]): void {
  filter.value = { ...filter.value, [field]: filter.value[field] === value ? undefined : value };
}

async function guarded(work: () => Promise<void>): Promise<void> {
  problem.value = undefined;
  try {
    await work();
  } catch (error) {
    problem.value = error as Error;
  }
}
