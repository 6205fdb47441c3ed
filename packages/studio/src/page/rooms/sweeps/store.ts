/** State of the room Sweeps: the list of sweeps, the open one, and the comparison of runs. */
import { computed, signal } from "@preact/signals";
import { commandPath } from "../../../shared/places.js";
import type { ComparedRuns, SweepDocument, SweepEntry } from "../../../shared/sweeps.js";
import { addressOf, get } from "../../api.js";
import { askAgain } from "../../ask-again.js";
import { runs as changedRuns, changes, jobAbout, places } from "../../connection.js";
import { route } from "../../router.js";

export const entries = signal<readonly SweepEntry[] | undefined>(undefined);
export const sweep = signal<SweepDocument | undefined>(undefined);
export const problem = signal<Error | undefined>(undefined);
/** Index of the leaderboard's row that is highlighted in every chart. */
export const pressed = signal<number | undefined>(undefined);

/** All run folders, and those that are compared. */
export const runs = signal<readonly string[]>([]);
export const chosenRuns = signal<readonly string[]>([]);
export const compared = signal<ComparedRuns | undefined>(undefined);
export const compareProblem = signal<Error | undefined>(undefined);

/** Id of the place of the open sweep; undefined where there is none. */
export const chosen = computed(() => {
  const { room, rest } = route.value;
  if (room !== "sweeps") return undefined;
  return rest !== "" ? rest : entries.value?.[0]?.id;
});

export const pathOf = (id: string): string => commandPath(id, places.value);

/** Sweeps, and runs with results, from the server's events; changes with them. */
const told = () => {
  const sweeps = [...changes.value.values()].filter(({ kind }) => kind === "sweep");
  const withResults = [...changedRuns.value.values()].filter((run) => "gone" in run || run.epoch > 0);
  return [...sweeps.map(({ id, state }) => `${id} ${state}`), "", ...withResults.map(({ id }) => id)].join("\n");
};
/** Changes whenever the open sweep's files, or its trainings', change. */
const chosenKey = () => {
  const id = chosen.value ?? "";
  const own = [...changedRuns.value.values()].filter((run) => run.id.startsWith(`${id}/`));
  return [
    id,
    changes.value.get(`sweep ${id}`)?.stamp,
    jobAbout("sweep", id)?.state,
    ...own.map((run) => ("gone" in run ? "" : run.stamp)),
  ].join("\n");
};

/** Keeps the state current while the room is open; returns a function that ends it. */
export function watch(): () => void {
  const ends = [
    chosen.subscribe(() => {
      sweep.value = undefined;
      pressed.value = undefined;
    }),
    askAgain(told, refreshList),
    askAgain(chosenKey, refresh),
  ];
  return () => {
    for (const end of ends) end();
  };
}

async function refreshList(): Promise<void> {
  try {
    const [found, all] = await Promise.all([get<SweepEntry[]>("sweeps"), get<string[]>("sweeps/runs")]);
    if (JSON.stringify(found) !== JSON.stringify(entries.peek())) entries.value = found;
    if (JSON.stringify(all) !== JSON.stringify(runs.peek())) runs.value = all;
  } catch (error) {
    problem.value = error as Error;
  }
}

async function refresh(): Promise<void> {
  const id = chosen.value;
  // A sweep that has started but has no folder yet is known by its job only.
  const change = changes.value.get(`sweep ${id}`);
  const isThere = entries.value?.some((each) => each.id === id) || (change !== undefined && change.state !== "gone");
  if (id === undefined || (!isThere && jobAbout("sweep", id) !== undefined)) return;
  try {
    const found = await get<SweepDocument>("sweeps/one", { query: { sweep: id } });
    if (chosen.value !== id) return;
    if (JSON.stringify(found) !== JSON.stringify(sweep.value)) sweep.value = found;
    problem.value = undefined;
  } catch (error) {
    problem.value = error as Error;
  }
}

export async function chooseRuns(ids: readonly string[]): Promise<void> {
  chosenRuns.value = ids;
  compareProblem.value = undefined;
  if (ids.length < 2) {
    compared.value = undefined;
    return;
  }
  try {
    const query = ids.map((id) => `run=${encodeURIComponent(id)}`).join("&");
    compared.value = await get<ComparedRuns>(`sweeps/compare?${query}`);
  } catch (error) {
    compared.value = undefined;
    compareProblem.value = error as Error;
  }
}

export const addressOfPage = (id: string): string => addressOf("sweeps/page", { sweep: id });
