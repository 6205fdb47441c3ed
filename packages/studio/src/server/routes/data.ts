/** Data sets of the opened folder: their list, the content of each, pictures, and the doctor. */

import { nearCopyGroups } from "@phinets/core/data";
import { doctorCommand, lookAtPictures } from "@phinets/node/dataset";
import { readStored } from "@phinets/node/files";
import { isIdxReference, mostPictureBytes, thumbnail } from "@phinets/node/picture";
import { Hono } from "hono";
import type { Routes } from "../app.js";
import { numberOf, textOf } from "../request.js";

/** Kinds of pictures that browsers show; others are converted to JPEG. */
const types: Readonly<Record<string, string>> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  gif: "image/gif",
  avif: "image/avif",
};
/** Longest side in pixels of a picture that is converted. */
const largeSide = 2048;

export const dataRoutes: Routes = ({ datasets, folder, thumbnails, jobs }) =>
  new Hono()
    .get("/", async (context) => context.json(await datasets.list()))
    .post("/reload", (context) => {
      datasets.reload();
      return context.body(null, 204);
    })
    .get("/catalogue", async (context) => context.json(await datasets.catalogue(textOf(context, "set"))))
    .get("/thumbnail", async (context) => {
      const file = await datasets.file(textOf(context, "set"), numberOf(context, "n"));
      const known = /^"([^"]+)"$/.exec(context.req.header("if-none-match") ?? "")?.[1];
      const found = await thumbnails.of(file, known);
      context.header("Cache-Control", "private, no-cache");
      context.header("ETag", `"${found?.digest ?? known}"`);
      if (found === undefined) return context.body(null, 304);
      return context.body(found.jpeg, 200, { "Content-Type": "image/jpeg" });
    })
    .get("/picture", async (context) => {
      const [set, name] = [textOf(context, "set"), textOf(context, "picture")];
      // The path takes precedence, because numbers may have changed since the page read them.
      const file = name === "" ? await datasets.file(set, numberOf(context, "n")) : await datasets.fileNamed(set, name);
      const type = types[/\.([a-z]+)$/i.exec(file)?.[1].toLowerCase() ?? ""];
      const bytes =
        type === undefined || isIdxReference(file)
          ? await thumbnail(file, { side: largeSide })
          : await readStored(file, { most: mostPictureBytes });
      return context.body(new Uint8Array(bytes), 200, { "Content-Type": type ?? "image/jpeg" });
    })
    .post("/copies", (context) => {
      const path = textOf(context, "set");
      const job = jobs.start("copies", path || folder.name, async ({ signal, report }) => {
        const files = await datasets.ownFiles(path);
        const inside = files.filter((file) => file !== undefined);
        const looks = await lookAtPictures([...new Set(inside)], { signal, onProgress: report });
        return nearCopyGroups(files.map((file) => (file === undefined ? undefined : looks.get(file))));
      });
      return context.json(job);
    })
    .post("/doctor", (context) => {
      const path = textOf(context, "set");
      const data = [folder.resolve(path || ".")];
      const job = jobs.start("doctor", path, ({ signal, report }) =>
        doctorCommand({ data, within: folder.real, signal, onProgress: report }),
      );
      return context.json(job);
    });
