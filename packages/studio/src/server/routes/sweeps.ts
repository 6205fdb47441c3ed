/** Sweeps below the opened folder, live while they run, and comparisons of runs. */
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "@phinets/node/files";
import { warningOf } from "@phinets/node/report";
import { runHolder } from "@phinets/node/run";
import { compareRuns } from "@phinets/node/steps";
import { Hono } from "hono";
import { z } from "zod";
import type { ComparedRuns, SweepEntry, SweepForm } from "../../shared/sweeps.js";
import type { Routes } from "../app.js";
import type { Places } from "../places.js";
import { bodyOf, textOf } from "../request.js";
import { policyHeader, reportPolicy } from "../security.js";
import type { Studio } from "../studio.js";
import { readSweep } from "../sweep-document.js";
import { isSweep, isSweepDone } from "../watched.js";

const mostPageBytes = 64 * 1024 * 1024;
const mostCompared = 12;

const name = z
  .string()
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}_. -]{0,99}$/u, "is no name of a sweep: letters, digits, _ . - and spaces");
/** A sweep.yaml; the limit is in characters. */
const text = z.string().max(1 << 18);
const textRequest = z.strictObject({ text });
const form: z.ZodType<SweepForm> = z.strictObject({ name, text });

export const sweepRoutes: Routes = ({ places, sweepings }) =>
  new Hono()
    .get("/", (context) => context.json(places.below(isSweep).map(({ id }) => entryOf(id, { places, sweepings }))))
    .get("/draft", (context) => context.json(sweepings.draft()))
    .post("/check", async (context) => {
      const problem = await sweepings.check((await bodyOf(context, textRequest)).text);
      return context.json({ problem });
    })
    .post("/", async (context) => context.json(await sweepings.start(await bodyOf(context, form))))
    .post("/resume", async (context) => context.json(await sweepings.resume(textOf(context, "sweep"))))
    .get("/one", (context) => {
      const id = textOf(context, "sweep");
      return context.json({ ...entryOf(id, { places, sweepings }), ...readSweep(requireSweep(places, id)) });
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

function entryOf(id: string, { places, sweepings }: Pick<Studio, "places" | "sweepings">): SweepEntry {
  const sweep = requireSweep(places, id);
  const [running, done] = [runHolder(sweep) !== undefined, isSweepDone(sweep)];
  return { id, running, done, canResume: sweepings.canResume(id) };
}

function requireSweep(places: Places, id: string): string {
  const sweep = places.resolve(id);
  if (isSweep(sweep)) return sweep;
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
