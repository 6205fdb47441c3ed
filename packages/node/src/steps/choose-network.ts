/**
 * Chooses a run's network, the user's own or one that fits the board, and gives it the head that the data set needs.
 */
import { join } from "node:path";
import { countMacs, countParameters } from "@phinets/core/cost";
import type { DetectionLossName } from "@phinets/core/detection";
import { deployGraph } from "@phinets/core/graph";
import { fitHead } from "@phinets/core/learning";
import { buildNetwork, type Network } from "@phinets/core/networks";
import { type FitOptions, fit } from "@phinets/core/scaling";
import {
  arenaOf,
  type Board,
  banksOf,
  exceededRegions,
  flashBytesOf,
  type ProgramRequest,
  programOf,
  ramBytesOf,
  weightBytes,
} from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { loadNetwork, networkFileOf } from "../run/load.js";
import type { OpenedData } from "./data.js";
import { runOfWeights } from "./pretrained.js";

export interface ChooseOptions {
  /**
   * Path of a network.json. Default: the network of the run that `weights` belongs to, else one solved for the board.
   */
  readonly network?: string;
  /** Path of the weights to start from. Where they belong to a run with the same classes, its anchors are kept. */
  readonly weights?: string;
  readonly board?: Board;
  readonly limits: Omit<FitOptions, "board" | "task" | "classes" | keyof ProgramRequest>;
  /** Options of the board's firmware. Default: the fastest program, with the whole picture in memory. */
  readonly programRequest?: ProgramRequest;
  readonly loss: DetectionLossName;
  readonly seed: number;
}

/** Throws PhinetsError when neither network nor board is named, or the network exceeds the board. */
export function chooseNetwork(data: OpenedData, options: ChooseOptions): Network {
  const { board, limits, loss, seed, programRequest = {} } = options;
  const { task, classes } = data.index;
  const run = options.weights === undefined ? undefined : runOfWeights(options.weights);
  const path = options.network ?? run;
  let backbone: Network;
  if (path !== undefined) {
    const limit = Object.entries(limits).find(([, value]) => value !== undefined)?.[0];
    if (limit !== undefined)
      throw new PhinetsError(
        "cli.usage",
        `${options.network === undefined ? "the run of --weights" : "--network"} brings its own size: ${limit} is for solving with --target alone; leave one of them out`,
      );
    backbone = loadNetwork(networkFileOf(path), "--network takes a network.json, as phinets fit --out writes it");
  } else if (board !== undefined) backbone = fit({ ...limits, ...programRequest, board, task, classes }).chosen.network;
  else
    throw new PhinetsError(
      "cli.usage",
      "neither --network nor --target is given; name a network.json, or the board to solve for",
    );
  const trained = run === undefined ? undefined : loadNetwork(join(run, "network.json")).head;
  const network = fitHead(backbone, data.index, { loss, seed, trained });
  if (board !== undefined) requireFit(network, board, path ?? "the network", programRequest);
  return network;
}

/** Resources that a network takes of a board, computed before any weights exist. */
export function footprint(network: Network, board: Board, programRequest: ProgramRequest = {}) {
  const graph = buildNetwork(network);
  const program = programOf(deployGraph(graph), board, programRequest);
  return {
    graph,
    program,
    weights: weightBytes(program),
    parameters: countParameters(graph),
    macs: countMacs(graph),
  };
}

function requireFit(network: Network, board: Board, label: string, programRequest: ProgramRequest): void {
  const program = programOf(deployGraph(buildNetwork(network)), board, programRequest);
  const arena = arenaOf(board);
  // Tensors that fit neither a bank nor all banks together are planned as one block without a region.
  const block = program.banks.find(({ region }) => region === undefined)?.bytes ?? 0;
  if (block > arena.bytes) {
    const more = banksOf(board).length > 1 ? ", and its parts do not fit the board's other banks" : "";
    throw new PhinetsError(
      "scaling.ram",
      `${label}: the arena of ${block} bytes exceeds ${board.name}'s ${arena.name} by ${block - arena.bytes}${more}; use a smaller imgsz, alpha or t0`,
    );
  }
  const contents = { head: network.head };
  const flash = flashBytesOf(program, board, contents);
  if (flash.total > board.flashBytes) {
    throw new PhinetsError(
      "scaling.flash",
      `${label}: weights and code of ${flash.total} bytes exceed ${board.name}'s flash by ${flash.total - board.flashBytes}; use a smaller alpha, beta or blocks`,
    );
  }
  const [excess] = exceededRegions(board, flash, ramBytesOf(program, board, contents));
  if (excess !== undefined) {
    const { region, neededBytes, bytes } = excess;
    throw new PhinetsError(
      "scaling.ram",
      `${label}: with stack, output, boxes and tracks it needs ${neededBytes} bytes of ${board.name}'s ${region}, ${neededBytes - bytes} more than it has; use a smaller imgsz, or give stack and variables a larger region`,
    );
  }
}
