/** Turns the settings of a sweep file into trainings; every option is checked by the definitions of `train`. */

import type { Network } from "@phinets/core/networks";
import { type Candidate, fit } from "@phinets/core/scaling";
import {
  drawSettings,
  gridSettings,
  isRange,
  type LeftOutSetting,
  type Setting,
  type SettingValue,
  type TrialCost,
} from "@phinets/core/sweep";
import type { Board } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { makeRecipe, withClassWeights } from "@phinets/core/training";
import type { OptionEntry } from "@phinets/node/run";
import { type OpenedData, openData, requireTrainable, startingRecipe } from "@phinets/node/steps";
import {
  exceededLimit,
  makeTrial,
  mostSettings,
  type SweepFile,
  type SweepSetting,
  trialCost,
} from "@phinets/node/sweep";
import { Command } from "commander";
import { applyConfig } from "../terminal/config.js";
import type { Context } from "../terminal/context.js";
import { addVerb, attributeName, longName } from "../terminal/definition.js";
import { trainDefinition } from "./train.js";
import { type Origin, type OriginOptions, originOf } from "./train-origin.js";

interface Resolved {
  readonly settings: readonly SweepSetting[];
  readonly leftOut: readonly LeftOutSetting[];
  readonly objective: "AP50" | "AP" | "top1";
}

interface Places {
  readonly folder: string;
  /** Saves a network of the sweep; returns its path. */
  saveNetwork(title: string, network: unknown): string;
}

/** A setting whose network is not solved for yet. */
interface Wanted {
  readonly setting: Setting;
  readonly target?: string;
  /** The setting's values as entries of an option file. */
  readonly entries: readonly OptionEntry[];
  /** Path of the network, where the sweep tries given networks. */
  readonly network?: string;
}

/**
 * @throws PhinetsError with line and column for options that train does not have or values that it does not accept, and
 * for data sets that cannot be read. A setting that no network fits, or that exceeds the limits, is left out with the
 * reason.
 */
export async function resolveSweep(
  file: SweepFile,
  { folder, saveNetwork }: Places,
  context: Context,
): Promise<Resolved> {
  const opened = new Map<string, Promise<OpenedData>>();
  // Most settings share a network and differ only in their recipes.
  const begun = new Map<
    string,
    { readonly network: Network; readonly start: ReturnType<Origin["pretrained"]>["start"] }
  >();
  const costs = new Map<Network, TrialCost>();
  const settings: SweepSetting[] = [];
  const leftOut: LeftOutSetting[] = [];
  const dataOf = (origin: Origin): Promise<OpenedData> => {
    const { data: paths, fraction, seed, loading } = origin;
    const key = JSON.stringify([paths, fraction, seed, loading]);
    const { note, signal } = context;
    // Notes of the first data set only: other seeds would repeat them.
    const quiet = opened.size > 0 ? () => {} : note;
    const data = opened.get(key) ?? openData(paths, { seed, fraction, project: folder, loading, note: quiet, signal });
    opened.set(key, data);
    return data;
  };
  for (const wanted of await wantedSettings(file, { dataOf, saveNetwork })) {
    const { setting, target, entries, network: named } = wanted;
    try {
      const trials = [];
      for (const seed of file.seeds) {
        const options = await trainOptions(file, [...entries, { ...nowhere(file, "seed"), value: seed }], named);
        const origin = originOf(options);
        const data = await dataOf(origin);
        const { task, splits, classes } = data.index;
        const asked = withClassWeights(makeRecipe(task, origin.recipe), splits.train, classes.length);
        const { board, limits, programRequest, loading, namedNetwork } = origin;
        const key = JSON.stringify([
          options.network,
          options.weights,
          target,
          limits,
          programRequest,
          asked.loss,
          seed,
          data.key,
        ]);
        let beginning = begun.get(key);
        if (beginning === undefined) {
          const network = await origin.network(data, asked);
          beginning = { network, start: origin.pretrained(network).start };
          begun.set(key, beginning);
        }
        const { network, start } = beginning;
        const recipe = startingRecipe(asked, origin.recipe, start);
        requireTrainable(network, recipe);
        const { data: paths, fraction, valEvery } = origin;
        const more = { limits, programRequest, loading, namedNetwork };
        trials.push(
          makeTrial({
            ...{ data, paths, fraction, network, recipe, valEvery, board, more },
            start: start && { file: start.file, sha256: start.sha256 },
          }),
        );
      }
      const [{ network, board, more }] = trials;
      const cost = costs.get(network) ?? trialCost(network, board, more.programRequest);
      costs.set(network, cost);
      const reason = exceededLimit(cost, file.limits, board);
      if (reason === undefined) settings.push({ setting, target, trials, cost });
      else leftOut.push({ setting, target, reason });
    } catch (error) {
      if (!(error instanceof PhinetsError) || !error.code.startsWith("scaling.")) throw error;
      leftOut.push({ setting, target, reason: error.message });
    }
  }
  const task = settings[0]?.trials[0].data.index.task ?? "detect";
  return { settings, leftOut, objective: objectiveOf(file, task) };
}

function objectiveOf({ objective, path }: SweepFile, task: "detect" | "classify"): Resolved["objective"] {
  const usual = task === "detect" ? "AP50" : "top1";
  if (objective === undefined) return usual;
  if ((objective === "top1") === (task === "classify")) return objective;
  throw new PhinetsError(
    "sweep.objective",
    `${path}: objective is ${objective}, which is only for ${task === "detect" ? "classifiers" : "detectors"}; ${usual} is this data set's`,
    path,
  );
}

/**
 * The options of a training, checked like those of a --cfg file: keys by name, values by their options' parsers.
 * @param network path of a given network; limits for solving are then left out
 */
async function trainOptions(
  file: SweepFile,
  entries: readonly OptionEntry[],
  network?: string,
): Promise<OriginOptions> {
  const command = addVerb(new Command(), trainDefinition);
  const { options } = trainDefinition;
  await applyConfig(command, {
    file: file.path,
    entries: [...file.options, ...entries],
    own: options,
    all: () => Promise.resolve(options),
    given: new Set(network === undefined ? [] : ["network"]),
  });
  return { ...command.opts<OriginOptions>(), ...(network !== undefined && { network }), plots: false };
}

const nowhere = ({ path }: SweepFile, key: string): Omit<OptionEntry, "value"> => ({
  key,
  inRecipe: false,
  place: path,
});

type DataOf = (origin: Origin) => Promise<OpenedData>;

async function wantedSettings(
  file: SweepFile,
  { dataOf, saveNetwork }: { readonly dataOf: DataOf; readonly saveNetwork: Places["saveNetwork"] },
): Promise<Wanted[]> {
  const drawn = settingsOf(file);
  const targets: readonly (string | undefined)[] = file.targets.length === 0 ? [undefined] : file.targets;
  const wanted: Wanted[] = [];
  for (const target of targets) {
    const board: OptionEntry[] = target === undefined ? [] : [{ ...nowhere(file, "target"), value: target }];
    const named = file.pareto ? await paretoNetworks(file, board, { dataOf, saveNetwork }) : [undefined];
    for (const network of named)
      for (const setting of drawn)
        wanted.push({
          setting: network === undefined ? setting : { network: network.title, ...setting },
          target,
          entries: [...board, ...entriesOf(file, setting)],
          network: network?.path,
        });
  }
  if (wanted.length <= mostSettings) return wanted;
  throw new PhinetsError(
    "sweep.space",
    `${file.path}: has ${wanted.length} settings, and at most ${mostSettings} are allowed: list fewer values, or use search: random with trials`,
    file.path,
  );
}

function settingsOf({ space, search, trials, seeds, path }: SweepFile): readonly Setting[] {
  const dimensions = space.map((each) => (isRange(each) ? { ...each, whole: isWhole(each.name) } : each));
  if (search === "grid") {
    const count = dimensions.reduce((product, each) => product * (isRange(each) ? 1 : each.values.length), 1);
    if (count > mostSettings)
      throw new PhinetsError(
        "sweep.space",
        `${path}: has ${count} settings, and at most ${mostSettings} are allowed: use search: random with trials to draw some`,
        path,
      );
    return gridSettings(dimensions);
  }
  return drawSettings(dimensions, { count: trials, seed: seeds[0] });
}

/** Whether an option accepts only integers. */
function isWhole(name: string): boolean {
  const option = trainDefinition.options.find((each) => attributeName(each) === name || longName(each) === name);
  return option?.parse?.takes?.startsWith("an integer") === true;
}

function entriesOf({ places }: SweepFile, setting: Setting): OptionEntry[] {
  return Object.entries(setting).map(([key, value]: [string, SettingValue]) => ({
    ...{ key, inRecipe: false, value },
    place: places[key],
  }));
}

/** The networks of a board's Pareto set, as `fit` finds it, as files for --network. */
async function paretoNetworks(
  file: SweepFile,
  board: readonly OptionEntry[],
  { dataOf, saveNetwork }: { readonly dataOf: DataOf; readonly saveNetwork: Places["saveNetwork"] },
): Promise<{ readonly title: string; readonly path: string }[]> {
  const origin = originOf(await trainOptions(file, board));
  if (origin.board === undefined)
    throw new PhinetsError(
      "sweep.space",
      `${file.places.space}: space is pareto, and no board is named; name a target`,
      file.path,
    );
  const { task, classes } = (await dataOf(origin)).index;
  const { pareto } = fit({ ...origin.limits, ...origin.programRequest, board: origin.board, task, classes });
  return pareto.map(({ network }) => {
    const title = titleOf(network, origin.board!);
    return { title, path: saveNetwork(title, network) };
  });
}

/** A file name such as "stm32h743-96x128-a0.35-b1-t6-n7". */
function titleOf({ input, alpha, beta, t0, blocks }: Candidate["network"], { name }: Board): string {
  return `${name}-${input.height}x${input.width}-a${alpha}-b${beta}-t${t0}-n${blocks}`;
}
