/** Reads, parses and validates users' files. Every error message names the file, what is wrong and the remedy. */
import { readFileSync } from "node:fs";
import { PhinetsError, parseJson, showValue } from "@phinets/core/tensor";
import type { z } from "zod";

export interface DocumentOptions {
  readonly code: string;
  /** The remedy, which ends every message. */
  readonly remedy: string;
}

/** Reads the text of a file. */
export function readDocument(file: string, { code, remedy }: DocumentOptions): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new PhinetsError(code, `${file}: ${describeReadError(error)}; ${remedy}`, file);
  }
}

/** Describes why a file cannot be read. */
export function describeReadError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "EISDIR" ? "is a folder, not a file" : `cannot be read (${code ?? message})`;
}

/** Reads and parses a JSON file. */
export function readJson(file: string, options: DocumentOptions): unknown {
  return parseDocument(readDocument(file, options), file, options);
}

/** Parses the text of a JSON file. */
export function parseDocument(text: string, file: string, { code, remedy }: DocumentOptions): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new PhinetsError(code, `${file}: ${(error as Error).message}; ${remedy}`, file);
  }
}

/**
 * The first issue that a schema finds, in one line: the field, its value and what is needed; or the field and the
 * schema's message, where that begins with "is"; or a field that a strict schema does not have. Undefined where the
 * value is valid.
 */
export function problemOf(schema: z.ZodType, value: unknown): string | undefined {
  const issue = schema.safeParse(value).error?.issues[0];
  if (issue === undefined) return undefined;
  const path = issue.path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`),
    "",
  );
  if (issue.code === "unrecognized_keys")
    return `${path || "the document"} has ${showValue(issue.keys[0])}, which is no field of it; remove it`;
  let found: unknown = value;
  for (const key of issue.path) found = (found as Record<PropertyKey, unknown> | undefined)?.[key];
  const needed = issue.message.replace(/^(Invalid|Too)[^:]*: (expected )?/, "").replace(/, received .*$/, "");
  if (issue.message.startsWith("is ")) return `${path} ${issue.message}`;
  if (found === undefined) return `${path || "the document"} is missing; ${needed} is needed`;
  return `${path || "the document"} is ${showValue(found)}; ${needed} is needed`;
}
