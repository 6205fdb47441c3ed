/** Errors as data, as the page and other programs receive them. */
import { PhinetsError } from "@phinets/core/tensor";
import type { Context } from "hono";
import type { ErrorDocument } from "../shared/errors.js";

const statuses: Readonly<Record<string, 400 | 401 | 403 | 404 | 409 | 413>> = {
  "studio.token": 401,
  "studio.host": 403,
  "studio.origin": 403,
  "studio.outside": 403,
  "data.outside": 403,
  "studio.missing": 404,
  "phone.code": 401,
  "phone.token": 401,
  "phone.readonly": 403,
  "studio.busy": 409,
  "data.changed": 409,
  "studio.body": 413,
};

export function errorResponse(context: Context, error: unknown): Response {
  const document = errorDocument(error);
  return context.json(document, error instanceof PhinetsError ? (statuses[error.code] ?? 400) : 500);
}

/** A bug is reported as one, without details of the machine; its stack trace is printed in the terminal. */
export function errorDocument(error: unknown): ErrorDocument {
  if (!(error instanceof PhinetsError)) {
    console.error(error);
    return { error: { code: "studio.bug", message: "the studio has a bug here; its terminal shows where" } };
  }
  const { code, message, path } = error;
  return { error: { code, message, ...(path !== undefined && { path }) } };
}
