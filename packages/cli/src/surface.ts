/**
 * All commands with their definitions, for features that show all of them: the reference, shell completion, the keys of
 * --cfg.
 */
import { Command } from "commander";
import type { Verb } from "./commands/index.js";
import type { Context } from "./terminal/context.js";
import { definitionOf, type VerbDefinition } from "./terminal/definition.js";

export interface ShownVerb {
  /** "train", "eval coco" */
  readonly name: string;
  /** Summary of the command; for a subcommand, its description. */
  readonly summary: string;
  readonly definition: VerbDefinition;
}

/** Loads every command, so that the definitions are those that commander gets. */
export async function shownDefinitions(verbs: readonly Verb[]): Promise<ShownVerb[]> {
  const shown: ShownVerb[] = [];
  for (const { summary, load } of verbs) {
    const program = new Command();
    // Nothing is run: only actions use the context.
    (await load()).register(program, {} as Context);
    const add = (command: Command, before: string): void => {
      const definition = definitionOf(command);
      const name = `${before}${command.name()}`;
      if (definition) shown.push({ name, summary: before === "" ? summary : definition.description, definition });
      for (const part of command.commands) add(part, `${name} `);
    };
    for (const command of program.commands) add(command, "");
  }
  return shown;
}
