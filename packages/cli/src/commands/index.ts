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
export const verbs: readonly Verb[] = [
  { name: "doctor", summary: "say what a data set holds and what is wrong with it", load: () => import("./doctor.js") },
  {
    name: "predict",
    summary: "show what a trained network sees in pictures or a video",
    load: () => import("./predict.js"),
  },
  {
    name: "track",
    summary: "follow objects through a video, or join given detections to tracks",
    load: () => import("./track.js"),
  },
];
