/** Reads a sweep's YAML file: the options to try, how to search, and the objective. */
import { readFileSync, statSync } from "node:fs";
import { type Dimension, isRange, type RangeDimension, type SettingValue } from "@phinets/core/sweep";
import { PhinetsError, showValue } from "@phinets/core/tensor";
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from "yaml";
import { describeReadError } from "../host/document.js";
import type { OptionEntry } from "../run/option-file.js";
import { parseYaml } from "../text/yaml.js";

export const searches = ["grid", "random", "asha"] as const;
export type Search = (typeof searches)[number];

export const objectives = ["AP50", "AP", "top1"] as const;
export type Objective = (typeof objectives)[number];

/** Resources that a network may take of its board; a setting that exceeds them is dropped before any training. */
export interface SweepLimits {
  readonly ramBytes?: number;
  readonly flashBytes?: number;
  /** Upper bound on the slow end of the estimated latency range. */
  readonly latencyMs?: number;
  readonly energyMj?: number;
  /** Average power in milliwatts at `fps` frames per second, asleep between frames. */
  readonly powerMw?: number;
  readonly fps?: number;
}

export interface SweepFile {
  readonly path: string;
  /** Options of `train` that all settings share. */
  readonly options: readonly OptionEntry[];
  /** Names or paths of boards. Empty where `target` is one of `options`, or where networks are named. */
  readonly targets: readonly string[];
  /** The options to vary, without "seed" and "target". */
  readonly space: readonly Dimension[];
  /** Try every network of each board's Pareto set, as `fit` finds it, instead of one network. */
  readonly pareto: boolean;
  /** Where each option of `space`, and "space" itself, stands in the file: "sweep.yaml:7:3". */
  readonly places: Readonly<Record<string, string>>;
  readonly seeds: readonly number[];
  readonly search: Search;
  /** Number of settings to draw; a grid has a fixed number. */
  readonly trials: number;
  readonly reduction: number;
  readonly firstEpochs: number;
  readonly objective?: Objective;
  readonly on: "float" | "int8";
  readonly limits: SweepLimits;
}

const mostBytes = 1 << 20;
/** A larger number is taken for a mistake. */
export const mostSettings = 100_000;

/** Reads a sweep's YAML. Throws as `parseSweep` does, and where the file cannot be read. */
export async function readSweepFile(path: string): Promise<SweepFile> {
  return parseSweep(readText(path), path);
}

/**
 * Parses a sweep's YAML. Options of `train` are not validated here.
 * @param path of the file, which places and errors name
 * @throws PhinetsError `sweep.file`, its message `PATH:LINE:COLUMN: ...`, where a key of the sweep has an invalid value
 */
export async function parseSweep(text: string, path: string): Promise<SweepFile> {
  try {
    await parseYaml(text); // refuses hostile documents and duplicate keys
  } catch (error) {
    throw new PhinetsError("sweep.file", `${path}:${(error as Error).message}`, path);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const placeOf = (node: Node | null | undefined): string => {
    const { line, col } = lines.linePos(node?.range?.[0] ?? 0);
    return `${path}:${line}:${col}`;
  };
  const fail = (node: Node | null | undefined, problem: string): never => {
    throw new PhinetsError("sweep.file", `${placeOf(node)}: ${problem}`, path);
  };
  const { contents } = document;
  if (!isMap(contents))
    return fail(
      contents as Node | null,
      "is not a sweep: keys like data, space and trials are needed; phinets init --sweep writes one",
    );
  const entriesOf = (map: YAMLMap, inRecipe = false): OptionEntry[] =>
    map.items.map((pair) => {
      const { key, value } = pair as Pair<Node, Node | null>;
      if (!isScalar(key)) return fail(key, "a key is not a name");
      return { key: String(key.value), inRecipe, value: value?.toJS(document) ?? null, place: placeOf(key) };
    });
  const nodes = new Map<string, Node | null>();
  for (const pair of contents.items as Pair<Node, Node | null>[])
    nodes.set(String(isScalar(pair.key) ? pair.key.value : ""), pair.value);
  const whole = (name: string, usual: number, { min, max }: { readonly min: number; readonly max: number }): number => {
    const node = nodes.get(name);
    if (node === undefined) return usual;
    const value: unknown = node?.toJS(document);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    return fail(node, `${name} is ${showValue(value)}; an integer from ${min} to ${max} is needed`);
  };
  const word = <T extends string>(name: string, words: readonly T[]): T | undefined => {
    const node = nodes.get(name);
    if (node === undefined) return undefined;
    const value: unknown = node?.toJS(document);
    if (words.includes(value as T)) return value as T;
    return fail(node, `${name} is ${showValue(value)}; one of ${words.join(", ")} is needed`);
  };
  const places: Record<string, string> = {};
  const space: Dimension[] = [];
  const spaceNode = nodes.get("space");
  const pareto = isScalar(spaceNode) && spaceNode.value === "pareto";
  if (isMap(spaceNode)) {
    for (const pair of spaceNode.items as Pair<Node, Node | null>[]) {
      const name = isScalar(pair.key) ? String(pair.key.value) : fail(pair.key, "a key is not a name");
      if (name === "seed" || name === "target")
        fail(pair.key, `${name} stands beside space, not in it: ${name}: [...]`);
      places[name] = placeOf(pair.key);
      space.push(dimensionOf(name, pair.value, { document, fail }));
    }
  } else if (spaceNode !== undefined && !pareto) {
    fail(
      spaceNode,
      `space is ${showValue(spaceNode?.toJS(document))}; options with lists or ranges, or pareto, are needed`,
    );
  }
  places.space = placeOf(spaceNode);
  const search = word("search", searches) ?? "grid";
  const range = space.find(isRange);
  if (search === "grid" && range !== undefined)
    fail(
      nodes.get("search") ?? spaceNode,
      `space.${range.name} is a range, of which a grid takes no value; list values, or search: random or asha`,
    );
  const own = new Set([...ownKeys, "recipe"]);
  const recipe = contents.items.find(({ key }) => isScalar(key) && key.value === "recipe")?.value;
  return {
    path,
    options: [
      ...entriesOf(contents).filter(({ key }) => !own.has(key)),
      ...(isMap(recipe) ? entriesOf(recipe, true) : []),
    ],
    targets: listOf("target", nodes, document, fail).map((value) => String(value)),
    space,
    pareto,
    places,
    seeds: seedsOf(nodes, document, fail),
    search,
    trials: whole("trials", search === "grid" ? mostSettings : 27, { min: 1, max: mostSettings }),
    reduction: whole("reduction", 3, { min: 2, max: 100 }),
    firstEpochs: whole("firstEpochs", 1, { min: 1, max: 100_000 }),
    objective: word("objective", objectives),
    on: word("on", ["float", "int8"]) ?? "float",
    limits: limitsOf(nodes.get("limits"), { document, fail }),
  };
}

/** Keys of the sweep itself; all others are options of `train`. */
const ownKeys = [
  ...["target", "space", "seed", "search", "trials", "reduction", "firstEpochs", "objective", "on", "limits"],
];

type Document = ReturnType<typeof parseDocument>;
type Fail = (node: Node | null | undefined, problem: string) => never;
interface Reading {
  readonly document: Document;
  readonly fail: Fail;
}

function dimensionOf(name: string, node: Node | null, { document, fail }: Reading): Dimension {
  const value: unknown = node?.toJS(document);
  if (isSeq(node)) {
    const values = value as unknown[];
    if (values.length === 0) fail(node, `space.${name} is an empty list; list the values to try`);
    const bad = values.findIndex((each) => !isSettingValue(each));
    if (bad >= 0)
      fail(
        node.items[bad] as Node,
        `space.${name}[${bad}] is ${showValue(values[bad])}; a number, a word, true or false is needed`,
      );
    const twice = values.findIndex((each, i) => values.indexOf(each) !== i);
    if (twice >= 0) fail(node.items[twice] as Node, `space.${name} has ${showValue(values[twice])} twice; remove one`);
    return { name, values: values as SettingValue[] };
  }
  if (isMap(node)) return rangeOf(name, node, value as Readonly<Record<string, unknown>>, fail);
  return fail(node, `space.${name} is ${showValue(value)}; a list of values, or {min, max, scale: log} is needed`);
}

function rangeOf(name: string, node: YAMLMap, range: Readonly<Record<string, unknown>>, fail: Fail): RangeDimension {
  const { min, max, scale = "linear", ...others } = range;
  const [strange] = Object.keys(others);
  if (strange !== undefined) fail(node, `space.${name}.${strange}: is no part of a range; min, max and scale are`);
  for (const [part, bound] of [
    ["min", min],
    ["max", max],
  ] as const)
    if (typeof bound !== "number" || !Number.isFinite(bound))
      fail(node, `space.${name}.${part} is ${showValue(bound)}; a number is needed`);
  const [low, high] = [min as number, max as number];
  if (low >= high) fail(node, `space.${name}.max is ${high}; a number above min, ${low}, is needed`);
  if (scale !== "linear" && scale !== "log")
    fail(node, `space.${name}.scale is ${showValue(scale)}; one of linear, log is needed`);
  if (scale === "log" && low <= 0) fail(node, `space.${name}.min is ${low}; a range on scale: log begins above 0`);
  return { name, min: low, max: high, scale: scale as RangeDimension["scale"] };
}

const isSettingValue = (value: unknown): value is SettingValue =>
  typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));

function listOf(name: string, nodes: ReadonlyMap<string, Node | null>, document: Document, fail: Fail): SettingValue[] {
  const node = nodes.get(name);
  if (node === undefined || node === null) return [];
  const value: unknown = node.toJS(document);
  const values = Array.isArray(value) ? value : [value];
  for (const [i, each] of values.entries()) {
    if (!isSettingValue(each)) fail(node, `${name} is ${showValue(each)}; a word or a list of words is needed`);
    if (values.indexOf(each) !== i) fail(node, `${name} has ${showValue(each)} twice; remove one`);
  }
  return values as SettingValue[];
}

function seedsOf(nodes: ReadonlyMap<string, Node | null>, document: Document, fail: Fail): number[] {
  const seeds = listOf("seed", nodes, document, fail);
  const bad = seeds.find((seed) => !(Number.isInteger(seed) && (seed as number) >= 0 && (seed as number) < 2 ** 32));
  if (bad !== undefined)
    fail(nodes.get("seed"), `seed is ${showValue(bad)}; integers from 0 to ${2 ** 32 - 1} are needed`);
  return seeds.length === 0 ? [0] : (seeds as number[]);
}

const limitNames = ["ramBytes", "flashBytes", "latencyMs", "energyMj", "powerMw", "fps"] as const;

function limitsOf(node: Node | null | undefined, { document, fail }: Reading): SweepLimits {
  if (node === undefined || node === null) return {};
  const value: unknown = node.toJS(document);
  if (!isMap(node))
    return fail(node, `limits is ${showValue(value)}; ${limitNames.join(", ")} with numbers are needed`);
  for (const [name, limit] of Object.entries(value as Record<string, unknown>)) {
    if (!(limitNames as readonly string[]).includes(name))
      fail(node, `limits.${name}: is no limit of a sweep; ${limitNames.join(", ")} are`);
    if (typeof limit !== "number" || !(limit > 0) || !Number.isFinite(limit))
      fail(node, `limits.${name} is ${showValue(limit)}; a number above 0 is needed`);
  }
  const limits = value as SweepLimits;
  if ((limits.powerMw === undefined) !== (limits.fps === undefined))
    fail(
      node,
      "limits.powerMw is milliwatts at so many frames a second: limits.fps and limits.powerMw are given together",
    );
  return limits;
}

function readText(path: string): string {
  const remedy = "name a sweep's YAML; phinets init --sweep writes one";
  try {
    const { size } = statSync(path);
    if (size > mostBytes)
      throw new PhinetsError("sweep.file", `${path}: of ${size} bytes is no sweep; ${remedy}`, path);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof PhinetsError) throw error;
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new PhinetsError(
      "sweep.file",
      `${path}: ${gone ? "there is no such file" : describeReadError(error)}; ${remedy}`,
      path,
    );
  }
}
