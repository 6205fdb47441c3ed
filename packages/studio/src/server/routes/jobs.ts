/** Long-running work: lists jobs, returns results, stops jobs. Each kind of job is started by a route of its own. */
import { Hono } from "hono";
import type { Routes } from "../app.js";
import { numberOf } from "../request.js";

export const jobRoutes: Routes = ({ jobs }) =>
  new Hono()
    .get("/", (context) => context.json(jobs.all))
    .get("/:id", (context) => context.json(jobs.result(numberOf(context, "id")) as object))
    .delete("/:id", (context) => {
      jobs.stop(numberOf(context, "id"));
      return context.body(null, 204);
    });
