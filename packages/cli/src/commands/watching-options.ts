/** Options for observing a training; none of them changes the weights. */
import { PhinetsError } from "@phinets/core/tensor";
import type { Context } from "../terminal/context.js";
import type { OptionDefinition } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";

export interface WatchingOptions {
  readonly val: boolean;
  readonly valEvery?: number;
  readonly jsonEvents?: boolean;
  readonly plots: boolean;
}

/** Commander's names of the options, which may be given with --resume too. */
export const watchingNames = ["val", "valEvery", "jsonEvents", "plots"];

const group = "Watching";

export const watchingOptions: readonly OptionDefinition[] = [
  { flags: "--no-val", help: "never validate; the last weights count as the best", group, yields: ["valEvery"] },
  {
    flags: "--val-every <n>",
    help: "validate every n epochs and after the last one; 0: never",
    group,
    parse: integer(0, 100_000),
    usual: 1,
    yields: ["val"],
  },
  { flags: "--no-plots", help: "write no curves, pictures or report.html into the run folder", group },
  {
    flags: "--json-events",
    help: "print each event of events.jsonl on stdout as it happens, and nothing else",
    group,
  },
];

/** `saved`: the value of the resumed run. */
export function valEveryOf({ val, valEvery }: WatchingOptions, saved?: number): number | undefined {
  if (!val && valEvery !== undefined)
    throw new PhinetsError("cli.usage", "--no-val and --val-every exclude each other; leave one out");
  return val ? (valEvery ?? saved) : 0;
}

/** The destination of the events, if any. */
export function eventsTo({ jsonEvents }: WatchingOptions, context: Context): ((line: string) => void) | undefined {
  if (jsonEvents !== true) return undefined;
  if (context.json) throw new PhinetsError("cli.usage", "--json and --json-events both want stdout; leave one out");
  return (line) => {
    context.stdout.write(`${line}\n`);
  };
}
