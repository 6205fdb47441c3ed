/**
 * The chain of `phinets ship`: network for the board, training, int8, firmware proven on the emulated core, figures,
 * tracks, report. Each step is logged with its inputs, so a second run redoes only what changed.
 */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { latencyMs } from "@phinets/core/cost";
import { evaluationSplit } from "@phinets/core/data";
import { defaultScoreThreshold } from "@phinets/core/export";
import { networkSummary } from "@phinets/core/networks";
import { type Board, type ProgramRequest, roomsFor } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { makeRecipe, type Recipe, withClassWeights } from "@phinets/core/training";
import type { Emulation } from "../emulator/index.js";
import { writeFileAtomic } from "../host/atomic.js";
import type { LeftOut } from "../report/data.js";
import { saveRunArguments } from "../run/arguments.js";
import { createRunFolder } from "../run/folder.js";
import { loadNetwork } from "../run/load.js";
import { withRunLock } from "../run/lock.js";
import { restoreResults } from "../run/save.js";
import { saveTarget } from "../target/target.js";
import type { Metrics } from "../text/metrics.js";
import { type ChooseOptions, footprint } from "./choose-network.js";
import type { StepContext } from "./context.js";
import { type LoadingOptions, loadSplit, type OpenedData, openData } from "./data.js";
import { loadPretrained, startingRecipe } from "./pretrained.js";
import { artefactsOf, makeFolder, requireOwn } from "./ship-files.js";
import { ShipState } from "./ship-state.js";
import {
  evaluateStep,
  exportedFiles,
  exportStep,
  firmwareFiles,
  firmwareStep,
  fitStep,
  type NetworkShip,
  type PreparedShip,
  quantizedDigest,
  quantizeStep,
  trackStep,
  trainStep,
} from "./ship-steps.js";
import { StepLog } from "./step-log.js";
import type { TrackSummary } from "./track-clip.js";
import { requireTrainable, type TrainResult } from "./train/index.js";

/** Default number of test pictures to run through the emulated firmware: about ten seconds. */
export const defaultProofPictures = 300;

export interface ShipRequest {
  /** Paths of data sets, which are joined. */
  readonly data: readonly string[];
  readonly fraction?: number;
  readonly loading?: LoadingOptions;
  readonly target: Board;
  readonly network?: string;
  /** A run, a .safetensors or a .pth to start from; a run's network is used too, unless `network` names one. */
  readonly weights?: string;
  readonly limits: ChooseOptions["limits"];
  /** Run folder whose training is reused if it is identical to the one needed. */
  readonly adopt?: string;
  readonly recipe: Partial<Recipe>;
  readonly threads: number;
  /** Number of test pictures to run through the emulated firmware; float and int8 are measured on all. */
  readonly images: number;
  /** As in `Int8Request`. */
  readonly qat?: number | true;
  readonly maxDrop?: number;
  /** Options of the firmware. Default: the fastest program, with the whole picture in memory. */
  readonly programRequest?: ProgramRequest;
  /** Video or folder of frames to track. */
  readonly clip?: string;
  readonly project: string;
  /** Default: DATA-BOARD. */
  readonly name?: string;
  /** `--out`: the run folder itself, instead of project and name. */
  readonly out?: string;
  /** The command line that repeats the run, for the report. */
  readonly commandLine: string;
}

export interface ShipResult {
  readonly run: string;
  readonly report: string;
  readonly target: string;
  readonly data: string;
  readonly network: {
    readonly parameters: number;
    readonly macs: number;
    readonly weightsBytes: number;
    readonly plannedArenaBytes: number;
    readonly latencyMs: readonly [number, number];
  };
  readonly train: TrainResult;
  /** Figures on the test split (the validation split where there is no test split). */
  readonly evaluation: {
    readonly split: string;
    readonly float: Metrics;
    readonly int8: Metrics;
    readonly firmware?: Metrics;
  };
  readonly emulate: Emulation | LeftOut;
  readonly track?: TrackSummary;
  readonly artefacts: readonly { readonly file: string; readonly bytes: number; readonly sha256: string }[];
  /** Digests of what the figures were computed from: pictures and labels, float weights, integer network, firmware. */
  readonly madeFrom: Readonly<Record<"data" | "weights" | "int8" | "firmware", string>>;
  /** Seconds each step took when it was last done. */
  readonly seconds: Readonly<Record<string, number>>;
}

/**
 * Whether every check passed: the firmware computed the evaluated outputs, tracked the same, and fits the board. Checks
 * that were left out because a tool is missing do not count as failures.
 */
export function isProven({ emulate, track }: ShipResult): boolean {
  if (track?.firmware && "tracksMatch" in track.firmware && !track.firmware.tracksMatch) return false;
  return "leftOut" in emulate || (emulate.matchesInterpreter && emulate.target.fits);
}

export async function ship(request: ShipRequest, context: StepContext): Promise<ShipResult> {
  const { target, project } = request;
  const seed = request.recipe.seed ?? 0;
  const data = await openData(request.data, {
    seed,
    project,
    fraction: request.fraction,
    loading: request.loading,
    note: context.note,
    signal: context.signal,
  });
  const { task, classes, splits } = data.index;
  requireTestPictures(data);
  const recipe = withClassWeights(makeRecipe(task, request.recipe), splits.train, classes.length);
  const programRequest = request.programRequest ?? {};
  const name = request.name ?? `${data.name.replaceAll(" + ", "+")}-${target.name}`;
  if (request.clip !== undefined && !existsSync(request.clip))
    throw new PhinetsError(
      "ship.clip",
      `${request.clip}: no such video or folder of frames; correct --clip`,
      request.clip,
    );
  if (request.out !== undefined) requireOwn(request.out);
  const folder = request.out ?? createRunFolder({ project, task: "ship", name, existOk: true });
  requireOwn(folder);
  makeFolder(folder);
  const prepared = {
    ...request,
    paths: request.data,
    given: request.recipe,
    folder,
    data,
    recipe,
    programRequest,
    seed,
  };
  return withRunLock(folder, "shipping", (lock) => shipLocked({ ...prepared, lock }, context));
}

async function shipLocked(request: PreparedShip, given: StepContext): Promise<ShipResult> {
  const { folder, target, project, data, programRequest, weights, clip } = request;
  saveTarget(folder, target);
  const tracks = clip !== undefined && data.index.task === "detect";
  const steps = ["fit", "train", "quantize", "export", "evaluate", "firmware", ...(tracks ? ["track"] : []), "report"];
  const state = new ShipState(folder, steps);
  const context = state.watch(given);
  const log = new StepLog(folder, context, (name, to) => state.step(name, to));
  context.note(`run: ${folder}`);

  await log.run(fitStep(request));
  const network = loadNetwork(join(folder, "network.json"));
  const start = weights === undefined ? undefined : loadPretrained(weights, network);
  const recipe = startingRecipe(request.recipe, request.given, start);
  const chosen: NetworkShip = { ...request, chosen: network, start, recipe };
  saveArguments(chosen);
  requireTrainable(network, recipe);
  const { parameters, macs, program: planned, weights: flash } = footprint(network, target, programRequest);
  const room = roomsFor(target, planned.lowering, planned.options.input).reduce((sum, { bytes }) => sum + bytes, 0);
  context.note(
    `network: ${network.input.width}x${network.input.height} ${networkSummary(network)}: ${parameters} parameters, ${(macs / 1e6).toFixed(2)} MMAC, working memory ${planned.arenaBytes} B of ${room}`,
  );

  const { trained, rows } = await log.run(trainStep(chosen));
  if (restoreResults(folder, rows)) context.note("train: results.csv has changed since it was made; it is rewritten");
  await log.run(quantizeStep(chosen, trained.weightsSha256));
  const int8Digest = quantizedDigest(folder);
  await log.run(exportStep(request, [trained.weightsSha256, int8Digest]));

  const split = evaluationSplit(data.index);
  const test = await loadSplit(data, split, "evaluation", network, project, context);
  const evaluation = await log.run(evaluateStep(request, test, int8Digest));
  const scoreThreshold = firmwareThreshold(evaluation.int8);
  const firmware = firmwareStep(chosen, test, int8Digest, scoreThreshold);
  const proof = await leaveOut("emulator.tool", context, () => log.run(firmware));
  if ("leftOut" in proof) state.step(firmware.name, "done");
  const tracked = !tracks
    ? undefined
    : await log.run(trackStep(request, clip, int8Digest, { scoreThreshold, proof, firmwareKey: firmware.key }));
  const tracking = tracked?.firmware && "tracksMatch" in tracked.firmware ? tracked.firmware : undefined;
  if ("emulation" in proof && tracking !== undefined) {
    const report = { ...proof.emulation, tracking };
    writeFileAtomic(join(folder, "device_report.json"), `${JSON.stringify(report, undefined, 1)}\n`);
  }

  const files = firmwareFiles(request);
  const result: ShipResult = {
    run: folder,
    report: join(folder, "report.html"),
    target: target.name,
    data: data.name,
    network: {
      parameters,
      macs,
      weightsBytes: flash.total,
      plannedArenaBytes: planned.arenaBytes,
      latencyMs: latencyMs(planned, target),
    },
    train: trained,
    evaluation: { split, ...evaluation, ...("emulation" in proof && { firmware: proof.metrics }) },
    emulate: "emulation" in proof ? proof.emulation : proof,
    track: tracked,
    artefacts: artefactsOf(folder, [...exportedFiles, ...files.model, ...files.image, files.emulated]),
    madeFrom: { data: data.key, weights: trained.weightsSha256, int8: int8Digest, firmware: firmware.key },
    seconds: log.seconds,
  };
  const { commandLine } = request;
  state.step("report", "running");
  // Loaded late: drawing needs more modules than everything else.
  const { writeShipReport } = await import("./ship-report.js");
  await writeShipReport({ folder, data, network, board: target, programRequest, test, result, recipe, commandLine });
  writeFileAtomic(join(folder, "ship.json"), `${JSON.stringify(result, undefined, 1)}\n`);
  state.end();
  return result;
}

/** Saves the request for readers and for repeating the run. */
function saveArguments(request: NetworkShip): void {
  const { folder, data, paths, fraction, loading, limits, qat, maxDrop, images, clip } = request;
  const { recipe, target, programRequest, network, start } = request;
  saveRunArguments(folder, {
    ...{ task: data.index.task, data: paths, fraction, recipe, plots: true, board: target },
    ...{ limits, programRequest, qat, loading, weights: start && { file: start.file, sha256: start.sha256 } },
    namedNetwork: network !== undefined,
    more: { maxDrop, images, clip: clip && resolve(clip) },
  });
}

/**
 * The confidence of int8's best F1, rounded down to hundredths, at most the default 0.25: the tracker drops short-lived
 * detections and therefore gains from boxes that F1 would reject. Undefined (the default) where the metrics give none.
 */
function firmwareThreshold(int8: Metrics): number | undefined {
  if (int8.task !== "detect" || !(int8.confidence > 0 && int8.f1 > 0)) return undefined;
  return Math.min(defaultScoreThreshold, Math.max(0.05, Math.floor(100 * int8.confidence) / 100));
}

/** Figures and proof need pictures that were not trained on: without any there is nothing to ship. */
function requireTestPictures({ name, index }: OpenedData): void {
  const { train } = index.splits;
  if (index.splits[evaluationSplit(index)].length > 0) return;
  throw new PhinetsError(
    "ship.test",
    `${name}: nothing would be left to test on: all ${train.length} pictures are to train on, as there are too few different ones; add pictures, or a val or test of its own`,
  );
}

/** Runs a step that needs a tool; where the tool is missing, the chain continues and reports it. */
async function leaveOut<T>(code: string, context: StepContext, step: () => Promise<T>): Promise<T | LeftOut> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== code) throw error;
    context.note(`left out: ${error.message}`);
    return { leftOut: error.message };
  }
}
