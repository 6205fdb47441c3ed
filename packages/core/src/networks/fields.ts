/** Reads the fields of a JSON document; every error names the field, its value and the allowed values. */
import { PhinetsError, showValue } from "../tensor/index.js";
import type { Classes } from "./network.js";

/** Reads the fields of one JSON object and remembers which were requested, so that unknown fields can be refused. */
export class Fields {
  readonly #fields: Record<string, unknown>;
  readonly #known = new Set<string>();

  constructor(
    value: unknown,
    readonly path: string,
  ) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      refuse(path || "the document", value, "an object with named fields");
    this.#fields = value as Record<string, unknown>;
  }

  #at(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  has(name: string): boolean {
    this.#known.add(name);
    return this.#fields[name] !== undefined;
  }

  #read<T>(name: string, fallback: T | undefined, allowed: string, read: (value: unknown, path: string) => T): T {
    if (this.has(name)) return read(this.#fields[name], this.#at(name));
    if (fallback !== undefined) return fallback;
    throw new PhinetsError(
      "networks.field",
      `network: ${this.#at(name)} is missing; ${allowed} is needed`,
      this.#at(name),
    );
  }

  /** The unchecked value; undefined where the field is absent. */
  value(name: string): unknown {
    return this.has(name) ? this.#fields[name] : undefined;
  }

  object(name: string): Fields {
    return this.#read(name, undefined, "an object", (value, path) => new Fields(value, path));
  }

  number(name: string, least: number, most: number, fallback?: number): number {
    return this.#read(name, fallback, `a number in ${least}..${most}`, (value, path) => {
      if (typeof value !== "number" || !(value >= least && value <= most))
        refuse(path, value, `a number in ${least}..${most}`);
      return value + 0;
    });
  }

  positive(name: string, most: number, fallback?: number): number {
    return this.#read(name, fallback, "a number", (value, path) => positive(value, path, most));
  }

  integer(name: string, least: number, most: number, fallback?: number): number {
    return this.#read(name, fallback, `an integer in ${least}..${most}`, (value, path) =>
      integer(value, path, least, most),
    );
  }

  boolean(name: string, fallback: boolean): boolean {
    return this.#read(name, fallback, "true or false", (value, path) => {
      if (typeof value !== "boolean") refuse(path, value, "true or false");
      return value;
    });
  }

  oneOf<T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const allowed = choices.map((choice) => JSON.stringify(choice)).join(" or ");
    return this.#read(name, fallback, allowed, (value, path) => {
      if (!choices.includes(value as T)) refuse(path, value, allowed);
      return value as T;
    });
  }

  text(name: string, most: number): string {
    const allowed = `a text of 1 to ${most} characters`;
    return this.#read(name, undefined, allowed, (value, path) => {
      if (typeof value !== "string" || value === "" || value.length > most) refuse(path, value, allowed);
      return value;
    });
  }

  list<T>(name: string, fallback: readonly T[], item: (value: unknown, path: string) => T): readonly T[] {
    return this.#read(name, fallback, "a list", (value, path) => {
      if (!Array.isArray(value)) refuse(path, value, "a list");
      return value.map((entry, i) => item(entry, `${path}[${i}]`));
    });
  }

  oneOfNumbers<T extends number>(name: string, choices: readonly T[], fallback?: T): T {
    const allowed = choices.join(" or ");
    return this.#read(name, fallback, allowed, (value, path) => {
      if (!choices.includes(value as T)) refuse(path, value, allowed);
      return value as T;
    });
  }

  classes(least: number, fallback?: number): Classes {
    const allowed = `at least ${least} class name${least > 1 ? "s" : ""}, or their number`;
    return this.#read<Classes>("classes", fallback, allowed, (value, path) => {
      if (Array.isArray(value)) {
        for (const [i, name] of value.entries())
          if (typeof name !== "string" || name === "") refuse(`${path}[${i}]`, name, "a class name");
        const repeated = value.find((name, i) => value.indexOf(name) !== i);
        if (repeated !== undefined) refuse(path, repeated, "class names that differ");
      } else if (!Number.isInteger(value)) refuse(path, value, allowed);
      const count = Array.isArray(value) ? value.length : (value as number);
      if (count < least || count > 10000) {
        const why = least === 2 ? " (a classifier with one class has nothing to tell apart)" : "";
        refuse(path, value, `${allowed}, 10000 at most${why}`);
      }
      return value as Classes;
    });
  }

  /** Throws PhinetsError for a field that was never requested. */
  end(): void {
    for (const name of Object.keys(this.#fields)) {
      if (this.#known.has(name)) continue;
      const path = this.#at(name);
      throw new PhinetsError(
        "networks.field",
        `network: unknown field ${path} (${showValue(this.#fields[name])}); known: ${[...this.#known].join(", ")}`,
        path,
      );
    }
  }
}

export function integer(value: unknown, path: string, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    refuse(path, value, `an integer in ${least}..${most}`);
  return (value as number) + 0; // turns JSON's -0 into 0
}

export function positive(value: unknown, path: string, most: number): number {
  if (typeof value !== "number" || !(value > 0 && value <= most))
    refuse(path, value, `a number above 0, ${most} at most`);
  return value;
}

/** Checks a `[width, height]` pair. */
export function anchorOf(
  value: unknown,
  path: string,
  { unit, most }: { readonly unit: string; readonly most: number },
): readonly [width: number, height: number] {
  if (!Array.isArray(value) || value.length !== 2) refuse(path, value, `[width, height] in ${unit}`);
  return [positive(value[0], `${path}[0]`, most), positive(value[1], `${path}[1]`, most)];
}

/** Number of classes. */
export const countOf = (classes: Classes): number => (typeof classes === "number" ? classes : classes.length);

export function refuse(path: string, value: unknown, allowed: string): never {
  throw new PhinetsError("networks.field", `network: ${path} is ${showValue(value)}; it must be ${allowed}`, path);
}
