/** `phinets train`: trains on pictures and leaves a run folder with weights. */

import { PhinetsError } from "@phinets/core/tensor";
import type { Recipe } from "@phinets/core/training";
import type { CacheMode } from "@phinets/node/dataset";
import type { RunLock } from "@phinets/node/run";
import type { Int8Report, TrainResult } from "@phinets/node/steps";
import { describeMetrics } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { integer, oneOf } from "../terminal/options.js";
import { dataOptions } from "./data-options.js";
import { qat } from "./int8-options.js";
import { networkOptions } from "./network-options.js";
import { programOptions } from "./program-options.js";
import { describeInt8 } from "./quantize.js";
import { cfg, existOk, groups, json, name, project, threadsOf } from "./shared-options.js";
import type { OriginOptions } from "./train-origin.js";
import { recipeOptions, weights } from "./training-options.js";
import { eventsTo, watchingNames, watchingOptions } from "./watching-options.js";

type TrainOptions = OriginOptions & {
  readonly project: string;
  readonly name?: string;
  readonly existOk?: boolean;
  readonly cache?: CacheMode;
  readonly stopAfter?: number;
};

export const trainDefinition: VerbDefinition = {
  name: "train",
  description: "Trains a network on labelled pictures.",
  main: "data target network imgsz epochs lr weights cfg resume name workers json".split(" "),
  examples: [
    ["phinets train --data my-parts --target stm32h743", "the best network for the board"],
    ["phinets train --cfg runs/detect/train/args.yaml --lr 0.02", "repeat a run at another learning rate"],
    ["phinets train --resume runs/detect/train", "continue a run that was stopped"],
  ],
  options: [
    ...dataOptions,
    {
      flags: "--cache <where>",
      help: "where decoded pictures are kept: ram, or disk if they do not fit in RAM",
      group: groups.data,
      parse: oneOf("ram", "disk"),
      usual: "ram",
    },
    ...networkOptions,
    ...programOptions,
    weights,
    ...recipeOptions,
    qat,
    project,
    name("train, train2, ..."),
    existOk,
    cfg,
    {
      flags: "--resume <run>",
      help: "continue a run that was stopped, with its own options",
      group: groups.run,
      completes: "path",
    },
    {
      flags: "--from-lock <file>",
      help: "repeat the run that wrote this run.lock, and report whether the weights are equal",
      group: groups.run,
      completes: "path",
    },
    {
      flags: "--stop-after <n>",
      help: "stop when n epochs are done in total, on the schedule of the whole run; --resume continues",
      group: groups.run,
      parse: integer(1),
    },
    ...watchingOptions,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  const command = addVerb(program, trainDefinition);
  command.action((options: TrainOptions) => {
    if (options.resume !== undefined) refuseOthers(command, "resume", ["cache", "stopAfter", ...watchingNames]);
    else if (options.fromLock !== undefined)
      refuseOthers(command, "from-lock", [
        "data",
        "weights",
        "name",
        "existOk",
        "cache",
        "dataFormat",
        "only",
        "skipBad",
        "pixelRange",
        "jsonEvents",
      ]);
    return trainCommand(options, context);
  });
}

/** A resumed or repeated run uses its saved options: other options would make it a different run. */
function refuseOthers(command: Command, option: "resume" | "from-lock", more: readonly string[]): void {
  const allowed = ["resume", "fromLock", "project", "workers", "json", ...more];
  const given = command.options.find((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === "cli" && !allowed.includes(name);
  });
  if (given === undefined) return;
  throw new PhinetsError(
    "cli.usage",
    `${given.long} cannot be changed with --${option}, which continues with the run's own options; leave it out, or start a new run`,
  );
}

async function trainCommand(options: TrainOptions, context: Context): Promise<void> {
  const [{ createEngine }, { makeRecipe, withClassWeights }, runs, steps, { originOf }] = await Promise.all([
    import("@phinets/core/kernels"),
    import("@phinets/core/training"),
    import("@phinets/node/run"),
    import("@phinets/node/steps"),
    import("./train-origin.js"),
  ]);
  const { beginRun, createRunFolder, loadRun } = runs;
  const { hasLock, loadSplit, makeInt8, openData, openDevice, requireRepeatable, requireTrainable } = steps;
  const { startingRecipe, train, validationSplit, writeRunLock } = steps;
  const { project } = options;
  const onEvent = eventsTo(options, context);
  const origin = originOf(options);
  const { data: paths, fraction, seed, valEvery, plots, qat, resumed, lock, board } = origin;
  const loading = { cache: options.cache, ...origin.loading };
  const { note, signal } = context;
  const data = await openData(paths, { seed, fraction, project, loading, note, signal });
  if (lock !== undefined) await requireRepeatable(options.fromLock!, lock, data, context);
  const { task } = data.index;
  const asked = withClassWeights(makeRecipe(task, origin.recipe), data.index.splits.train, data.index.classes.length);
  const network = await origin.network(data, asked);
  const { start: pretrained, notes } = origin.pretrained(network);
  const recipe = startingRecipe(asked, origin.recipe, pretrained);
  requireTrainable(network, recipe);
  const threads = threadsOf(options);
  // Checked before there is a folder, so that a device or kernels that fail to start leave nothing behind.
  if (recipe.fast === true) await (await createEngine({ fast: true })).dispose();
  await (await openDevice(recipe.device, threads))?.dispose();
  const folder =
    resumed ?? createRunFolder({ project, task, name: options.name, defaultName: "train", existOk: options.existOk });
  const { result, int8, pictures } = await inFolder(folder, resumed === undefined, async (held) => {
    context.note(`run: ${folder}`);
    for (const line of notes) context.note(line);
    if (resumed !== undefined) context.resumeWith(["train", "--resume", folder]);
    const source = await loadSplit(data, "train", "training", network, project, context);
    const val = await loadSplit(data, validationSplit(data), "evaluation", network, project, context);
    const start = pretrained && { file: pretrained.file, sha256: pretrained.sha256 };
    // Created only now, so that a run that fails on a bad picture leaves its name free.
    if (resumed === undefined) {
      const { limits, programRequest, namedNetwork, loading } = origin;
      const chosen = { board, limits, programRequest, namedNetwork };
      beginRun(folder, network, {
        ...{ task, data: paths, fraction, recipe, valEvery, weights: start, plots, qat, loading, ...chosen },
      });
      context.resumeWith(["train", "--resume", folder]);
    }
    if (resumed === undefined || !hasLock(folder))
      await writeRunLock(folder, { data, paths, fraction, network, recipe, valEvery, start }, context);
    const shared = { folder, network, recipe, val, dataKey: data.key, threads };
    const result = await train(
      {
        ...shared,
        lock: held,
        train: source,
        leftOut: data.leftOut,
        resume: resumed !== undefined,
        valEvery,
        stopAfter: options.stopAfter,
        pretrained,
        onEvent,
        plots: plots ? { dataName: data.name } : undefined,
      },
      context,
    );
    let int8: Int8Report | undefined;
    if (qat !== undefined) {
      const whole = await loadSplit(data, "train", "evaluation", network, project, context);
      const { weights } = loadRun(folder);
      const training = () => Promise.resolve(source);
      int8 = (await makeInt8({ ...shared, weights, source: whole, training, qat, seed }, context)).report;
    }
    return { result, int8, pictures: val.length };
  });
  const equal = lock && result.weightsSha256 === lock.weightsSha256;
  if (equal === false) context.exitCode = 1;
  const summary = [
    `${folder}: ${describeEnd(result, recipe)}, ${describeBest(result)}`,
    result.metrics === undefined ? "not validated" : describeMetrics(result.metrics),
    ...(int8 === undefined ? [] : [describeInt8(int8, pictures)]),
    `weights ${result.weightsSha256}  ${result.imagesPerSecond.toFixed(0)} images/s`,
    ...(lock ? [`${equal ? "equal to" : "NOT equal to"} ${options.fromLock}: ${lock.weightsSha256}`] : []),
  ];
  const compared = lock && { lock: { weightsSha256: lock.weightsSha256, equal } };
  if (onEvent === undefined)
    context.result({ run: folder, ...result, ...(int8 && { int8 }), ...compared }, () => summary.join("\n"));
  else for (const line of summary) context.note(line);
}

/** Works in the locked run folder; a new folder that is still empty after a failure is removed. */
async function inFolder<T>(folder: string, isNew: boolean, work: (lock: RunLock) => Promise<T>): Promise<T> {
  const { removeIfEmpty, withRunLock } = await import("@phinets/node/run");
  try {
    return await withRunLock(folder, "training", work);
  } catch (error) {
    if (isNew) removeIfEmpty(folder);
    throw error;
  }
}

function describeBest({ best, bestEpoch }: TrainResult): string {
  if (best < 0) return "the last weights are kept";
  return bestEpoch === 0 ? "no epoch is better than the starting weights" : `best epoch ${bestEpoch}`;
}

function describeEnd({ epochs, end }: TrainResult, recipe: Recipe): string {
  if (end === "epochs") return `${epochs} epochs`;
  const why = end === "patience" ? `: no improvement for ${recipe.patience} epochs (--patience)` : "";
  return `stopped after ${epochs} of ${recipe.epochs} epochs${why}`;
}
