/**
 * Where a training's settings come from: the options given now, those saved by a stopped run (--resume), or another
 * run's run.lock (--from-lock).
 */
import { join } from "node:path";
import type { Network } from "@phinets/core/networks";
import type { Board, ProgramRequest } from "@phinets/core/target";
import type { Recipe } from "@phinets/core/training";
import { findRunFolder, loadArguments, loadNetwork } from "@phinets/node/run";
import {
  chooseNetwork,
  describePretrained,
  type LoadingOptions,
  loadPretrained,
  type OpenedData,
  type Pretrained,
  type RunLock,
  readLock,
  recordedWeights,
  type TrainRequest,
} from "@phinets/node/steps";
import { loadTarget, namingTarget } from "@phinets/node/target";
import { type DataOptions, loadingOf, requireData } from "./data-options.js";
import type { Int8Options } from "./int8-options.js";
import { limitsOf, type NetworkOptions } from "./network-options.js";
import { type ProgramOptions, programRequestOf } from "./program-options.js";
import { type RecipeOptions, recipeOf } from "./training-options.js";
import { valEveryOf, type WatchingOptions } from "./watching-options.js";

export type OriginOptions = Pick<Int8Options, "qat"> &
  DataOptions &
  NetworkOptions &
  ProgramOptions &
  RecipeOptions &
  WatchingOptions & {
    readonly resume?: string;
    readonly fromLock?: string;
    readonly weights?: string;
  };

type Start = NonNullable<TrainRequest["pretrained"]> & Pick<Pretrained, "file" | "left" | "classes">;

export interface Origin {
  readonly data: readonly string[];
  readonly fraction?: number;
  readonly seed: number;
  readonly recipe: Partial<Recipe>;
  readonly valEvery?: number;
  readonly plots: boolean;
  /** Options of reading the data's files. */
  readonly loading: Pick<LoadingOptions, "dataFormat" | "only" | "skipBad" | "pixelRange">;
  readonly qat?: number | true;
  /** The run that is resumed. */
  readonly resumed?: string;
  /** The lock of the run that is repeated. */
  readonly lock?: RunLock;
  /** The board that a network is solved for. */
  readonly board?: Board;
  readonly limits?: ReturnType<typeof limitsOf>;
  readonly programRequest?: ProgramRequest;
  /** Whether --network names the network, so that it is neither solved for nor taken from the weights' run. */
  readonly namedNetwork: boolean;
  network(data: OpenedData, recipe: Recipe): Network | Promise<Network>;
  /** The weights to start from, and notes on them. */
  pretrained(network: Network): { readonly start?: Start; readonly notes: readonly string[] };
}

/** Throws PhinetsError for options that exclude each other, and where the run or the lock cannot be read. */
export function originOf(options: OriginOptions): Origin {
  if (options.resume !== undefined) return resumedOrigin(findRunFolder(options.resume), options);
  if (options.fromLock !== undefined) return repeatedOrigin(readLock(options.fromLock), options);
  return newOrigin(options);
}

function newOrigin(options: OriginOptions): Origin {
  const { fraction, seed = 0, plots, qat, weights, target } = options;
  const board = target === undefined ? undefined : loadTarget(target);
  const [limits, programRequest] = [limitsOf(options), programRequestOf(options)];
  return {
    ...{ fraction, seed, plots, qat, board, limits, programRequest },
    namedNetwork: options.network !== undefined,
    loading: loadingOf(options),
    data: requireData(options.data),
    recipe: recipeOf(options),
    valEvery: valEveryOf(options),
    network: (data, { loss }) =>
      namingTarget(target, () =>
        chooseNetwork(data, { network: options.network, weights, board, limits, programRequest, loss, seed }),
      ),
    pretrained: (network) => {
      if (weights === undefined) return { notes: [] };
      const start = loadPretrained(weights, network);
      return { start, notes: describePretrained(start) };
    },
  };
}

function resumedOrigin(resumed: string, options: OriginOptions): Origin {
  const saved = loadArguments(resumed);
  const { data, fraction, recipe, qat, dataFormat, only, skipBad, pixelRange, plots = true } = saved;
  return {
    ...{ resumed, data, fraction, recipe, qat, namedNetwork: true },
    loading: { dataFormat, only, skipBad, pixelRange },
    seed: recipe.seed,
    valEvery: valEveryOf(options, saved.valEvery),
    plots: options.plots && plots,
    network: () => loadNetwork(join(resumed, "network.json")),
    pretrained: (network) => recorded(saved.weights, network),
  };
}

function repeatedOrigin(lock: RunLock, options: OriginOptions): Origin {
  const { recipe, network, start } = lock;
  return {
    ...{ lock, recipe, namedNetwork: true },
    data: options.data ?? lock.data.paths,
    fraction: lock.data.fraction,
    seed: recipe.seed,
    valEvery: valEveryOf(options, lock.valEvery),
    plots: options.plots,
    loading: { ...loadingOf(options), only: options.only ?? lock.data.only },
    network: () => network,
    pretrained: (network) => recorded(start && { ...start, file: options.weights ?? start.file }, network),
  };
}

function recorded(weights: RunLock["start"], network: Network): ReturnType<Origin["pretrained"]> {
  return { start: weights && recordedWeights(weights, network), notes: [] };
}
