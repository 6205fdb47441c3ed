/**
 * Parses JSON from untrusted files. JSON.parse accepts any depth, but code that walks or prints a very deep value
 * overflows the stack (RangeError), so anything deeper than our documents ever are is rejected here.
 */
import { PhinetsError } from "./errors.js";

/** Maximum nesting depth of lists and objects. */
export const deepestJson = 100;

/**
 * JSON.parse with a depth limit. Throws PhinetsError `json.parse` or `json.depth`; the caller prefixes the file's name
 * to the message.
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PhinetsError("json.parse", `not JSON (${(error as Error).message})`);
  }
  requireShallow(value);
  return value;
}

/** Throws PhinetsError `json.depth` for a value, from any parser, that is nested too deep. */
export function requireShallow(value: unknown): void {
  // Walks level by level with sets, so that an object shared through a parser's aliases is visited once per level.
  let level = new Set<object>(isObject(value) ? [value] : []);
  for (let depth = 1; level.size > 0; depth++) {
    if (depth > deepestJson)
      throw new PhinetsError("json.depth", `lists and objects are nested more than ${deepestJson} deep`);
    const below = new Set<object>();
    for (const parent of level)
      for (const child of Array.isArray(parent) ? parent : Object.values(parent)) if (isObject(child)) below.add(child);
    level = below;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
}

/** A value as JSON for a message, truncated to `most` characters. Accepts any value, however large or deep. */
export function showValue(value: unknown, most = 60): string {
  const text = show(value, most, 4);
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}

function show(value: unknown, most: number, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value.length > most ? value.slice(0, most) : value);
  if (value === undefined) return "missing";
  if (typeof value !== "object" || value === null) return String(value);
  const isList = Array.isArray(value);
  const [open, close] = isList ? "[]" : "{}";
  if (depth === 0) return `${open}...${close}`;
  let text = open;
  for (const name in value) {
    if (text.length > most) break;
    if (text !== open) text += ",";
    const shown = show((value as Record<string, unknown>)[name], most, depth - 1);
    text += isList ? shown : `${JSON.stringify(name.slice(0, most))}:${shown}`;
  }
  return text + close;
}
