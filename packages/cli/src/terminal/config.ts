/**
 * --cfg: options of a file become options of the command and are checked in the same way; the command line takes
 * precedence.
 */
import { dirname, isAbsolute, resolve } from "node:path";
import { nearest, PhinetsError } from "@phinets/core/tensor";
import type { OptionEntry } from "@phinets/node/run";
import type { Command, Option } from "commander";
import { attributeName, longName, type OptionDefinition } from "./definition.js";

export interface ConfigOptions {
  readonly file: string;
  readonly entries: readonly OptionEntry[];
  readonly own: readonly OptionDefinition[];
  /** The options of all commands: a file may serve several. */
  readonly all: () => Promise<readonly OptionDefinition[]>;
  /** Attribute names of options on the command line. */
  readonly given: ReadonlySet<string>;
}

/** Options that apply to a single invocation only. */
const neverInFiles = ["cfg", "json", "resume", "fromLock", "stopAfter", "fromSweep"];

/**
 * Sets a command's options from a file. Throws PhinetsError `cli.config` with line and column for a key that no command
 * has, and for a value that its option does not accept.
 */
export async function applyConfig(command: Command, options: ConfigOptions): Promise<void> {
  const { file, entries, own, all, given } = options;
  for (const entry of entries) {
    const found = find(entry, own);
    if (found === undefined) {
      requireKnown(entry, await all(), file);
      continue; // an option of another command
    }
    const { definition, negated } = found;
    const attribute = attributeName(definition);
    if (given.has(attribute) || definition.yields?.some((name) => given.has(name))) continue;
    const value = configValue(entry, definition, negated, file);
    if (value !== undefined) command.setOptionValueWithSource(attribute, value, "config");
  }
}

/** Attribute names of the options on the command line, in the user's spelling or as rewritten for commander. */
export function givenOptions(words: readonly string[], options: readonly Option[]): Set<string> {
  const given = new Set<string>();
  for (const word of words) {
    if (word === "--") break;
    // plots=true counts as an option, although there is only --no-plots.
    const on = /^([a-z][a-z-]*)=(?:true|1|yes)$/i.exec(word)?.[1];
    const option = options.find(
      ({ long, short }) =>
        word === long || word === short || word.startsWith(`${long}=`) || (on !== undefined && long === `--no-${on}`),
    );
    if (option !== undefined) given.add(option.attributeName());
  }
  return given;
}

interface Found {
  readonly definition: OptionDefinition;
  /** Whether the key is the name of the switch that turns the option off: no-plots. */
  readonly negated: boolean;
}

/** Finds an option by its long name or attribute name; below `recipe:` also by the recipe's name. */
function find({ key, inRecipe }: OptionEntry, options: readonly OptionDefinition[]): Found | undefined {
  for (const definition of options) {
    const long = longName(definition);
    const attribute = attributeName(definition);
    if (neverInFiles.includes(attribute)) continue;
    if (inRecipe && definition.recipe === key) return { definition, negated: false };
    if (key === long && long.startsWith("no-")) return { definition, negated: true };
    if (key === attribute || key === long || (long.startsWith("no-") && key === long.slice(3)))
      return { definition, negated: false };
  }
  return undefined;
}

function requireKnown(entry: OptionEntry, all: readonly OptionDefinition[], file: string): void {
  const { key, inRecipe, place } = entry;
  if (find(entry, all) !== undefined || (key === "task" && !inRecipe)) return;
  if (key === "import" && !inRecipe) {
    throw new PhinetsError(
      "cli.config",
      `${place}: the file describes imported weights, not a training; start from that run with --weights`,
      file,
    );
  }
  const names = all.flatMap((option) => [
    ...(inRecipe && option.recipe !== undefined ? [option.recipe] : []),
    ...(neverInFiles.includes(attributeName(option)) ? [] : [attributeName(option)]),
  ]);
  const near = nearest(key, names);
  const hint = near === undefined ? "; keys are the options' names" : ` (did you mean ${near}?)`;
  throw new PhinetsError("cli.config", `${place}: unknown ${inRecipe ? "key of recipe" : "key"} "${key}"${hint}`, file);
}

/** The option's value; undefined where the file leaves it empty. */
function configValue(
  { key, value, place }: OptionEntry,
  definition: OptionDefinition,
  negated: boolean,
  file: string,
): unknown {
  const fail = (problem: string): never => {
    throw new PhinetsError("cli.config", `${place}: ${key} is ${shown(value)}; ${problem}`, file);
  };
  const { flags, parse, repeatable } = definition;
  const [takesValue, optional] = [/[<[]/.test(flags), flags.includes("[")];
  if (value === null || (Array.isArray(value) && value.length === 0)) return undefined;
  if (!takesValue || (optional && typeof value === "boolean")) {
    if (typeof value !== "boolean") return fail("it is true or false");
    // For "--no-augment", the option is `augment` with the default true.
    if (optional) return value ? true : undefined;
    return negated ? !value : value;
  }
  const located = (text: string): string => locate(text, definition, file);
  if (repeatable) return (Array.isArray(value) ? value : [value]).map((each) => located(wordOf(each, fail)));
  const isObject = typeof value === "object" && !Array.isArray(value);
  let word: string;
  if (isObject && definition.wordsOf) word = definition.wordsOf(value as Record<string, unknown>);
  else word = Array.isArray(value) ? value.map((each) => wordOf(each, fail)).join(",") : wordOf(value, fail);
  if (parse === undefined) return located(word);
  try {
    return parse(word);
  } catch (error) {
    // Parsers' messages: "It is an integer of at least 1.", or "--raw is x; it is ..."
    const said = (error as Error).message.replace(/^--[^;]*; /, "").replace(/\.$/, "");
    return fail(said.charAt(0).toLowerCase() + said.slice(1));
  }
}

/** Resolves a path relative to the file's folder; a board's name is not a path. */
function locate(text: string, { completes }: OptionDefinition, file: string): string {
  const isPath = completes === "path" || (completes === "board" && /\.json$|[\\/]/.test(text));
  return isPath && !isAbsolute(text) ? resolve(dirname(file), text) : text;
}

function wordOf(value: unknown, fail: (problem: string) => never): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  return fail("it is a text or a number");
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
