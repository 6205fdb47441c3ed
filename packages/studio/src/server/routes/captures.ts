/** Saves pictures that the page takes with a camera. The body is a picture file. */
import { Hono } from "hono";
import type { Routes } from "../app.js";
import { saveCapture } from "../captures.js";
import { textOf } from "../request.js";

export const captureRoutes: Routes = ({ datasets }) =>
  new Hono().post("/", async (context) => {
    const [set, kind, make] = ["set", "class", "make"].map((name) => textOf(context, name));
    const bytes = new Uint8Array(await context.req.arrayBuffer());
    return context.json(await saveCapture(datasets, { set, bytes, kind: kind || undefined, make: make === "1" }));
  });
