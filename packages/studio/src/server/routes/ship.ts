/** Shipping: start, stop by its job, go on, see how far a run is, and take what came out. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { boardNames } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "@phinets/node/files";
import { isShipped, readShipView, shippedMemory } from "@phinets/node/steps";
import { Hono } from "hono";
import { z } from "zod";
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
import { clipsIn, foldersWith } from "../find.js";
import { firmwareArchive } from "../firmware-archive.js";
import type { OpenedFolder } from "../opened-folder.js";
import { bodyOf, textOf } from "../request.js";
import { policyHeader, reportPolicy } from "../security.js";

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

/** More is not sent, however large a file is. */
const mostFileBytes = 256 * 1024 * 1024;

export const shipRoutes: Routes = ({ folder, jobs, session, phinets }) => {
  const begin = (run: string, words: readonly string[]) =>
    jobs.start("ship", run, async ({ signal }) => {
      await runCommand(words, { phinets, signal });
      return { run };
    });
  return new Hono()
    .get("/", (context) => context.json(listOf(folder)))
    .post("/", async (context) => {
      const asked = await bodyOf(context, form);
      folder.resolve(asked.data || ".");
      if (isBoardFile(asked.target)) folder.resolve(asked.target);
      else if (!boardNames.includes(asked.target))
        throw new PhinetsError("studio.request", `target is ${asked.target}; boards are ${boardNames.join(", ")}`);
      for (const path of [asked.weights, asked.clip]) if (path) folder.resolve(path);
      const run = runOf(asked);
      requireFree(folder, run);
      return context.json(begin(run, shipWords(asked, session.path)));
    })
    .post("/resume", (context) => {
      const run = textOf(context, "run");
      const path = requireRun(folder, run);
      if (!existsSync(join(path, "args.yaml")))
        throw new PhinetsError("studio.missing", `${run}: has no args.yaml to go on by; ship it anew`, run);
      requireFree(folder, run);
      return context.json(begin(run, resumeWords(run, session.path)));
    })
    .get("/run", (context) => {
      const run = textOf(context, "run");
      const isStarting = jobs.all.some(
        ({ kind, about, state }) => kind === "ship" && about === run && state === "running",
      );
      if (isStarting && !isShipped(join(folder.real, run)))
        return context.json({ path: run, steps: [], canResume: false, hasReport: false } satisfies ShipRun);
      const path = requireRun(folder, run);
      const [canResume, hasReport] = ["args.yaml", "report.html"].map((file) => existsSync(join(path, file)));
      return context.json({ path: run, canResume, hasReport, ...readShipView(path) } satisfies ShipRun);
    })
    .get("/memory", async (context) => {
      const svg = await shippedMemory(requireRun(folder, textOf(context, "run")));
      return context.json({ svg });
    })
    .get("/report", (context) => {
      const file = fileOf(folder, textOf(context, "run"), "report.html");
      context.header(policyHeader, reportPolicy);
      return context.body(bytesOf(file), 200, { "Content-Type": "text/html; charset=utf-8" });
    })
    .get("/file", (context) => {
      const [run, name] = [textOf(context, "run"), textOf(context, "file")];
      const { result } = readShipView(requireRun(folder, run));
      if (!result?.artefacts.some(({ file }) => file === name))
        throw new PhinetsError("studio.missing", `${name}: is no result of ${run}`, name);
      return context.body(bytesOf(fileOf(folder, run, name)), 200, attachment(name.split("/").at(-1)!));
    })
    .get("/firmware.zip", (context) => {
      const run = textOf(context, "run");
      const path = requireRun(folder, run);
      const bytes = firmwareArchive(path, readShipView(path).result, (file) => fileOf(folder, run, file));
      return context.body(bytes, 200, attachment(`${run.split("/").at(-1)}-firmware.zip`));
    });
};

function listOf(folder: OpenedFolder): ShipList {
  const runs = foldersWith(folder, "steps.json").map((path) => {
    const whole = join(folder.real, path);
    const { holder } = readShipView(whole);
    const changed = statSync(join(whole, "steps.json")).mtimeMs;
    return { path, changed, running: holder !== undefined, done: existsSync(join(whole, "ship.json")) };
  });
  runs.sort((a, b) => Number(b.running) - Number(a.running) || b.changed - a.changed);
  return { runs: runs.map(({ changed, ...run }) => run), clips: clipsIn(folder) };
}

function requireRun(folder: OpenedFolder, run: string): string {
  const path = folder.resolve(run || ".");
  if (isShipped(path)) return path;
  throw new PhinetsError("studio.missing", `${run}: is no shipped run`, run);
}

/** Throws where somebody works in the run already. */
function requireFree(folder: OpenedFolder, run: string): void {
  const path = join(folder.real, run);
  if (!isShipped(path)) return;
  folder.resolve(run);
  const { holder } = readShipView(path);
  if (holder !== undefined)
    throw new PhinetsError(
      "studio.busy",
      `${run}: process ${holder.pid} is ${holder.work} here; wait, or stop it`,
      run,
    );
}

/** A file of a run, over no link that leads out of the opened folder. */
function fileOf(folder: OpenedFolder, run: string, name: string): string {
  const file = join(requireRun(folder, run), name);
  folder.require(file, `${run}/${name}`);
  return file;
}

function bytesOf(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readRegularSync(file, { most: mostFileBytes }));
}

function attachment(name: string): Record<string, string> {
  const type = name.endsWith(".zip") ? "application/zip" : "application/octet-stream";
  return { "Content-Type": type, "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name)}` };
}
