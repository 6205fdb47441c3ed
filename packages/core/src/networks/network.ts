/**
 * network.json: what a network is, before any graph exists. Every field but `family` and `input` has a default; a field
 * that is unknown, of the wrong type or impossible is an error naming it, its value and what is allowed.
 */
import { PhinetsError } from "../tensor/index.js";

export interface NetworkInput {
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  readonly channels: number;
}

/** Class names, or only how many there are. */
export type Classes = readonly string[] | number;

export interface NoHead {
  readonly kind: "none";
}

export interface ClassifierHead {
  readonly kind: "classifier";
  /** At least 2. Default 10. */
  readonly classes: Classes;
}

export interface Yolov2Head {
  readonly kind: "yolov2";
  /** At least 1. */
  readonly classes: Classes;
  /** Width and height in grid cells. Default: `defaultAnchors`. */
  readonly anchors: readonly (readonly [width: number, height: number])[];
  /** Channels between the backbone and the prediction layer. Default 128. */
  readonly filters: number;
  /** How raw centres become positions (see detection/decode): what the training loss assumed. Default "yolov2". */
  readonly decoder: "yolov2" | "scaled";
}

export type Head = NoHead | ClassifierHead | Yolov2Head;

export interface Network {
  readonly family: "phinet";
  readonly profile: "micromind";
  readonly input: NetworkInput;
  /** Width multiplier. Default 0.2. */
  readonly alpha: number;
  /** Last expansion / first expansion. Default 1. */
  readonly beta: number;
  /** Base expansion. Default 6. */
  readonly t0: number;
  /** Blocks with an expansion (N), rounded half to even; blocks 1, 2 and 3 always exist. Default 7. */
  readonly blocks: number;
  /** Ids (4 or more) of blocks that halve the map and double the width; ids above `blocks` have no effect. Default [5, 7]. */
  readonly downsampling: readonly number[];
  /** Widths are rounded to a multiple of it. Default 1. */
  readonly divisor: number;
  /** Stride of the separable stem. Default 2. */
  readonly stemStride: number;
  /** Share of the blocks (the last ones, ids 4 and up) with a 5x5 depthwise kernel, 0..1. Default 0. */
  readonly conv5: number;
  /** Default "hardswish". */
  readonly activation: "hardswish" | "relu6";
  /** Default true. */
  readonly squeezeExcite: boolean;
  /** Default true. */
  readonly residuals: boolean;
  /** Max pooling in place of strides. Default false. */
  readonly pool: boolean;
  /** An unpadded 3x3 convolution in place of stem and block 0. Default false. */
  readonly conv2dInput: boolean;
  /** Only operators that every tool chain has: ReLU6 and no squeeze-and-excite. Default false. */
  readonly compatibility: boolean;
  readonly head: Head;
}

/** Anchors of the authors' STM32H7 person detector, in cells of its 10x10 grid. */
export const defaultAnchors: readonly (readonly [number, number])[] = [
  [0.72, 1.43],
  [1.12, 1.09],
  [1.31, 2.25],
  [2.37, 3.5],
  [4.23, 5.7],
];

/** Number of classes of a head; 0 without one. */
export function classCount(head: Head): number {
  if (head.kind === "none") return 0;
  return typeof head.classes === "number" ? head.classes : head.classes.length;
}

/** Names of a head's classes; "class0", "class1", ... where only their number is known. */
export function classNames(head: Head): readonly string[] {
  if (head.kind === "none") return [];
  if (typeof head.classes !== "number") return head.classes;
  return Array.from({ length: head.classes }, (_, i) => `class${i}`);
}

/**
 * Validates the content of a network.json and fills in its defaults.
 * Throws PhinetsError whose `path` is the field, e.g. `head.anchors[1]`.
 */
export function parseNetwork(json: unknown): Network {
  const root = new Fields(json, "");
  // The family decides which fields exist, so it is read first.
  const family = root.oneOf("family", ["phinet", "mobilenetv2", "efficientnet"] as const);
  if (family !== "phinet") refuse("family", family, '"phinet" (the other families cannot be built yet)');
  const profile = root.oneOf("profile", ["micromind", "paper"] as const, "micromind");
  if (profile !== "micromind") refuse("profile", profile, '"micromind" (the paper\'s profile cannot be built yet)');
  const input = root.object("input");
  const network: Network = {
    family,
    profile,
    input: {
      height: input.integer("height", 1, 4096),
      width: input.integer("width", 1, 4096),
      channels: input.integer("channels", 1, 1024, 3),
    },
    alpha: root.positive("alpha", 16, 0.2),
    beta: root.positive("beta", 16, 1),
    t0: root.positive("t0", 64, 6),
    blocks: root.positive("blocks", 64, 7),
    downsampling: root.list("downsampling", [5, 7], (value, path) => integer(value, path, 4, 64)),
    divisor: root.integer("divisor", 1, 256, 1),
    stemStride: root.integer("stemStride", 1, 8, 2),
    conv5: root.number("conv5", 0, 1, 0),
    activation: root.oneOf("activation", ["hardswish", "relu6"] as const, "hardswish"),
    squeezeExcite: root.boolean("squeezeExcite", true),
    residuals: root.boolean("residuals", true),
    pool: root.boolean("pool", false),
    conv2dInput: root.boolean("conv2dInput", false),
    compatibility: root.boolean("compatibility", false),
    head: root.has("head") ? parseHead(root.object("head")) : { kind: "none" },
  };
  input.end();
  root.end();
  if (new Set(network.downsampling).size !== network.downsampling.length)
    refuse("downsampling", network.downsampling, "block ids that differ");
  if (roundHalfToEven(network.blocks) < 1) refuse("blocks", network.blocks, "a number that rounds to 1 or more");
  return network;
}

/** 6.5 -> 6, 7.5 -> 8: how the reference rounds a number of blocks. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

function parseHead(fields: Fields): Head {
  const kind = fields.oneOf("kind", ["none", "classifier", "yolov2"] as const);
  let head: Head;
  if (kind === "none") head = { kind };
  else if (kind === "classifier") head = { kind, classes: fields.classes(2, 10) };
  else {
    const anchors = fields.list("anchors", defaultAnchors, (value, path): readonly [number, number] => {
      if (!Array.isArray(value) || value.length !== 2) refuse(path, value, "[width, height] in grid cells");
      return [positive(value[0], `${path}[0]`, 1024), positive(value[1], `${path}[1]`, 1024)];
    });
    if (anchors.length === 0) refuse("head.anchors", anchors, "at least one [width, height] in grid cells");
    head = {
      kind,
      classes: fields.classes(1),
      anchors,
      filters: fields.integer("filters", 1, 4096, 128),
      decoder: fields.oneOf("decoder", ["yolov2", "scaled"] as const, "yolov2"),
    };
  }
  fields.end();
  return head;
}

/** Reads the fields of one JSON object and remembers which were asked for, so that the others can be refused. */
class Fields {
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

  object(name: string): Fields {
    return this.#read(name, undefined, "an object", (value, path) => new Fields(value, path));
  }

  number(name: string, least: number, most: number, fallback?: number): number {
    return this.#read(name, fallback, `a number in ${least}..${most}`, (value, path) => {
      if (typeof value !== "number" || !(value >= least && value <= most))
        refuse(path, value, `a number in ${least}..${most}`);
      return value;
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

  list<T>(name: string, fallback: readonly T[], item: (value: unknown, path: string) => T): readonly T[] {
    return this.#read(name, fallback, "a list", (value, path) => {
      if (!Array.isArray(value)) refuse(path, value, "a list");
      return value.map((entry, i) => item(entry, `${path}[${i}]`));
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

  /** Refuses every field that was not asked for. */
  end(): void {
    for (const name of Object.keys(this.#fields)) {
      if (this.#known.has(name)) continue;
      const path = this.#at(name);
      throw new PhinetsError(
        "networks.field",
        `network: unknown field ${path} (${show(this.#fields[name])}); known: ${[...this.#known].join(", ")}`,
        path,
      );
    }
  }
}

function integer(value: unknown, path: string, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    refuse(path, value, `an integer in ${least}..${most}`);
  return value as number;
}

function positive(value: unknown, path: string, most: number): number {
  if (typeof value !== "number" || !(value > 0 && value <= most))
    refuse(path, value, `a number above 0, ${most} at most`);
  return value;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function refuse(path: string, value: unknown, allowed: string): never {
  throw new PhinetsError("networks.field", `network: ${path} is ${show(value)}; it must be ${allowed}`, path);
}
