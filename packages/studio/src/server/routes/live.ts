/** Routes of the room Live: runs to compare a board with, and the serial line of an emulated board. */
import { join } from "node:path";
import { defaultScoreThreshold } from "@phinets/core/export";
import { classNames, findsBoxes } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "@phinets/node/files";
import { loadNetwork } from "@phinets/node/run";
import { firmwareScoreThreshold, runLine } from "@phinets/node/steps";
import { targetOf } from "@phinets/node/target";
import { Hono } from "hono";
import { type LiveList, type LiveRun, type LiveRunDetail, liveFiles } from "../../shared/live.js";
import type { Routes } from "../app.js";
import { clipsIn } from "../find.js";
import type { Places } from "../places.js";
import { numberOf, textOf } from "../request.js";

/** Limit for files of an int8 network; those of the largest networks have a few megabytes. */
const mostFileBytes = 64 * 1024 * 1024;

export const liveRoutes: Routes = ({ folder, places }) =>
  new Hono()
    .get("/", (context) =>
      context.json({ runs: detectorsIn(places), clips: clipsIn(folder, { frames: true }) } satisfies LiveList),
    )
    .get("/run", (context) => {
      const run = places.resolve(textOf(context, "run"));
      const detail: LiveRunDetail = { scoreThreshold: firmwareScoreThreshold(run) ?? defaultScoreThreshold };
      return context.json(detail);
    })
    .get("/file", (context) => {
      const [run, name] = [textOf(context, "run"), textOf(context, "name")];
      if (!(liveFiles as readonly string[]).includes(name))
        throw new PhinetsError("studio.missing", `${name}: is no file of an int8 network`, name);
      const bytes = new Uint8Array(readRegularSync(places.resolve(run, name), { most: mostFileBytes }));
      return context.body(bytes, 200, { "Content-Type": "application/octet-stream" });
    })
    .get("/emulated", async (context) => {
      const run = places.resolve(textOf(context, "run"));
      const clip = folder.resolve(textOf(context, "clip") || ".");
      const [pictures, times] = [numberOf(context, "pictures") > 0, numberOf(context, "times")];
      const stop = new AbortController();
      const line = runLine(run, { clip, pictures, times, signal: stop.signal });
      // Wait for the first bytes, so that a failure to start becomes an error response.
      const first = await line.next();
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          if (first.done) controller.close();
          else controller.enqueue(first.value);
        },
        async pull(controller) {
          const { done, value } = await line.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        async cancel() {
          stop.abort();
          await line.return();
        },
      });
      return context.body(body, 200, { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" });
    });

function detectorsIn(places: Places): LiveRun[] {
  return places.with("quantized.json").flatMap(({ id, path }): LiveRun[] => {
    try {
      const { head } = loadNetwork(join(path, "network.json"));
      return !findsBoxes(head) ? [] : [{ id, classes: classNames(head), board: targetOf(path, undefined).name }];
    } catch (error) {
      if (error instanceof PhinetsError) return []; // an incomplete or damaged run
      throw error;
    }
  });
}
