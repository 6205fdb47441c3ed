/**
 * The chain: network for the board, training, int8, firmware proven on the emulated core, figures, tracks, report. Each
 * step is logged with what it was made from, so a second run redoes only what changed.
 */

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { latencyMs } from "@phinets/core/cost";
import { evaluationSplit } from "@phinets/core/data";
import { defaultScoreThreshold } from "@phinets/core/export";
import { createEngine } from "@phinets/core/kernels";
import { networkSummary } from "@phinets/core/networks";
import { type Board, type ProgramRequest, roomsFor } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { makeRecipe, type Recipe, recipeIdentity, withClassWeights } from "@phinets/core/training";
import type { CachedPictures } from "../dataset/index.js";
import { type Emulation, emulatedFor, emulatedPath } from "../emulator/index.js";
import { imagePath } from "../firmware/build.js";
import { writeFileAtomic } from "../host/atomic.js";
import type { LeftOut } from "../report/data.js";
import { saveRunArguments } from "../run/arguments.js";
import { createRunFolder } from "../run/folder.js";
import { loadNetwork, loadQuantized, loadRun, networkFileOf } from "../run/load.js";
import { type RunLock, withRunLock } from "../run/lock.js";
import { readResults, restoreResults, saveNetwork } from "../run/save.js";
import { saveTarget } from "../run/target.js";
import type { Metrics } from "../text/metrics.js";
import { nodeThreads } from "../threads/pool.js";
import { type ChooseOptions, chooseNetwork, footprint } from "./choose-network.js";
import type { StepContext } from "./context.js";
import { type LoadingOptions, loadSplit, type OpenedData, openData, someOf, validationSplit } from "./data.js";
import { writeExports } from "./export.js";
import { firmwareOutputs } from "./firmware.js";
import { keyOf, sha256 } from "./hash.js";
import { defaultMaxDrop, makeInt8 } from "./int8.js";
import { describePretrained, loadPretrained, runOfWeights, startingRecipe } from "./pretrained.js";
import { writeRunLock } from "./run-lock.js";
import { artefactsOf, makeFolder, requireOwn, setAside, sourcesKey, stampsOf } from "./ship-files.js";
import { StepLog } from "./step-log.js";
import { type TrackSummary, trackClip } from "./track-clip.js";
import { requireTrainable, type TrainResult, train } from "./train/index.js";
import { floatOutputs, integerOutputs, score } from "./validate.js";

/** Test pictures that are run through the emulated firmware where nobody says how many: some ten seconds. */
export const defaultProofPictures = 300;

export interface ShipRequest {
  /** Paths, joined. */
  readonly data: readonly string[];
  readonly fraction?: number;
  readonly loading?: LoadingOptions;
  readonly target: Board;
  readonly network?: string;
  /** A run, a .safetensors or a .pth to start from; a run's network is taken too, unless `network` names one. */
  readonly weights?: string;
  readonly limits: ChooseOptions["limits"];
  readonly recipe: Partial<Recipe>;
  readonly threads: number;
  /** Test pictures to run through the emulated firmware; those after stay with float and int8. */
  readonly images: number;
  /** As in `Int8Request`. */
  readonly qat?: number | true;
  readonly maxDrop?: number;
  /** Of the firmware. Default: the fastest program, the whole picture in memory. */
  readonly programRequest?: ProgramRequest;
  /** Video or folder of frames to track. */
  readonly clip?: string;
  readonly project: string;
  /** Default: DATA-BOARD. */
  readonly name?: string;
  /** `--out`: the folder itself, in place of project and name. */
  readonly out?: string;
  /** The line that does this again, for the report. */
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
  /** On the test split (the validation split where there is no test). */
  readonly evaluation: {
    readonly split: string;
    readonly float: Metrics;
    readonly int8: Metrics;
    readonly firmware?: Metrics;
  };
  readonly emulate: Emulation | LeftOut;
  readonly track?: TrackSummary;
  readonly artefacts: readonly { readonly file: string; readonly bytes: number; readonly sha256: string }[];
  /** Digests of what the figures were made from: pictures and labels, float weights, integer network, firmware. */
  readonly madeFrom: Readonly<Record<"data" | "weights" | "int8" | "firmware", string>>;
  /** Seconds each step took when it was last done. */
  readonly seconds: Readonly<Record<string, number>>;
}

/**
 * Whether nothing that was tried spoke against the firmware: it computed what was evaluated, tracked the same, and fits
 * the board. What was left out for want of a tool does not count against it.
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

interface PreparedShip extends Omit<ShipRequest, "data" | "recipe" | "programRequest"> {
  readonly paths: readonly string[];
  readonly folder: string;
  readonly lock: RunLock;
  readonly data: OpenedData;
  readonly recipe: Recipe;
  /** Of the recipe what was asked for. */
  readonly given: Partial<Recipe>;
  readonly programRequest: ProgramRequest;
  readonly seed: number;
}

async function shipLocked(request: PreparedShip, context: StepContext): Promise<ShipResult> {
  const { folder, lock, target, threads, project, data, programRequest, seed } = request;
  const { task } = data.index;
  saveTarget(folder, target);
  const log = new StepLog(folder, context);
  const { paths, fraction, loading, limits, qat, maxDrop, images, clip } = request;
  context.note(`run: ${folder}`);

  const { weights } = request;
  const weightsRun = weights === undefined ? undefined : runOfWeights(weights);
  const fitKey = keyOf(
    data.key,
    target,
    request.limits,
    request.network && loadNetwork(networkFileOf(request.network)),
    request.recipe.loss,
    seed,
    programRequest,
    ...(weightsRun === undefined ? [] : [loadNetwork(networkFileOf(weightsRun))]),
  );
  await log.run("fit", fitKey, ["network.json"], async () => {
    const { network: path, limits } = request;
    const { loss } = request.recipe;
    saveNetwork(
      folder,
      chooseNetwork(data, { network: path, weights, board: target, limits, programRequest, loss, seed }),
    );
  });
  const network = loadNetwork(join(folder, "network.json"));
  const start = weights === undefined ? undefined : loadPretrained(weights, network);
  const recipe = startingRecipe(request.recipe, request.given, start);
  const from = start && { file: start.file, sha256: start.sha256 };
  saveRunArguments(folder, {
    ...{
      task,
      data: paths,
      fraction,
      recipe,
      plots: true,
      board: target,
      limits,
      programRequest,
      qat,
      loading,
      weights: from,
    },
    namedNetwork: request.network !== undefined,
    more: { maxDrop, images, clip: clip && resolve(clip) },
  });
  requireTrainable(network, recipe);
  const { parameters, macs, program: planned, weights: flash } = footprint(network, target, programRequest);
  const room = roomsFor(target, planned.lowering, planned.options.input).reduce((sum, { bytes }) => sum + bytes, 0);
  context.note(
    `network: ${network.input.width}x${network.input.height} ${networkSummary(network)}: ${parameters} parameters, ${(macs / 1e6).toFixed(2)} MMAC, working memory ${planned.arenaBytes} B of ${room}`,
  );

  const trainKey = keyOf(data.key, network, recipeIdentity(recipe), ...(start === undefined ? [] : [start.sha256]));
  const { trained, rows } = await log.run("train", trainKey, ["weights/best.safetensors"], async () => {
    setAside(folder, trainKey, context);
    if (start !== undefined) for (const line of describePretrained(start)) context.note(line);
    writeFileAtomic(join(folder, "weights/key"), trainKey);
    await writeRunLock(folder, { data, paths, fraction, network, recipe, start: from }, context);
    const source = await loadSplit(data, "train", "training", network, project, context);
    const val = await loadSplit(data, validationSplit(data), "evaluation", network, project, context);
    const { key: dataKey, leftOut } = data;
    const plots = { dataName: data.name };
    const own = { folder, lock, network, recipe, threads, pretrained: start, plots };
    const trained = await train({ ...own, train: source, val, dataKey, leftOut, resume: true }, context);
    return { trained, rows: readResults(folder) };
  });
  if (restoreResults(folder, rows)) context.note("train: results.csv has changed since it was made; written again");

  const quantizeKey = keyOf(trained.weightsSha256, data.key, request.qat ?? false, request.maxDrop ?? defaultMaxDrop);
  await log.run("quantize", quantizeKey, ["quantized.json", "quantized.safetensors", "quant_report.json"], async () => {
    const source = await loadSplit(data, "train", "evaluation", network, project, context);
    const val = await loadSplit(data, validationSplit(data), "evaluation", network, project, context);
    const training = () => loadSplit(data, "train", "training", network, project, context);
    const { weights } = loadRun(folder);
    const { qat, maxDrop } = request;
    const wanted = { qat, maxDrop, recipe, dataKey: data.key, threads };
    await makeInt8({ folder, network, weights, source, val, training, seed, ...wanted }, context);
  });
  const quantized = loadQuantized(folder)!;
  const quantizedSha256 =
    sha256(readFileSync(join(folder, "quantized.safetensors"))) + sha256(readFileSync(join(folder, "quantized.json")));

  await log.run("export", keyOf(trained.weightsSha256, quantizedSha256), exportedFiles, async () => {
    writeExports(loadRun(folder), ["tflite", "onnx"], { folder: join(folder, "export"), target });
  });

  const split = evaluationSplit(data.index);
  const test = await loadSplit(data, split, "evaluation", network, project, context);
  const evaluation = await log.run("evaluate", keyOf(quantizedSha256, data.key, split), [], () =>
    evaluate(folder, test, threads, context),
  );

  const scoreThreshold = firmwareThreshold(evaluation.int8);
  const emulateKey = keyOf(
    quantizedSha256,
    data.key,
    request.images,
    sourcesKey(),
    scoreThreshold ?? "",
    target,
    programRequest,
  );
  const emulated = `firmware/${emulatedPath(target)}`;
  const image = `firmware/${imagePath(target)}`;
  const proof = await leaveOut("emulator.tool", context, () =>
    log.run("firmware", emulateKey, [...modelFiles, emulated, image], async () => {
      const source = someOf(test, request.images);
      const progress = context.progress({ label: "emulating", total: source.length, unit: "pictures", lineEvery: 1 });
      const { emulation, outputs } = await firmwareOutputs(quantized, network, source, {
        folder: join(folder, "firmware"),
        signal: context.signal,
        target,
        scoreThreshold,
        ...programRequest,
      });
      progress.update(source.length);
      progress.stop();
      writeFileAtomic(join(folder, "device_report.json"), `${JSON.stringify(emulation, undefined, 1)}\n`);
      return { emulation, metrics: score(network, outputs, source) };
    }),
  );

  const tracked =
    request.clip === undefined || task !== "detect"
      ? undefined
      : await log.run(
          "track",
          keyOf(quantizedSha256, stampsOf(request.clip), scoreThreshold ?? "", "emulation" in proof ? emulateKey : ""),
          ({ stills }) => ["tracks.txt", "tracks.mp4", ...stills.map(({ file }) => file)],
          () => {
            const program = { path: join(folder, emulated), machine: emulatedFor(target).machine };
            const firmware = "emulation" in proof ? { program } : proof;
            return trackClip(folder, request.clip!, context, { scoreThreshold, firmware });
          },
          { complete: ({ leftOut }) => leftOut === undefined },
        );
  const tracking = tracked?.firmware && "tracksMatch" in tracked.firmware ? tracked.firmware : undefined;
  if ("emulation" in proof && tracking !== undefined) {
    const report = { ...proof.emulation, tracking };
    writeFileAtomic(join(folder, "device_report.json"), `${JSON.stringify(report, undefined, 1)}\n`);
  }

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
    artefacts: artefactsOf(folder, [...exportedFiles, ...modelFiles, image, emulated]),
    madeFrom: { data: data.key, weights: trained.weightsSha256, int8: quantizedSha256, firmware: emulateKey },
    seconds: log.seconds,
  };
  const { commandLine } = request;
  // Loaded late: drawing needs more modules than all of the rest.
  const { writeShipReport } = await import("./ship-report.js");
  await writeShipReport({ folder, data, network, board: target, programRequest, test, result, recipe, commandLine });
  writeFileAtomic(join(folder, "ship.json"), `${JSON.stringify(result, undefined, 1)}\n`);
  return result;
}

async function evaluate(
  folder: string,
  test: CachedPictures,
  threads: number,
  context: StepContext,
): Promise<{ float: Metrics; int8: Metrics }> {
  const { network, weights, quantized } = loadRun(folder);
  const progress = context.progress({ label: "evaluating", total: 2 * test.length, unit: "pictures", lineEvery: 1 });
  const engine = await createEngine({ threads: nodeThreads(threads) });
  try {
    const float = floatOutputs(engine, network, weights, test, (done) => progress.update(done));
    const int8 = integerOutputs(quantized!, network, test, (done) => {
      context.signal.throwIfAborted();
      progress.update(test.length + done);
    });
    return { float: score(network, float, test), int8: score(network, int8, test, { detailed: true }) };
  } finally {
    progress.stop();
    await engine.dispose();
  }
}

/**
 * The score at which int8 has its best F1, in hundredths, but no more than the usual 0.25: the tracker drops what is seen
 * for a moment only, so it gains from boxes that F1 would rather miss. Undefined (the usual one) where nothing says.
 */
function firmwareThreshold(int8: Metrics): number | undefined {
  if (int8.task !== "detect" || !(int8.confidence > 0 && int8.f1 > 0)) return undefined;
  return Math.min(defaultScoreThreshold, Math.max(0.05, Math.floor(100 * int8.confidence) / 100));
}

/** Figures and proof are of pictures that were not learnt from: without one there is nothing to ship. */
function requireTestPictures({ name, index }: OpenedData): void {
  const { train } = index.splits;
  if (index.splits[evaluationSplit(index)].length > 0) return;
  throw new PhinetsError(
    "ship.test",
    `${name}: nothing would be left to test on: all ${train.length} pictures are to train on, as there are too few different ones; add pictures, or a val or test of its own`,
  );
}

/** Runs a step that needs a tool; without the tool the chain goes on and says what is missing. */
async function leaveOut<T>(code: string, context: StepContext, step: () => Promise<T>): Promise<T | LeftOut> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== code) throw error;
    context.note(`left out: ${error.message}`);
    return { leftOut: error.message };
  }
}

const exportedFiles = ["export/model.tflite", "export/model.onnx", "export/model_int8.onnx"];
const modelFiles = ["firmware/model/phinets_model.c", "firmware/model/phinets_model.h"];
