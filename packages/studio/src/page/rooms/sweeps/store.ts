/** Sweeps of the folder, the one that is looked at, and runs side by side. */
import { computed, signal } from "@preact/signals";
import { commandPath } from "../../../shared/places.js";
import type { ComparedRuns, SweepDocument, SweepEntry } from "../../../shared/sweeps.js";
import { addressOf, get } from "../../api.js";
import { places } from "../../connection.js";
import { route } from "../../router.js";

export const entries = signal<readonly SweepEntry[] | undefined>(undefined);
export const sweep = signal<SweepDocument | undefined>(undefined);
export const problem = signal<Error | undefined>(undefined);
/** A row of the leaderboard that stands out in every chart, by its place. */
export const pressed = signal<number | undefined>(undefined);

/** Run folders of this folder, and those of them that are set side by side. */
export const runs = signal<readonly string[]>([]);
export const chosenRuns = signal<readonly string[]>([]);
export const compared = signal<ComparedRuns | undefined>(undefined);
export const compareProblem = signal<Error | undefined>(undefined);

const chosen = computed(() => {
  const { room, rest } = route.value;
  if (room !== "sweeps") return undefined;
  return rest !== "" ? rest : entries.value?.[0]?.id;
});

export const pathOf = (id: string): string => commandPath(id, places.value);

const listEveryMs = 3000;
const sweepEveryMs = 1500;

/** Asks while the room is open; returns what ends it. */
export function watch(): () => void {
  void refreshList();
  const timers = [setInterval(() => void refreshList(), listEveryMs), setInterval(() => void refresh(), sweepEveryMs)];
  const end = chosen.subscribe(() => {
    sweep.value = undefined;
    pressed.value = undefined;
    void refresh();
  });
  return () => {
    for (const timer of timers) clearInterval(timer);
    end();
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

let asking = false;

async function refresh(): Promise<void> {
  const id = chosen.value;
  if (id === undefined || asking) return;
  asking = true;
  try {
    const found = await get<SweepDocument>("sweeps/one", { query: { sweep: id } });
    if (chosen.value !== id) return;
    if (JSON.stringify(found) !== JSON.stringify(sweep.value)) sweep.value = found;
    problem.value = undefined;
  } catch (error) {
    problem.value = error as Error;
  } finally {
    asking = false;
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
