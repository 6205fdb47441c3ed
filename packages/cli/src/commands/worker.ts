/** `phinets worker`: makes this machine work on the jobs of a queue. */
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";
import { queue } from "./queue-options.js";
import { groups, json, threadsOf, workers } from "./shared-options.js";

interface WorkerOptions {
  readonly queue: string;
  readonly slots: number;
  readonly workers?: number;
  readonly work: string;
  readonly store?: string;
  readonly once?: boolean;
}

const definition: VerbDefinition = {
  name: "worker",
  description:
    "Trains on this machine for sweeps, and looks at pictures for val and predict, that were started with the same --queue. Needs none of their files: pictures are fetched once, every epoch is delivered. Killed at any moment, another worker goes on from its last epoch.",
  examples: [
    ["phinets worker --queue redis://hub", "until Ctrl-C"],
    ["phinets worker --queue redis://hub --slots 4 --once", "four side by side, until nothing waits"],
  ],
  options: [
    vary(queue, { required: true }),
    {
      flags: "--slots <n>",
      help: "jobs side by side, which share the threads; any number gives the same bits",
      group: groups.machine,
      parse: integer(1, 64),
      default: 1,
    },
    workers,
    {
      flags: "--work <folder>",
      help: "what is fetched and trained; one worker's alone",
      group: groups.machine,
      default: "runs/worker",
      completes: "path",
    },
    {
      flags: "--store <place>",
      help: "the --store of who asks: a folder that this machine shares, or s3://BUCKET/PREFIX",
      group: groups.machine,
      completes: "path",
    },
    { flags: "--once", help: "end when nothing waits", group: groups.machine },
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (options: WorkerOptions) => {
    const { runWorker } = await import("@phinets/queue");
    const { queue, slots, work, store, once } = options;
    const result = await runWorker({ queue, slots, work, store, once, threads: threadsOf(options) }, context);
    context.result(result, () => `${result.done} jobs done, ${result.refused} refused, ${result.failed} given back`);
  });
}
