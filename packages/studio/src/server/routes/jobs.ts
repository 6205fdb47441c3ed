/** Long work: what runs, what it made, and how to stop it. Whoever starts a job does so in a route of its own. */
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
