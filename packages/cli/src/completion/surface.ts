/** The parts of the command line that shell completion knows, from the definitions. */
import { boardNames } from "@phinets/core/target";
import type { ShownVerb } from "../surface.js";
import { fullHelp, longName, type OptionDefinition } from "../terminal/definition.js";

/** Candidates in a place: words, paths, or both; neither for numbers and free text. */
export interface Candidates {
  readonly words: readonly string[];
  readonly paths: boolean;
}

export interface CompletedOption {
  /** "--epochs" */
  readonly name: string;
  readonly help: string;
  /** Candidates for its value; absent for a switch. */
  readonly value?: Candidates;
  readonly repeatable: boolean;
}

export interface CompletedVerb {
  /** "train"; "eval coco" for a subcommand of eval. */
  readonly name: string;
  readonly help: string;
  readonly options: readonly CompletedOption[];
  /** Candidates for words that are not options. */
  readonly argument: Candidates;
}

export function completedVerbs(verbs: readonly ShownVerb[]): CompletedVerb[] {
  return verbs.map(({ name, summary, definition: { options, arguments: args = [] } }) => ({
    name,
    help: summary,
    options: [...options.map(optionOf), { name: "--help", help: "show help", repeatable: false }],
    argument: candidatesOf(args[0]),
  }));
}

function optionOf(option: OptionDefinition): CompletedOption {
  const { flags, parse, completes, repeatable = false } = option;
  const value = /[<[]/.test(flags) ? candidatesOf({ words: parse?.words, completes }) : undefined;
  return { name: `--${longName(option)}`, help: fullHelp(option), value, repeatable };
}

function candidatesOf(place: { words?: readonly string[]; completes?: "path" | "board" } = {}): Candidates {
  const { words = [], completes } = place;
  return { words: completes === "board" ? boardNames : words, paths: completes !== undefined };
}
