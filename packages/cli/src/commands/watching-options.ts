/** Options of how a training is watched; none of them changes what is learnt. */
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { integer } from "../terminal/options.js";

export interface WatchingOptions {
  readonly val: boolean;
  readonly valEvery?: number;
  readonly jsonEvents?: boolean;
  readonly plots: boolean;
}

/** By the names that commander gives them: they may be given with --resume too. */
export const watchingNames = ["val", "valEvery", "jsonEvents", "plots"];

export function addWatchingOptions(command: Command): Command {
  return command
    .option("--no-val", "never validate: the last weights count as the best")
    .option("--val-every <n>", "validate every so many epochs, and after the last (default 1)", integer(1, 100_000))
    .option("--no-plots", "draw no curves, pictures and report.html into the run folder")
    .option("--json-events", "print each event of events.jsonl on stdout as it happens, and nothing else");
}

/** `saved`: of the run that is gone on with. */
export function valEveryOf({ val, valEvery }: WatchingOptions, saved?: number): number | undefined {
  if (!val && valEvery !== undefined)
    throw new PhinetsError("cli.usage", "--no-val and --val-every exclude each other; leave one out");
  return val ? (valEvery ?? saved) : 0;
}

/** Where the events go, if anywhere. */
export function eventsTo({ jsonEvents }: WatchingOptions, context: Context): ((line: string) => void) | undefined {
  if (jsonEvents !== true) return undefined;
  if (context.json) throw new PhinetsError("cli.usage", "--json and --json-events both want stdout; leave one out");
  return (line) => {
    context.stdout.write(`${line}\n`);
  };
}
