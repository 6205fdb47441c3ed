/** State of the form for the next sweep: its sweep.yaml and problems; starts, stops and resumes sweeps. */
import { makeRecipe } from "@phinets/core/training";
import { computed, effect, signal } from "@preact/signals";
import type { DatasetEntry } from "../../../shared/data.js";
import type { Job } from "../../../shared/events.js";
import { joinPath } from "../../../shared/places.js";
import {
  nameOfSweep,
  problemAt,
  type SweepDraft,
  type SweepForm,
  type SweepProblem,
  sweepWords,
} from "../../../shared/sweeps.js";
import { get, post, remove } from "../../api.js";
import { jobAbout, jobs, places } from "../../connection.js";
import { addressOfRoom } from "../../router.js";
import { entries } from "./store.js";
import { fieldsOf, type SweepFields, startText, withField } from "./sweep-text.js";

/** Data sets of the folder, each with its path as a sweep.yaml names it. */
export const sets = signal<readonly (DatasetEntry & { readonly named: string })[]>([]);
export const text = signal("");
/** "": the first free name is used. */
export const givenName = signal("");
/** The problem in the text, as far as it can be found before running it. */
export const problem = signal<SweepProblem | undefined>(undefined);
/** Why it was not started. */
export const refusal = signal<Error | undefined>(undefined);

export const fields = computed(() => fieldsOf(text.value));

/** The first of sweep, sweep2, ... that no sweep has. */
const freeName = computed(() => {
  const taken = new Set((entries.value ?? []).map(({ id }) => nameOfSweep(id)));
  for (let n = 1; ; n++) {
    const name = n === 1 ? "sweep" : `sweep${n}`;
    if (!taken.has(name)) return name;
  }
});
export const name = computed(() => givenName.value.trim() || freeName.value);
export const words = computed(() => sweepWords(name.value, places.value));
export const resumeWords = (sweepName: string): string[] => sweepWords(sweepName, places.value);

export const jobOf = (id: string): Job | undefined => jobAbout("sweep", id);

let begun = false;

/** Requests the data sets and writes the first text. */
export async function begin(): Promise<void> {
  if (begun) return;
  begun = true;
  try {
    const [found, { folder }] = await Promise.all([get<DatasetEntry[]>("data"), get<SweepDraft>("sweeps/draft")]);
    sets.value = found.map((set) => ({ ...set, named: joinPath(folder, set.path) }));
    const [first] = sets.value;
    if (first !== undefined) text.value = startText({ data: first.named, epochs: makeRecipe(first.task).epochs });
  } catch (error) {
    refusal.value = error as Error;
  }
}

export function change(field: keyof SweepFields, value: string): void {
  text.value = withField(text.value, field, value);
}

/** A text is checked once nothing was typed for this many milliseconds. */
const restMs = 300;
effect(() => {
  const asked = text.value;
  refusal.value = undefined;
  if (asked === "") return;
  const timer = setTimeout(async () => {
    try {
      const answer = await post<{ problem?: SweepProblem }>("sweeps/check", { body: { text: asked } });
      if (text.value === asked) problem.value = answer.problem;
    } catch (error) {
      refusal.value = error as Error;
    }
  }, restMs);
  return () => clearTimeout(timer);
});

async function act(work: () => Promise<Job>): Promise<void> {
  refusal.value = undefined;
  try {
    const job = await work();
    jobs.value = new Map(jobs.value).set(job.id, job);
    location.hash = addressOfRoom("sweeps", job.about);
  } catch (error) {
    problem.value = problemAt((error as Error).message);
    if (problem.value === undefined) refusal.value = error as Error;
  }
}

export const start = (): Promise<void> =>
  act(() => post<Job>("sweeps", { body: { name: name.value, text: text.value } satisfies SweepForm }));
export const resume = (id: string): Promise<void> => act(() => post<Job>("sweeps/resume", { query: { sweep: id } }));
export const stop = (id: number): Promise<void> => remove(`jobs/${id}`);
