/** Reads and checks the parts of a request. */
import { PhinetsError, parseJson, showValue } from "@phinets/core/tensor";
import { problemOf } from "@phinets/node/host";
import type { Context } from "hono";
import type { z } from "zod";

/** A non-negative integer in the path or query. */
export function numberOf({ req }: Context, name: string): number {
  const text = req.param(name) ?? req.query(name) ?? "";
  if (!/^\d{1,15}$/.test(text))
    throw new PhinetsError("studio.request", `${name} is ${showValue(text)}; a whole number from 0 is needed`, name);
  return Number(text);
}

/** A text in the query, "" where it is absent. */
export function textOf({ req }: Context, name: string): string {
  return req.query(name) ?? "";
}

/** A request's JSON body, validated by a schema. Throws PhinetsError naming the field. */
export async function bodyOf<T>({ req }: Context, schema: z.ZodType<T>): Promise<T> {
  let body: unknown;
  try {
    body = parseJson(await req.text());
  } catch (error) {
    throw new PhinetsError("studio.request", `the request's body is no JSON: ${(error as Error).message}`);
  }
  const problem = problemOf(schema, body);
  if (problem !== undefined) throw new PhinetsError("studio.request", problem);
  return schema.parse(body);
}
