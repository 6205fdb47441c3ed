/** `phinets sweep`: runs many trainings and ranks them on one leaderboard. */
import { basename, join, resolve } from "node:path";
import { networkSummary, networkTitle } from "@phinets/core/networks";
import { writeFileAtomic } from "@phinets/node/host";
import type { StepContext } from "@phinets/node/steps";
import type { SweepFile, SweepSetting, Trainer } from "@phinets/node/sweep";
import { formatBytes, formatCount, formatMs, formatPercent, formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";
import { watchSweep } from "../terminal/sweep-table.js";
import { checkQueueOptions, type QueueOptions, queueOptions, queueRequestOf } from "./queue-options.js";
import { groups, json, out, threadsOf, workers } from "./shared-options.js";
import { epochs } from "./training-options.js";

interface SweepOptions extends QueueOptions {
  readonly out?: string;
  readonly slots: number;
  readonly workers?: number;
  readonly epochs?: number;
  readonly trials?: number;
  readonly optuna?: boolean;
  readonly speculate?: boolean;
}

const definition: VerbDefinition = {
  name: "sweep",
  description:
    "Trains a network with many settings and ranks them. Settings that cannot fit the board are left out. When run again, it trains only new settings; after an interruption it continues from the last epoch.",
  arguments: [
    { name: "<file>", help: "sweep.yaml with the settings to try; phinets init --sweep writes one", completes: "path" },
  ],
  examples: [
    ["phinets sweep sweep.yaml", "leaderboard in runs/sweep/sweep"],
    ["phinets sweep sweep.yaml --slots 2", "two trainings at a time, same leaderboard"],
    ["phinets ship --from-sweep runs/sweep/sweep", "make firmware from the best setting"],
    ["phinets sweep sweep.yaml --queue redis://hub --serve hub:8470", "train on the workers of a queue"],
  ],
  options: [
    out("folder", "folder for the sweep, instead of runs/sweep/NAME, where NAME is the file's name"),
    {
      flags: "--slots <n>",
      help: "trainings that run at the same time and share the threads; the number does not change the leaderboard",
      group: groups.machine,
      parse: integer(1, 64),
      default: 1,
    },
    workers,
    {
      flags: "--speculate",
      help: "with search: asha, train settings that will probably continue before that is certain: finishes sooner on many machines, for a few per cent more training and the same leaderboard",
      group: groups.machine,
    },
    vary(epochs, { group: groups.run, usual: "from the file" }),
    {
      flags: "--trials <n>",
      help: "number of settings to draw, for searches that draw settings at random",
      group: groups.run,
      parse: integer(1),
      usual: "from the file",
    },
    {
      flags: "--optuna",
      help: "also write optuna.log into the sweep's folder: a journal storage for Optuna's dashboard",
      group: groups.run,
    },
    ...queueOptions,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((file: string, options: SweepOptions) => sweepCommand(file, options, context));
}

async function sweepCommand(path: string, options: SweepOptions, context: Context): Promise<void> {
  const sweeps = await import("@phinets/node/sweep");
  const { epochsOf, LocalTrainer, openSweepFolder, planBrackets, readSweepFile, runSweep } = sweeps;
  const { resolveSweep } = await import("./sweep-settings.js");
  checkQueueOptions(options);
  const file = withWords(await readSweepFile(path), options);
  const name = basename(path).replace(/\.ya?ml$/i, "");
  // The default folder of runs shares its cache of decoded pictures with `train`; with --out nothing is written
  // elsewhere.
  const project = options.out ?? "runs";
  const folder = options.out ?? join(project, "sweep", name);
  openSweepFolder(folder);
  const threads = threadsOf(options);
  const saveNetwork = (title: string, document: unknown): string => {
    const target = resolve(folder, "networks", `${title}.json`);
    writeFileAtomic(target, `${JSON.stringify(document, undefined, 1)}\n`);
    return target;
  };
  const { settings, leftOut, objective } = await resolveSweep(file, { folder, saveNetwork }, context);
  const brackets = planBrackets(settings, file);
  const seeds = file.seeds.length === 1 ? "" : ` with ${file.seeds.length} seeds each`;
  context.note(
    `sweep: ${folder}: ${formatCount(settings.length)} settings${seeds}, ${formatCount(leftOut.length)} left out`,
  );
  for (const { setting, target, reason } of leftOut.slice(0, 10))
    context.note(`left out: ${describe(setting, target)}: ${reason}`);
  if (leftOut.length > 10) context.note(`left out: ${formatCount(leftOut.length - 10)} more; leaderboard.csv has them`);
  if (settings.length > 0) {
    const epochs = epochsOf(brackets);
    const pictures = epochs * settings[0].trials[0].data.index.splits.train.length;
    const stagesOf = ({ rungs }: (typeof brackets)[number]) =>
      rungs.map((rung) => `${rung.settings} settings for ${rung.epochs}`).join(", ");
    const stages = [...new Set(brackets.map(stagesOf))].join("; ");
    context.note(`epochs: ${stages}; ${formatCount(epochs)} in total, ${formatCount(pictures)} pictures`);
    // The speed of a queue's workers is unknown here.
    if (options.queue === undefined) await sayExpected(settings, { pictures, threads }, context);
  }
  context.resumeWith();
  const { slots, speculate } = options;
  const { on } = file;
  const watched = watchSweep(context, { objective, describe: ({ setting, target }) => describe(setting, target) });
  const trainer =
    options.queue === undefined
      ? new LocalTrainer({ folder, project, slots, threads })
      : await openQueueTrainer(folder, options, watched.context);
  const { observer } = watched;
  const request = { folder, name, brackets, leftOut, objective, on, trainer, speculate, observer };
  const result = await runSweep(request, watched.context).finally(() => trainer.close());
  if (result.speculatedEpochs > 0) {
    const { trainedEpochs, speculatedEpochs } = result;
    const share = formatPercent(speculatedEpochs / (trainedEpochs + speculatedEpochs));
    context.note(
      `speculative training: ${formatCount(speculatedEpochs)} epochs (${share} of all) for settings that did not continue`,
    );
  }
  const optuna =
    options.optuna === true
      ? sweeps.writeOptuna(folder, result, { name, space: file.space, now: new Date() })
      : undefined;
  context.result({ ...result, ...(optuna !== undefined && { optuna }) }, () => {
    const rows = result.rows
      .slice(0, 20)
      .map(({ setting, target, score, epochs, cost }, i) => [
        ...[i + 1, describe(setting, target), score === undefined ? "diverged" : score.toFixed(4), epochs],
        formatCount(cost.parameters),
        ...(cost.ramBytes === undefined ? [] : [formatBytes(cost.ramBytes), formatMs(cost.latencyMs![1])]),
      ]);
    const head = ["rank", "setting", result.objective, "epochs", "parameters", "RAM", "latency"];
    const table = formatTable(head.slice(0, rows[0]?.length ?? head.length), rows);
    return [table, `report    ${result.report}`, ...(optuna === undefined ? [] : [`optuna    ${optuna}`])].join("\n");
  });
}

/** Estimates the time of the trainings, by measuring one for a second. */
async function sayExpected(
  settings: readonly SweepSetting[],
  { pictures, threads }: { readonly pictures: number; readonly threads: number },
  { signal, note }: Context,
): Promise<void> {
  const { measureTraining } = await import("@phinets/node/sweep");
  const [{ trials, cost }] = settings;
  const { network, recipe } = trials[0];
  const perSecond = await measureTraining(network, recipe, { threads, signal });
  const meanMacs = settings.reduce((sum, each) => sum + each.cost.macs, 0) / settings.length;
  const ms = (1000 * pictures * meanMacs) / (perSecond * cost.macs);
  const measured = `measured: ${perSecond.toFixed(0)} images/s of ${networkTitle(network)} ${networkSummary(network)}`;
  note(`expected: ${formatMs(ms)} of training time if nothing is done yet (${measured})`);
}

/** Options on the command line override the file. */
function withWords(file: SweepFile, { epochs, trials = file.trials }: SweepOptions): SweepFile {
  if (epochs === undefined) return { ...file, trials };
  const others = file.options.filter(({ key }) => key !== "epochs");
  const given = { key: "epochs", inRecipe: false, value: epochs, place: "--epochs" };
  return { ...file, trials, options: [...others, given] };
}

function describe(setting: Readonly<Record<string, string | number | boolean>>, target: string | undefined): string {
  const words = Object.entries(setting).map(([name, value]) => `${name} ${value}`);
  return [...(target === undefined ? [] : [target]), ...words].join(", ") || "as they are";
}

async function openQueueTrainer(folder: string, options: QueueOptions, context: StepContext): Promise<Trainer> {
  const { QueueTrainer } = await import("@phinets/queue");
  return QueueTrainer.open({ folder, ...queueRequestOf(options) }, context);
}
