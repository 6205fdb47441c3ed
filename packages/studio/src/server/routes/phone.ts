/** Controls the door for a phone: open, close, renew its code, allow adding pictures. */
import { Hono } from "hono";
import { z } from "zod";
import type { OpenDoorRequest } from "../../shared/phone.js";
import type { Routes } from "../app.js";
import { bodyOf } from "../request.js";

const openRequest: z.ZodType<OpenDoorRequest> = z.strictObject({
  address: z.string().max(100),
  set: z.string().max(1000),
  make: z.boolean().optional(),
  kind: z.string().max(1000).optional(),
  mayAdd: z.boolean(),
});
const addingRequest = z.strictObject({ mayAdd: z.boolean() });

export const phoneRoutes: Routes = ({ phone }) =>
  new Hono()
    .get("/", (context) => context.json(phone.status()))
    .post("/", async (context) => {
      await phone.open(await bodyOf(context, openRequest));
      return context.json(phone.status());
    })
    .delete("/", async (context) => {
      await phone.close();
      return context.body(null, 204);
    })
    .post("/code", (context) => {
      phone.renewCode();
      return context.json(phone.status());
    })
    .post("/adding", async (context) => {
      phone.allowAdding((await bodyOf(context, addingRequest)).mayAdd);
      return context.json(phone.status());
    });
