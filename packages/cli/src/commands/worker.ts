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
    "Runs jobs on this machine for sweep, val and predict commands that were started with the same --queue. It needs none of their files: pictures are fetched once, and trainings are delivered after every epoch. If a worker dies, another continues from its last epoch.",
  examples: [
    ["phinets worker --queue redis://hub", "until Ctrl-C"],
    ["phinets worker --queue redis://hub --slots 4 --once", "four jobs at a time, until none is waiting"],
  ],
  options: [
    vary(queue, { required: true }),
    {
      flags: "--slots <n>",
      help: "jobs that run at the same time and share the threads; the number does not change the results",
      group: groups.machine,
      parse: integer(1, 64),
      default: 1,
    },
    workers,
    {
      flags: "--work <folder>",
      help: "folder for fetched files and trainings; each worker needs its own",
      group: groups.machine,
      default: "runs/worker",
      completes: "path",
    },
    {
      flags: "--store <place>",
      help: "needed if the sweep, val or predict has --store: the same store, as a folder on this machine or s3://BUCKET/PREFIX",
      group: groups.machine,
      completes: "path",
    },
    { flags: "--once", help: "stop when no job is waiting", group: groups.machine },
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (options: WorkerOptions) => {
    const { runWorker } = await import("@phinets/queue");
    const { queue, slots, work, store, once } = options;
    const result = await runWorker({ queue, slots, work, store, once, threads: threadsOf(options) }, context);
    context.result(
      result,
      () => `${result.done} jobs done, ${result.refused} refused, ${result.failed} returned to the queue`,
    );
  });
}
