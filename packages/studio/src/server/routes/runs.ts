/** Run folders: their list, content and files; starts, resumes, pauses and stops trainings. */
import { extname } from "node:path";
import { boardNames } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegular } from "@phinets/node/files";
import { Hono } from "hono";
import { z } from "zod";
import { runPictures, type TrainForm } from "../../shared/runs.js";
import type { Routes } from "../app.js";
import { bodyOf, textOf } from "../request.js";

/** Files that the page may read; all others are refused. */
const files = new Set([
  ...Object.keys(runPictures),
  ...["network.json", "results.csv", "args.yaml"],
  ...["weights/best.safetensors", "quantized.json", "quantized.safetensors"],
]);
const types: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".csv": "text/csv; charset=utf-8",
  ".yaml": "text/plain; charset=utf-8",
};
const mostFileBytes = 512 * 1024 * 1024;

const count = z.int("a whole number").min(1, "a whole number from 1").max(1_000_000, "at most a million");
const name = z
  .string()
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}_. -]{0,99}$/u, "is no name of a run: letters, digits, _ . - and spaces");

const trainForm: z.ZodType<TrainForm> = z.strictObject({
  set: z.string().max(4096),
  network: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("board"),
      board: z.enum(boardNames as [string, ...string[]], "the name of a board"),
      imgsz: z.int("a whole number").min(8, "at least 8").max(4096, "at most 4096").optional(),
    }),
    z.strictObject({ kind: z.literal("run"), run: z.string().max(4096), weights: z.boolean().optional() }),
    z.strictObject({ kind: z.literal("document"), document: z.unknown() }),
  ]),
  name,
  epochs: count.optional(),
  batch: count.optional(),
  learningRate: z.number("a number above 0").gt(0, "a number above 0").optional(),
  seed: z.int("a whole number").min(0, "a whole number from 0").optional(),
});
const runId = z.strictObject({ run: z.string().max(4096) });

export const runRoutes: Routes = ({ runs, trainings }) =>
  new Hono()
    .get("/", (context) => context.json(runs.list()))
    .get("/detail", (context) => context.json(runs.detail(textOf(context, "run"))))
    .get("/file", async (context) => {
      const file = textOf(context, "name");
      if (!files.has(file))
        throw new PhinetsError("studio.missing", `${file.slice(0, 80)}: is no file of a run that the page shows`);
      const bytes = await readRegular(runs.file(textOf(context, "run"), file), { most: mostFileBytes });
      context.header("Cache-Control", "private, no-cache");
      return context.body(new Uint8Array(bytes), 200, {
        "Content-Type": types[extname(file)] ?? "application/octet-stream",
      });
    })
    .post("/train", async (context) => context.json(await trainings.start(await bodyOf(context, trainForm))))
    .post("/resume", async (context) => context.json(trainings.resume((await bodyOf(context, runId)).run)))
    .post("/pause", async (context) => {
      trainings.pause((await bodyOf(context, runId)).run);
      return context.body(null, 204);
    })
    .post("/stop", async (context) => {
      trainings.stop((await bodyOf(context, runId)).run);
      return context.body(null, 204);
    });
