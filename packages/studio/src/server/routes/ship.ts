/** Shipping: starts and resumes runs (their jobs stop them), reports progress, and serves the results. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { boardNames } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "@phinets/node/files";
import { isShipped, readShipView, shippedMemory } from "@phinets/node/steps";
import { Hono } from "hono";
import { z } from "zod";
import { titleOf } from "../../shared/places.js";
import {
  isBoardFile,
  resumeWords,
  runOf,
  type ShipForm,
  type ShipList,
  type ShipRun,
  shipWords,
} from "../../shared/ship.js";
import type { Routes } from "../app.js";
import { runCommand } from "../command.js";
import { clipsIn } from "../find.js";
import { firmwareArchive } from "../firmware-archive.js";
import type { OpenedFolder } from "../opened-folder.js";
import type { Places } from "../places.js";
import { bodyOf, textOf } from "../request.js";
import { policyHeader, reportPolicy } from "../security.js";
import { isShipDone } from "../watched.js";

const whole = (least: number, most: number) => z.int().min(least).max(most).optional();

const form = z.object({
  data: z.string(),
  target: z.string().min(1),
  name: z.string().regex(/^[^-./\\\0][^/\\\0]{0,99}$/, "is no name of a folder; letters and digits are needed"),
  fps: z.number().positive().max(1e6).optional(),
  imgsz: whole(8, 4096),
  epochs: whole(1, 1_000_000),
  seed: whole(0, 2 ** 32 - 1),
  images: whole(1, 1_000_000),
  weights: z.string().optional(),
  clip: z.string().optional(),
  qat: z.boolean().optional(),
}) satisfies z.ZodType<ShipForm>;

/** Larger files are not sent. */
const mostFileBytes = 256 * 1024 * 1024;

export const shipRoutes: Routes = ({ folder, places, jobs, session, phinets }) => {
  const begin = (run: string, words: readonly string[]) =>
    jobs.start("ship", run, async ({ signal }) => {
      await runCommand(words, { phinets, signal });
      return { run };
    });
  return new Hono()
    .get("/", (context) => context.json(listOf(folder, places)))
    .post("/", async (context) => {
      const asked = await bodyOf(context, form);
      folder.resolve(asked.data || ".");
      if (isBoardFile(asked.target)) folder.resolve(asked.target);
      else if (!boardNames.includes(asked.target))
        throw new PhinetsError("studio.request", `target is ${asked.target}; boards are ${boardNames.join(", ")}`);
      if (asked.clip) folder.resolve(asked.clip);
      if (asked.weights) places.resolve(asked.weights);
      const run = runOf(asked);
      requireFree(places, run);
      return context.json(begin(run, shipWords(asked, session)));
    })
    .post("/resume", (context) => {
      const run = textOf(context, "run");
      const path = requireRun(places, run);
      if (!existsSync(join(path, "args.yaml")))
        throw new PhinetsError(
          "studio.missing",
          `${places.path(run)}: has no args.yaml to go on by; ship it anew`,
          run,
        );
      requireFree(places, run);
      return context.json(begin(run, resumeWords(run, session)));
    })
    .get("/run", (context) => {
      const run = textOf(context, "run");
      const isStarting = jobs.all.some(
        ({ kind, about, state }) => kind === "ship" && about === run && state === "running",
      );
      if (isStarting && !isShipped(places.path(run)))
        return context.json({ id: run, steps: [], canResume: false, hasReport: false } satisfies ShipRun);
      const path = requireRun(places, run);
      const [canResume, hasReport] = ["args.yaml", "report.html"].map((file) => existsSync(join(path, file)));
      return context.json({ id: run, canResume, hasReport, ...readShipView(path) } satisfies ShipRun);
    })
    .get("/memory", async (context) => {
      const svg = await shippedMemory(requireRun(places, textOf(context, "run")));
      return context.json({ svg });
    })
    .get("/report", (context) => {
      const file = fileOf(places, textOf(context, "run"), "report.html");
      context.header(policyHeader, reportPolicy);
      return context.body(bytesOf(file), 200, { "Content-Type": "text/html; charset=utf-8" });
    })
    .get("/file", (context) => {
      const [run, name] = [textOf(context, "run"), textOf(context, "file")];
      const { result } = readShipView(requireRun(places, run));
      if (!result?.artefacts.some(({ file }) => file === name))
        throw new PhinetsError("studio.missing", `${name}: is no result of ${titleOf(run)}`, name);
      return context.body(bytesOf(fileOf(places, run, name)), 200, attachment(name.split("/").at(-1)!));
    })
    .get("/firmware.zip", (context) => {
      const run = textOf(context, "run");
      const path = requireRun(places, run);
      const bytes = firmwareArchive(path, readShipView(path).result, (file) => fileOf(places, run, file));
      return context.body(bytes, 200, attachment(`${titleOf(run).split("/").at(-1)}-firmware.zip`));
    });
};

function listOf(folder: OpenedFolder, places: Places): ShipList {
  const runs = places.below(isShipped).map(({ id, path }) => {
    const { holder } = readShipView(path);
    const changed = statSync(join(path, "steps.json")).mtimeMs;
    return { id, changed, running: holder !== undefined, done: isShipDone(path) };
  });
  runs.sort((a, b) => Number(b.running) - Number(a.running) || b.changed - a.changed);
  return { runs: runs.map(({ changed, ...run }) => run), clips: clipsIn(folder, { frames: true }) };
}

function requireRun(places: Places, run: string): string {
  const path = places.resolve(run);
  if (isShipped(path)) return path;
  throw new PhinetsError("studio.missing", `${places.path(run)}: is no shipped run`, run);
}

/** Throws where a process works in the run already. */
function requireFree(places: Places, run: string): void {
  if (!existsSync(places.path(run))) return;
  const { holder } = readShipView(places.resolve(run));
  if (holder !== undefined)
    throw new PhinetsError(
      "studio.busy",
      `${places.path(run)}: process ${holder.pid} is ${holder.work} here; wait, or stop it`,
      run,
    );
}

/** A file of a run, refused where a link leads out of the runs' folders. */
function fileOf(places: Places, run: string, name: string): string {
  requireRun(places, run);
  return places.resolve(run, name);
}

function bytesOf(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readRegularSync(file, { most: mostFileBytes }));
}

function attachment(name: string): Record<string, string> {
  const type = name.endsWith(".zip") ? "application/zip" : "application/octet-stream";
  return { "Content-Type": type, "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name)}` };
}
