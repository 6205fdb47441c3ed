/**
 * Boxes of pictures: reads them, saves them into the data set's own files, suggests them by a model; saves frames of
 * clips as pictures.
 */
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { type LabelSet, mostClasses } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFrames } from "@phinets/node/dataset";
import { readPicture } from "@phinets/node/picture";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { inOwnClasses, type LabelDocument, type SavedDocument, suggestedBoxes } from "../../shared/labels.js";
import type { Routes } from "../app.js";
import { clipName, clipsIn } from "../find.js";
import { bodyOf, numberOf, textOf } from "../request.js";
import type { Studio } from "../studio.js";

const box = z.strictObject({
  class: z.int().min(0),
  left: z.number(),
  top: z.number(),
  width: z.number(),
  height: z.number(),
  ignore: z.enum(["crowd", "difficult"]).optional(),
  row: z.int().min(0).optional(),
});
/** More boxes than any picture has. */
const mostBoxes = 20_000;
const saveRequest = z.strictObject({
  boxes: z.array(box).max(mostBoxes),
  version: z.string().max(100),
  classes: z.array(z.string()).max(mostClasses),
});
const classRequest = z.strictObject({ name: z.string() });

/** Largest step between saved frames. */
const mostEvery = 100_000;

export const labelRoutes: Routes = ({ datasets, folder, jobs, models }) =>
  new Hono()
    .get("/", async (context) => {
      const { labels, file, picture } = await asked(context, datasets);
      const found = await labels.read(file);
      return context.json({ ...found, picture, classes: labels.classes } satisfies LabelDocument);
    })
    .post("/", async (context) => {
      const { set, labels, file, picture } = await asked(context, datasets);
      const { boxes, version, classes } = await bodyOf(context, saveRequest);
      const saved = await labels.save(file, await inOwnClasses(labels, boxes, classes), version);
      const document: SavedDocument = { ...saved, picture, classes: labels.classes };
      await datasets.saved(set, document);
      return context.json(document);
    })
    .post("/class", async (context) => {
      const labels = await datasets.labels(textOf(context, "set"));
      const { name } = await bodyOf(context, classRequest);
      return context.json(await labels.addClass(name));
    })
    .get("/next", async (context) => {
      const { set, labels, file } = await asked(context, datasets);
      const next = labels.nextUnlabelled(file);
      return context.json(next === undefined ? {} : { picture: await datasets.nameOf(set, next) });
    })
    .get("/models", (context) => context.json(models.list()))
    .post("/suggest", async (context) => {
      const { labels, file } = await asked(context, datasets);
      const model = await models.model(textOf(context, "model"));
      return context.json(suggestedBoxes(model.detect(await readPicture(file)), labels.classes));
    })
    .get("/clips", (context) => context.json(clipsIn(folder, { frames: false })))
    .post("/frames", async (context) => {
      const [set, clip] = [textOf(context, "set"), textOf(context, "clip")];
      const every = numberOf(context, "every");
      if (every < 1 || every > mostEvery)
        throw new PhinetsError("studio.request", `every is ${every}; it is 1 to ${mostEvery}`, "every");
      const from = folder.resolve(clip);
      if (!clipName.test(from) || !lstatSync(from).isFile())
        throw new PhinetsError("studio.request", `${clip}: is no clip; name a video file of the folder`, clip);
      const into = await placeOfFrames(set, { datasets, folder });
      const job = jobs.start("frames", clip, async ({ signal, report }) => {
        try {
          const written = await writeFrames(from, into, { every, signal, onProgress: report });
          return { folder: folder.shorten(into), count: written.length };
        } finally {
          datasets.reload();
        }
      });
      return context.json(job);
    });

/** The picture that a request refers to. */
async function asked(context: Context, datasets: Studio["datasets"]) {
  const [set, picture] = [textOf(context, "set"), textOf(context, "picture")];
  const file = await datasets.fileNamed(set, picture);
  return { set, picture, file, labels: await datasets.labels(set) };
}

/** Beside the data set's pictures; for a folder that is not a data set yet, the folder itself. */
async function placeOfFrames(set: string, { datasets, folder }: Pick<Studio, "datasets" | "folder">): Promise<string> {
  const root = folder.resolve(set || ".");
  let labels: LabelSet | undefined;
  try {
    labels = await datasets.labels(set);
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== "data.kind") throw error;
  }
  const [first] = labels?.pictures ?? [];
  const place = first === undefined ? root : dirname(first);
  folder.require(place, folder.shorten(place));
  return place;
}
