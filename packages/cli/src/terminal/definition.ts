/**
 * Definitions of options and commands (verbs). Commander's options, the help, docs/command-line.md, shell completion
 * and the keys of a --cfg file are all made from them.
 */
import { type Command, Option } from "commander";
import { collect, type Parser } from "./options.js";

/** What shell completion offers for a value, where it is not one of a few words. */
export type Completes = "path" | "board";

export interface OptionDefinition {
  /** In commander's syntax: "--epochs <n>", "--no-augment", "--qat [epochs]". */
  readonly flags: string;
  /** Description; accepted values and the default are appended. */
  readonly help: string;
  /** Title of its group in the help of a command with many options. */
  readonly group: string;
  /** Default: the text itself, or true for a switch. */
  readonly parse?: Parser<unknown>;
  /** The value where the option is not given. */
  readonly default?: unknown;
  /** The default as text, where the value stays undefined and is chosen by the code that uses it. */
  readonly usual?: string | number;
  readonly required?: boolean;
  /** Whether it may be given several times, as a list. */
  readonly repeatable?: boolean;
  /** Long names of options that exclude it. */
  readonly conflicts?: readonly string[];
  /** Attribute names: if one of them is given on the command line, a file's value of this option is ignored. */
  readonly yields?: readonly string[];
  readonly completes?: Completes;
  /** Its name in a recipe, where that differs. */
  readonly recipe?: string;
  /** Converts a value that is an object in a file to the option's text. Throws where it cannot. */
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
  /** One or more sentences. */
  readonly description: string;
  readonly arguments?: readonly ArgumentDefinition[];
  readonly options: readonly OptionDefinition[];
  /**
   * Long names of the options to list first, in this order; the others follow in their groups. Default: all come first.
   */
  readonly main?: readonly string[];
  /** Complete command lines, each with its description. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** A paragraph to show below the options. */
  readonly note?: string;
}

export const mainGroup = "Options";

const definitions = new WeakMap<Command, VerbDefinition>();

/** The definition from which a command was made. */
export function definitionOf(command: Command): VerbDefinition | undefined {
  return definitions.get(command);
}

/** A copy of an option with changes for one command. */
export function vary(option: OptionDefinition, changes: Partial<OptionDefinition>): OptionDefinition {
  return { ...option, ...changes };
}

/** Adds a command to the program, or a subcommand to its command; the caller sets its action. */
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

/** The options of a command in the order of its help: main options first, then the others by group. */
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

/** "max-ram" for "--max-ram <bytes>", "no-augment" for "--no-augment". */
export function longName({ flags }: Pick<OptionDefinition, "flags">): string {
  return /--([a-z0-9-]+)/.exec(flags)![1];
}

/** "maxRam" for "--max-ram"; "augment" for "--no-augment". */
export function attributeName(option: Pick<OptionDefinition, "flags">): string {
  return new Option(option.flags).attributeName();
}

/** Help text with the accepted values and the default. */
export function fullHelp(option: OptionDefinition): string {
  const { help, parse } = option;
  const words = parse?.words && !parse.words.every((word) => help.includes(word)) ? parse.words : undefined;
  const listed = words === undefined ? help : `${help}: ${words.join(", ")}`;
  const shown = defaultText(option);
  return shown === undefined ? listed : `${listed} (default ${shown})`;
}

/** The default as shown in the help; undefined where there is none. */
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
