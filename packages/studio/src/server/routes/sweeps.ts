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
import type { Places } from "../places.js";
import { textOf } from "../request.js";
import { policyHeader, reportPolicy } from "../security.js";
import { readSweep } from "../sweep-document.js";

const mostPageBytes = 64 * 1024 * 1024;
/** Side by side; more nobody reads. */
const mostCompared = 12;

export const sweepRoutes: Routes = ({ places }) =>
  new Hono()
    .get("/", (context) => context.json(places.with("journal.jsonl").map(({ id }) => entryOf(places, id))))
    .get("/one", (context) => {
      const id = textOf(context, "sweep");
      return context.json({ ...entryOf(places, id), ...readSweep(requireSweep(places, id)) });
    })
    .get("/page", (context) => {
      const id = textOf(context, "sweep");
      requireSweep(places, id);
      const file = places.resolve(id, "sweep.html");
      context.header(policyHeader, reportPolicy);
      const bytes = new Uint8Array(readRegularSync(file, { most: mostPageBytes }));
      return context.body(bytes, 200, { "Content-Type": "text/html; charset=utf-8" });
    })
    .get("/runs", (context) => context.json(places.with("results.csv").map(({ id }) => id)))
    .get("/compare", (context) => {
      const runs = context.req.queries("run") ?? [];
      if (runs.length === 0 || runs.length > mostCompared)
        throw new PhinetsError("studio.request", `${runs.length} runs are named; 1 to ${mostCompared} are compared`);
      return context.json(compared(places, runs));
    });

function entryOf(places: Places, id: string): SweepEntry {
  const sweep = requireSweep(places, id);
  return { id, running: runHolder(sweep) !== undefined, done: existsSync(sweepDocument(sweep)) };
}

function requireSweep(places: Places, id: string): string {
  const sweep = places.resolve(id);
  if (existsSync(join(sweep, "journal.jsonl"))) return sweep;
  throw new PhinetsError("studio.missing", `${places.path(id)}: is no sweep; phinets sweep makes one`, id);
}

function compared(places: Places, ids: readonly string[]): ComparedRuns {
  const comparison = compareRuns(ids.map((id) => places.resolve(id)));
  const { runs } = comparison;
  const [name] = runs[0].task === "detect" ? ["AP50"] : ["top1"];
  const rows = runs.map(({ best, costs, rows: results, ...run }, i) => ({
    ...{ id: ids[i], name: run.name, figures: best ?? {}, epoch: best?.epoch },
    ...{ board: costs.board, parameters: costs.parameters, macs: costs.macs },
    ...{ flashBytes: costs.flashBytes, ramBytes: costs.ramBytes, latencyMs: costs.latencyMs },
    curve: {
      run: ids[i],
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
