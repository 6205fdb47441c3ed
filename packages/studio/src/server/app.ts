/** The studio's HTTP application: access control (security.ts), one router per resource, and the page's files. */
import { PhinetsError } from "@phinets/core/tensor";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { errorResponse } from "./errors.js";
import { captureRoutes } from "./routes/captures.js";
import { dataRoutes } from "./routes/data.js";
import { eventRoutes } from "./routes/events.js";
import { jobRoutes } from "./routes/jobs.js";
import { labelRoutes } from "./routes/labels.js";
import { liveRoutes } from "./routes/live.js";
import { pageFiles } from "./routes/page.js";
import { phoneRoutes } from "./routes/phone.js";
import { runRoutes } from "./routes/runs.js";
import { sessionRoutes } from "./routes/session.js";
import { shipRoutes } from "./routes/ship.js";
import { sweepRoutes } from "./routes/sweeps.js";
import { tryRoutes } from "./routes/try.js";
import { mostBodyBytes, secured, withToken } from "./security.js";
import type { Studio } from "./studio.js";

export interface AppOptions {
  /** Host names, without ports, that requests may address. */
  readonly hosts: readonly string[];
  readonly token: string;
  /** Folder of the built page. */
  readonly page: string;
}

/** Makes the router of one resource, below /api/NAME. */
export type Routes = (studio: Studio) => Hono;

const routes: Readonly<Record<string, Routes>> = {
  captures: captureRoutes,
  data: dataRoutes,
  events: eventRoutes,
  jobs: jobRoutes,
  labels: labelRoutes,
  live: liveRoutes,
  phone: phoneRoutes,
  runs: runRoutes,
  session: sessionRoutes,
  ship: shipRoutes,
  sweeps: sweepRoutes,
  try: tryRoutes,
};

export function makeApp(studio: Studio, { page, hosts, token }: AppOptions): Hono {
  const app = new Hono();
  app.use(secured({ hosts, admit: withToken(token) }));
  app.use(
    bodyLimit({
      maxSize: mostBodyBytes,
      onError: (context) =>
        errorResponse(
          context,
          new PhinetsError("studio.body", `a request has at most ${mostBodyBytes} bytes; send less at a time`),
        ),
    }),
  );
  for (const [name, route] of Object.entries(routes)) app.route(`/api/${name}`, route(studio));
  app.get("*", pageFiles(page));
  app.notFound((context) =>
    errorResponse(context, new PhinetsError("studio.missing", `${context.req.method} ${context.req.path} is unknown`)),
  );
  app.onError((error, context) => errorResponse(context, error));
  return app;
}
