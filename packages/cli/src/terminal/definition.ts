/**
 * One definition of an option and of a verb: commander's options, help, docs/command-line.md, shell completion and the keys
 * of a --cfg file are made of it.
 */
import { type Command, Option } from "commander";
import { collect, type Parser } from "./options.js";

/** What shell completion offers for a value that is not one of a few words. */
export type Completes = "path" | "board";

export interface OptionDefinition {
  /** As commander reads them: "--epochs <n>", "--no-augment", "--qat [epochs]". */
  readonly flags: string;
  /** What it does; the words it takes and its default are added. */
  readonly help: string;
  /** The title under which it stands in a verb whose options are many. */
  readonly group: string;
  /** Absent: the text as it is, or of a switch, true. */
  readonly parse?: Parser<unknown>;
  /** The value where it is not given. */
  readonly default?: unknown;
  /** The default in words or figures, where the value stays undefined and what uses it decides. */
  readonly usual?: string | number;
  readonly required?: boolean;
  /** It may be given several times: a list. */
  readonly repeatable?: boolean;
  /** Long names that exclude it. */
  readonly conflicts?: readonly string[];
  /** Attribute names that a file's value of this one gives way to, when they are given on the command line. */
  readonly yields?: readonly string[];
  readonly completes?: Completes;
  /** Its name in a recipe, where that is not its own. */
  readonly recipe?: string;
  /** The words of a value that is an object in a file. Throws where it is none. */
  readonly wordsOf?: (value: Readonly<Record<string, unknown>>) => string;
}

export interface ArgumentDefinition {
  /** "<file>", "[source...]" */
  readonly name: string;
  readonly help: string;
  readonly words?: readonly string[];
  readonly completes?: Completes;
}

export interface VerbDefinition {
  readonly name: string;
  /** A sentence or more. */
  readonly description: string;
  readonly arguments?: readonly ArgumentDefinition[];
  readonly options: readonly OptionDefinition[];
  /** Long names of those that come first, in this order; the others follow in their groups. Default: all come first. */
  readonly main?: readonly string[];
  /** Lines that work as they stand, and what each does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** A paragraph below the options. */
  readonly note?: string;
}

export const mainGroup = "Options";

const definitions = new WeakMap<Command, VerbDefinition>();

/** The definition that a command was made of. */
export function definitionOf(command: Command): VerbDefinition | undefined {
  return definitions.get(command);
}

/** An option that differs in one verb. */
export function vary(option: OptionDefinition, changes: Partial<OptionDefinition>): OptionDefinition {
  return { ...option, ...changes };
}

/** Adds a verb to the program, or to the verb that it is part of; its action is the caller's. */
export function addVerb(program: Command, verb: VerbDefinition): Command {
  const command = program.command(verb.name).description(verb.description);
  definitions.set(command, verb);
  for (const { name, help } of verb.arguments ?? []) command.argument(name, help);
  for (const { title, options } of groupsOf(verb)) {
    for (const option of options) command.addOption(toCommander(option).helpGroup(`${title}:`));
  }
  return command;
}

export interface Group {
  readonly title: string;
  readonly options: readonly OptionDefinition[];
}

/** The options of a verb as help lists them: those that come first, then the others by group. */
export function groupsOf({ options, main }: VerbDefinition): Group[] {
  if (main === undefined) return [{ title: mainGroup, options }];
  const first = main.map((name) => {
    const found = options.find((option) => longName(option) === name);
    if (found === undefined) throw new Error(`there is no option --${name} to come first`);
    return found;
  });
  const others = options.filter((option) => !first.includes(option));
  const titles = [...new Set(others.map(({ group }) => group))];
  return [
    { title: mainGroup, options: first },
    ...titles.map((title) => ({ title, options: others.filter(({ group }) => group === title) })),
  ];
}

/** "max-ram" of "--max-ram <bytes>", "no-augment" of "--no-augment". */
export function longName({ flags }: Pick<OptionDefinition, "flags">): string {
  return /--([a-z0-9-]+)/.exec(flags)![1];
}

/** "maxRam"; of --no-augment "augment". */
export function attributeName(option: Pick<OptionDefinition, "flags">): string {
  return new Option(option.flags).attributeName();
}

/** Help, with the words that an option takes and its default. */
export function fullHelp(option: OptionDefinition): string {
  const { help, parse } = option;
  const words = parse?.words && !parse.words.every((word) => help.includes(word)) ? parse.words : undefined;
  const listed = words === undefined ? help : `${help}: ${words.join(", ")}`;
  const shown = defaultText(option);
  return shown === undefined ? listed : `${listed} (default ${shown})`;
}

/** The default as help shows it; undefined where there is none to show. */
export function defaultText({ usual, default: value }: OptionDefinition): string | undefined {
  if (usual !== undefined) return String(usual);
  if (value === undefined || typeof value === "boolean") return undefined;
  return Array.isArray(value) ? value.join(",") : String(value);
}

function toCommander(definition: OptionDefinition): Option {
  const { flags, parse, repeatable, required, conflicts } = definition;
  const option = new Option(flags, fullHelp(definition));
  if (repeatable) option.argParser(collect);
  else if (parse !== undefined) option.argParser(parse);
  if (definition.default !== undefined) option.default(definition.default);
  if (conflicts !== undefined) option.conflicts([...conflicts]);
  return option.makeOptionMandatory(required === true);
}
