/** Server-sent events: `StudioEvents`, each under its name. A new listener first gets the current state. */
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Routes } from "../app.js";

/** Regular messages reveal connections that are gone. */
const beatEveryMs = 15_000;

export const eventRoutes: Routes = ({ jobs, phone }) =>
  new Hono().get("/", (context) =>
    streamSSE(context, async (stream) => {
      const send = (event: string, data: unknown) => void stream.writeSSE({ event, data: JSON.stringify(data) });
      const end = jobs.listen(send);
      stream.onAbort(end);
      send("phone", phone.status());
      for (const job of jobs.all) send("job", job);
      while (!stream.aborted) {
        send("beat", 0);
        await stream.sleep(beatEveryMs);
      }
    }),
  );
