/**
 * The door's HTTP application: the phone's page and, once the phone has entered the code, the newest pictures and an
 * upload.
 */
import { PhinetsError } from "@phinets/core/tensor";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import { mostPhonePictureBytes } from "../../shared/phone.js";
import { errorResponse } from "../errors.js";
import { bodyOf, textOf } from "../request.js";
import { pageFiles } from "../routes/page.js";
import { cookieName, secured } from "../security.js";
import type { PhoneDoor } from "./door.js";

export interface DoorAppOptions {
  /** Folder of the built page. */
  readonly page: string;
  /** The address, without its port, that requests must name. */
  readonly host: string;
}

const enterRequest = z.strictObject({ code: z.string().max(40) });
const mostOtherBytes = 1024;

const limited = (maxSize: number) =>
  bodyLimit({
    maxSize,
    onError: (context) =>
      errorResponse(context, new PhinetsError("studio.body", `it has more than the ${maxSize} bytes that are taken`)),
  });

export function makeDoorApp(door: PhoneDoor, { page, host }: DoorAppOptions): Hono {
  const app = new Hono();
  const files = pageFiles(page, { index: "phone.html" });
  const isFree = ({ req }: Context) =>
    req.method === "GET" ? req.path === "/" || req.path.startsWith("/assets/") : req.path === "/api/enter";
  const admit = (context: Context) =>
    isFree(context) || door.isIn(getCookie(context, cookieName("phone", context)))
      ? undefined
      : new PhinetsError("phone.token", "enter the code that the studio's page shows");
  app.use(secured({ hosts: [host], admit, isTrustworthy: false }));
  app.get("/", files);
  app.get("/assets/*", files);
  app.post("/api/enter", limited(mostOtherBytes), async (context) => {
    const { code } = await bodyOf(context, enterRequest);
    setCookie(context, cookieName("phone", context), door.enter(code), {
      ...{ httpOnly: true, sameSite: "Strict", path: "/" },
    });
    return context.body(null, 204);
  });
  app.get("/api/view", async (context) => context.json(await door.view()));
  app.get("/api/thumbnail", async (context) => {
    const jpeg = await door.thumbnail(textOf(context, "id"));
    context.header("Cache-Control", "private, no-store");
    return context.body(jpeg, 200, { "Content-Type": "image/jpeg" });
  });
  app.post(
    "/api/picture",
    async (_, next) => {
      door.requireAdding();
      await next();
    },
    limited(mostPhonePictureBytes),
    async (context) => {
      await door.add(() => wholeBody(context));
      return context.body(null, 204);
    },
  );
  app.notFound((context) => errorResponse(context, new PhinetsError("studio.missing", "this is not there")));
  app.onError((error, context) => errorResponse(context, error));
  return app;
}

/** Throws PhinetsError where the connection ends before the body does. */
async function wholeBody({ req }: Context): Promise<Uint8Array> {
  try {
    return new Uint8Array(await req.arrayBuffer());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    throw new PhinetsError("studio.request", "the picture did not come whole; send it again");
  }
}
