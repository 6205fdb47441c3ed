/** State of the room Ship: the form, the list of runs, and the open run. */

import { computed, signal } from "@preact/signals";
import type { DatasetEntry } from "../../../shared/data.js";
import type { Job } from "../../../shared/events.js";
import { resumeWords, type ShipForm, type ShipList, type ShipRun, shipWords } from "../../../shared/ship.js";
import { get, post, remove } from "../../api.js";
import { askAgain } from "../../ask-again.js";
import { changes, connection, jobAbout, jobs, places } from "../../connection.js";
import { addressOfRoom, route } from "../../router.js";

/** Content of the form; empty texts are left out of the command. */
export interface Fields {
  readonly data: string;
  readonly target: string;
  readonly name: string;
  readonly fps: string;
  readonly imgsz: string;
  readonly epochs: string;
  readonly seed: string;
  readonly images: string;
  readonly weights: string;
  readonly clip: string;
  readonly qat: boolean;
}

const empty: Fields = {
  ...{ data: "", target: "stm32h743", name: "", fps: "", imgsz: "", epochs: "", seed: "", images: "" },
  ...{ weights: "", clip: "", qat: false },
};

export const fields = signal<Fields>(empty);
export const datasets = signal<readonly DatasetEntry[] | undefined>(undefined);
export const list = signal<ShipList | undefined>(undefined);
export const run = signal<ShipRun | undefined>(undefined);
export const memory = signal<string | undefined>(undefined);
export const problem = signal<Error | undefined>(undefined);

/** Id of the place of the open run. */
const chosen = computed(() => (route.value.room === "ship" ? route.value.rest : ""));
export const addressOfRun = (id: string): string => addressOfRoom("ship", id);

export function change(changes: Partial<Fields>): void {
  fields.value = { ...fields.value, ...changes };
}

/** Name of the run's folder where none is typed. */
export const suggested = computed(() => {
  const { data, target } = fields.value;
  const session = connection.value.kind === "server" ? connection.value.session.folder : "";
  const last = (path: string) =>
    path
      .split("/")
      .at(-1)!
      .replace(/\.(zip|json|ya?ml)$/i, "");
  return `${last(data || session)}-${last(target)}`.replace(/^[-.]+/, "");
});

export const form = computed<ShipForm>(() => {
  const { data, target, name, qat, weights, clip, ...numbers } = fields.value;
  const given = Object.entries(numbers).flatMap(([key, text]) => (text.trim() === "" ? [] : [[key, Number(text)]]));
  return {
    ...{ data, target: target.trim(), name: name.trim() || suggested.value },
    ...(Object.fromEntries(given) as Partial<ShipForm>),
    ...(weights && { weights }),
    ...(clip && { clip }),
    ...(qat && { qat }),
  };
});

export const commandWords = computed(() => shipWords(form.value, places.value));
export const resumeCommand = (id: string): string[] => resumeWords(id, places.value);

/** This server's job that ships into a run. */
export const jobOf = (id: string): Job | undefined => jobAbout("ship", id);

/** Ids and states of shipped runs, from the server's events; changes with them. */
const told = () =>
  [...changes.value.values()].flatMap(({ kind, id, state }) => (kind === "ship" ? [`${id} ${state}`] : [])).join("\n");
/** Changes whenever the open run changes. */
const chosenKey = () => {
  const id = chosen.value;
  return [id, changes.value.get(`ship ${id}`)?.stamp, jobOf(id)?.state].join(" ");
};

/** Keeps the state current while the room is open; returns a function that ends it. */
export function watch(): () => void {
  void begin();
  const ends = [
    chosen.subscribe(() => {
      run.value = undefined;
      memory.value = undefined;
    }),
    askAgain(told, refreshList),
    askAgain(chosenKey, refresh),
  ];
  return () => {
    for (const end of ends) end();
  };
}

async function begin(): Promise<void> {
  try {
    datasets.value = await get<DatasetEntry[]>("data");
    if (fields.value.data === "" && datasets.value.length > 0) change({ data: datasets.value[0].path });
  } catch (error) {
    problem.value = error as Error;
  }
}

async function refreshList(): Promise<void> {
  try {
    list.value = await get<ShipList>("ship");
  } catch (error) {
    problem.value = error as Error;
  }
}

async function refresh(): Promise<void> {
  const id = chosen.value;
  if (id === "") return;
  try {
    const found = await get<ShipRun>("ship/run", { query: { run: id } });
    if (chosen.value !== id) return;
    if (JSON.stringify(found) !== JSON.stringify(run.value)) run.value = found;
    const hasNetwork = found.steps.some(({ name, state }) => name === "fit" && (state === "done" || state === "kept"));
    if (memory.value === undefined && hasNetwork)
      memory.value = (await get<{ svg?: string }>("ship/memory", { query: { run: id } })).svg;
  } catch (error) {
    // The job reports the error of a run that failed before its folder was made.
    if (jobOf(id) === undefined) problem.value = error as Error;
  }
}

async function act(work: () => Promise<Job>): Promise<void> {
  problem.value = undefined;
  try {
    const job = await work();
    jobs.value = new Map(jobs.value).set(job.id, job);
    location.hash = addressOfRun(job.about);
  } catch (error) {
    problem.value = error as Error;
  }
}

export const ship = (): Promise<void> => act(() => post<Job>("ship", { body: form.value }));
export const resume = (id: string): Promise<void> => act(() => post<Job>("ship/resume", { query: { run: id } }));
export const stop = (id: number): Promise<void> => remove(`jobs/${id}`);
