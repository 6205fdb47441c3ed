/** Sweeps below the opened folder, live while one runs, and runs side by side. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "@phinets/node/files";
import { warningOf } from "@phinets/node/report";
import { runHolder } from "@phinets/node/run";
import { compareRuns } from "@phinets/node/steps";
import { sweepDocument } from "@phinets/node/sweep";
import { Hono } from "hono";
import type { ComparedRuns, SweepEntry } from "../../shared/sweeps.js";
import type { Routes } from "../app.js";
import { foldersWith } from "../find.js";
import type { OpenedFolder } from "../opened-folder.js";
import { textOf } from "../request.js";
import { policyHeader, reportPolicy } from "../security.js";
import { readSweep } from "../sweep-document.js";

const mostPageBytes = 64 * 1024 * 1024;
/** Side by side; more nobody reads. */
const mostCompared = 12;

export const sweepRoutes: Routes = ({ folder }) =>
  new Hono()
    .get("/", (context) => context.json(foldersWith(folder, "journal.jsonl").map((path) => entryOf(folder, path))))
    .get("/one", (context) => {
      const path = textOf(context, "sweep");
      return context.json({ ...entryOf(folder, path), ...readSweep(requireSweep(folder, path)) });
    })
    .get("/page", (context) => {
      const path = textOf(context, "sweep");
      const file = join(requireSweep(folder, path), "sweep.html");
      folder.require(file, `${path}/sweep.html`);
      context.header(policyHeader, reportPolicy);
      const bytes = new Uint8Array(readRegularSync(file, { most: mostPageBytes }));
      return context.body(bytes, 200, { "Content-Type": "text/html; charset=utf-8" });
    })
    .get("/runs", (context) => context.json(foldersWith(folder, "results.csv")))
    .get("/compare", (context) => {
      const runs = context.req.queries("run") ?? [];
      if (runs.length === 0 || runs.length > mostCompared)
        throw new PhinetsError("studio.request", `${runs.length} runs are named; 1 to ${mostCompared} are compared`);
      return context.json(compared(folder, runs));
    });

function entryOf(folder: OpenedFolder, path: string): SweepEntry {
  const sweep = requireSweep(folder, path);
  return { path, running: runHolder(sweep) !== undefined, done: existsSync(sweepDocument(sweep)) };
}

function requireSweep(folder: OpenedFolder, path: string): string {
  const sweep = folder.resolve(path || ".");
  if (existsSync(join(sweep, "journal.jsonl"))) return sweep;
  throw new PhinetsError("studio.missing", `${path}: is no sweep; phinets sweep makes one`, path);
}

function compared(folder: OpenedFolder, paths: readonly string[]): ComparedRuns {
  const comparison = compareRuns(paths.map((path) => folder.resolve(path || ".")));
  const { runs } = comparison;
  const [name] = runs[0].task === "detect" ? ["AP50"] : ["top1"];
  const rows = runs.map(({ best, costs, rows: results, ...run }, i) => ({
    ...{ folder: paths[i], name: run.name, figures: best ?? {}, epoch: best?.epoch },
    ...{ board: costs.board, parameters: costs.parameters, macs: costs.macs },
    ...{ flashBytes: costs.flashBytes, ramBytes: costs.ramBytes, latencyMs: costs.latencyMs },
    curve: {
      run: paths[i],
      points: results.flatMap((row) => (row[name] >= 0 ? [{ epoch: row.epoch, value: row[name] }] : [])),
    },
  }));
  const said = (value: unknown) =>
    value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  const options = [...new Set(runs.flatMap(({ recipe = {} }) => Object.keys(recipe)))];
  const differences = options
    .map((option) => ({
      name: option,
      values: runs.map(({ recipe = {} }) => said((recipe as Readonly<Record<string, unknown>>)[option])),
    }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
  const warning = warningOf(comparison);
  return { rows, differences, ...(warning && { warning }) };
}
