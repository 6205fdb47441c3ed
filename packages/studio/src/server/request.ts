/** What a request says, checked. */
import { PhinetsError, showValue } from "@phinets/core/tensor";
import type { Context } from "hono";

/** A whole number from 0 in the path or query. */
export function numberOf({ req }: Context, name: string): number {
  const text = req.param(name) ?? req.query(name) ?? "";
  if (!/^\d{1,15}$/.test(text))
    throw new PhinetsError("studio.request", `${name} is ${showValue(text)}; a whole number from 0 is needed`, name);
  return Number(text);
}

/** A text in the query, "" where it is not given. */
export function textOf({ req }: Context, name: string): string {
  return req.query(name) ?? "";
}
