/**
 * The verbs. Only the module of the verb that was asked for is loaded, so that `phinets --help` starts at once and a
 * command pays for its own imports only.
 */
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";

export interface CommandModule {
  /** Adds the verb, its arguments, options and action to the program. */
  register(program: Command, context: Context): void;
}

export interface Verb {
  readonly name: string;
  /** One line for `phinets --help`. */
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** In the order in which a user meets them. */
export const verbs: readonly Verb[] = [];
