/** A sweep's leaderboard: sweep.json or, before that exists, a preliminary one from the sweep's journal and runs. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Leaderboard, type LeaderboardRow, ranked, type Setting, type SettingValue } from "@phinets/core/sweep";
import { PhinetsError } from "@phinets/core/tensor";
import { problemOf, readDocument, readJson } from "@phinets/node/host";
import { loadArguments, readResults } from "@phinets/node/run";
import { compareRuns } from "@phinets/node/steps";
import { type JournalEntry, journalEntry, sweepDocument, sweepRun } from "@phinets/node/sweep";
import { z } from "zod";
import type { SweepCurve, SweepDocument } from "../shared/sweeps.js";

const setting = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

const board = z.object({
  objective: z.string(),
  rows: z.array(
    z.object({
      setting,
      target: z.string().optional(),
      seeds: z.array(z.number()),
      epochs: z.number(),
      score: z.number().optional(),
      firstScore: z.number().nullish(),
      figures: z.record(z.string(), z.number()),
      cost: z.object({
        parameters: z.number(),
        macs: z.number(),
        ramBytes: z.number().optional(),
        flashBytes: z.number().optional(),
        latencyMs: z.tuple([z.number(), z.number()]).optional(),
        energyMj: z.number().optional(),
      }),
      runs: z.array(sweepRun).min(1),
      weightsSha256: z.array(z.string()).optional(),
      failed: z.string().optional(),
    }),
  ),
  leftOut: z.array(z.object({ setting, target: z.string().optional(), reason: z.string() })),
});

/** Number of top rows whose curves are drawn. */
const mostCurves = 40;

/** @throws PhinetsError for an invalid sweep.json */
export function readSweep(folder: string): Pick<SweepDocument, "board" | "partial" | "curves" | "hasPage"> {
  const found = readBoard(folder);
  const shown = found ?? partialBoard(folder);
  const figure = shown.objective.startsWith("top1") ? "top1" : "AP50";
  const curves = shown.rows
    .slice(0, mostCurves)
    .flatMap(({ runs, epochs }) => runs.map((each) => curveOf(folder, each, { figure, epochs: found && epochs })));
  return { board: shown, partial: found === undefined, curves, hasPage: existsSync(join(folder, "sweep.html")) };
}

function readBoard(folder: string): Leaderboard | undefined {
  const file = sweepDocument(folder);
  if (!existsSync(file)) return undefined;
  const options = { code: "sweep.result", remedy: "run the sweep again" };
  const document = readJson(file, options);
  const problem = problemOf(board, document);
  if (problem !== undefined) throw new PhinetsError(options.code, `${file}: ${problem}; ${options.remedy}`, file);
  const { rows, ...rest } = board.parse(document);
  // A training that diverged in its first rung has the score -Infinity, which JSON stores as null.
  return { ...rest, rows: rows.map(({ firstScore, ...row }) => ({ ...row, firstScore: firstScore ?? undefined })) };
}

/** One row per training, described by the options in which the trainings differ. */
function partialBoard(folder: string): Leaderboard {
  const latest = new Map<string, JournalEntry>();
  const options = { code: "sweep.journal", remedy: "run the sweep again" };
  for (const line of readDocument(join(folder, "journal.jsonl"), options).split("\n")) {
    const entry = entryOf(line);
    if (entry !== undefined && entry.int8 !== true) latest.set(entry.trial, entry);
  }
  const trials = [...latest.values()].flatMap((entry) => {
    const own = ["detect", "classify"]
      .map((task) => `${task}/${entry.trial}`)
      .find((each) => existsSync(join(folder, each)));
    return own === undefined ? [] : [{ entry, own }];
  });
  const settings = differing(trials.map(({ own }) => settingOf(join(folder, own))));
  const [objective] = trials.some(({ own }) => own.startsWith("classify/")) ? ["top1"] : ["AP50"];
  const rows = trials.map(({ entry, own }, i): LeaderboardRow => {
    const { epochs, figures = {}, failed } = entry;
    const [{ costs }] = compareRuns([join(folder, own)]).runs;
    const { parameters, macs, ramBytes, flashBytes, latencyMs, energyMj } = costs;
    return {
      ...{ setting: settings[i], target: costs.board, seeds: [], epochs, figures, runs: [own] },
      ...{ score: figures[objective], cost: { parameters, macs, ramBytes, flashBytes, latencyMs, energyMj } },
      ...(failed !== undefined && { failed }),
    };
  });
  return { objective, rows: ranked(rows), leftOut: [] };
}

/** Undefined for an invalid line: the last one may be incomplete. */
function entryOf(line: string): JournalEntry | undefined {
  try {
    return journalEntry.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function settingOf(run: string): Setting {
  const { recipe } = loadArguments(run);
  const values = Object.entries(recipe).map(([name, value]): [string, SettingValue] => [
    name,
    typeof value === "object" || value === undefined ? JSON.stringify(value ?? null) : (value as SettingValue),
  ]);
  return Object.fromEntries(values);
}

/** The options of each setting that are not the same in all settings. */
function differing(settings: readonly Setting[]): Setting[] {
  const names = [...new Set(settings.flatMap((each) => Object.keys(each)))];
  const kept = names.filter((name) => settings.some((each) => each[name] !== settings[0][name]));
  return settings.map((each) => Object.fromEntries(kept.map((name) => [name, each[name]])));
}

/** @param epochs for a finished sweep, the number that counts: a training may have continued speculatively */
function curveOf(
  folder: string,
  name: string,
  { figure, epochs = Number.POSITIVE_INFINITY }: { readonly figure: string; readonly epochs?: number },
): SweepCurve {
  const rows = readResults(join(folder, name)).filter(({ epoch }) => epoch <= epochs);
  return {
    run: name,
    points: rows.flatMap((row) => (row[figure] >= 0 ? [{ epoch: row.epoch, value: row[figure] }] : [])),
  };
}
