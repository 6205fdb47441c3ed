/**
 * The chain: network for the board, training, int8, firmware proven on the emulated core, figures, tracks, report. Each
 * step is logged with what it was made from, so a second run redoes only what changed.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { latencyMs } from "@phinets/core/cost";
import { evaluationSplit } from "@phinets/core/data";
import { defaultScoreThreshold } from "@phinets/core/export";
import { createEngine } from "@phinets/core/kernels";
import { networkSummary } from "@phinets/core/networks";
import { arenaOf, type Board, type ProgramWish } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { makeRecipe, type Recipe, recipeIdentity, withClassWeights } from "@phinets/core/training";
import type { CachedPictures } from "../dataset/index.js";
import { type Emulation, emulatedFor, emulatedPath, firmwareSources, imagePath } from "../emulator/index.js";
import { writeFileAtomic } from "../run/atomic.js";
import { createRunFolder } from "../run/folder.js";
import { loadNetwork, loadQuantized, loadRun } from "../run/load.js";
import { requireFree } from "../run/lock.js";
import { saveArguments, saveNetwork } from "../run/save.js";
import { saveTarget } from "../run/target.js";
import type { Context } from "../terminal/context.js";
import { nodeThreads } from "../threads/index.js";
import { bestPath } from "./checkpoint.js";
import { type ChooseOptions, chooseNetwork, footprint } from "./choose-network.js";
import { loadSplit, openData, someOf, validationSplit } from "./data.js";
import { writeExports } from "./export.js";
import { firmwareOutputs } from "./firmware.js";
import { keyOf, sha256 } from "./hash.js";
import { defaultMaxDrop, makeInt8 } from "./int8.js";
import { writeRunLock } from "./run-lock.js";
import { writeShipReport } from "./ship-report.js";
import { hasStepLog, StepLog } from "./step-log.js";
import { type TrackSummary, trackClip } from "./track-clip.js";
import { requireTrainable, type TrainResult, train } from "./train/index.js";
import { floatOutputs, integerOutputs, type Metrics, score } from "./validate.js";

export interface ShipRequest {
  /** Paths, joined. */
  readonly data: readonly string[];
  readonly fraction?: number;
  readonly target: Board;
  readonly network?: string;
  readonly limits: ChooseOptions["limits"];
  readonly recipe: Partial<Recipe>;
  readonly threads: number;
  /** Test pictures to run through the emulated firmware; those after stay with float and int8. */
  readonly images: number;
  /** As in `Int8Request`. */
  readonly qat?: number | true;
  readonly maxDrop?: number;
  /** Of the firmware. Default: the fastest program, the whole picture in memory. */
  readonly wish?: ProgramWish;
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

/** A step that could not be done here, with what to do about it. */
export interface LeftOut {
  readonly leftOut: string;
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
  /** Seconds each step took when it was last done. */
  readonly seconds: Readonly<Record<string, number>>;
}

export async function ship(request: ShipRequest, context: Context): Promise<ShipResult> {
  const { target, threads, project } = request;
  const seed = request.recipe.seed ?? 0;
  const data = await openData(request.data, { seed, fraction: request.fraction, project, signal: context.signal });
  const { task } = data.index;
  const { classes, splits } = data.index;
  const recipe = withClassWeights(makeRecipe(task, request.recipe), splits.train, classes.length);
  const wish = request.wish ?? {};
  const name = request.name ?? `${data.name.replaceAll(" + ", "+")}-${target.name}`;
  if (request.clip !== undefined && !existsSync(request.clip))
    throw new PhinetsError(
      "ship.clip",
      `${request.clip}: no such video or folder of frames; correct --clip`,
      request.clip,
    );
  const folder = request.out ?? createRunFolder({ project, task: "ship", name, existOk: true });
  requireOwn(folder);
  requireFree(folder);
  saveTarget(folder, target);
  const log = new StepLog(folder, context);
  context.note(`run: ${folder}`);

  const fitKey = keyOf(
    data.key,
    target,
    request.limits,
    request.network && readText(request.network),
    recipe.loss,
    seed,
    wish,
  );
  await log.run("fit", fitKey, ["network.json"], async () => {
    const { network: path, limits } = request;
    saveNetwork(folder, chooseNetwork(data, { network: path, board: target, limits, wish, loss: recipe.loss, seed }));
  });
  const network = loadNetwork(join(folder, "network.json"));
  requireTrainable(network, recipe);
  const { parameters, macs, program: planned, weights: flash } = footprint(network, target, wish);
  context.note(
    `network: ${network.input.width}x${network.input.height} ${networkSummary(network)}: ${parameters} parameters, ${(macs / 1e6).toFixed(2)} MMAC, working memory ${planned.arenaBytes} B of ${arenaOf(target).bytes}`,
  );

  const trainKey = keyOf(data.key, network, recipeIdentity(recipe));
  const trained = await log.run("train", trainKey, ["weights/best.safetensors"], async () => {
    setAside(folder, trainKey, context);
    writeFileAtomic(join(folder, "weights/key"), trainKey);
    saveArguments(folder, { data: [...request.data], fraction: request.fraction, recipe });
    await writeRunLock(folder, { data, paths: request.data, fraction: request.fraction, network, recipe }, context);
    const source = await loadSplit(data, "train", "training", network, project, context);
    const val = await loadSplit(data, validationSplit(data), "evaluation", network, project, context);
    return train({ folder, network, recipe, train: source, val, dataKey: data.key, threads, resume: true }, context);
  });

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
  const emulateKey = keyOf(quantizedSha256, data.key, request.images, sourcesKey(), scoreThreshold ?? "", target, wish);
  const emulated = `firmware/${emulatedPath(target)}`;
  const image = `firmware/${imagePath(target)}`;
  const proof = await leaveOut("emulator.tool", context, () =>
    log.run("firmware", emulateKey, [...modelFiles, emulated], async () => {
      const source = someOf(test, request.images);
      const progress = context.progress({ label: "emulating", total: source.length, unit: "pictures", lineEvery: 1 });
      const { emulation, outputs } = await firmwareOutputs(quantized, network, source, {
        folder: join(folder, "firmware"),
        signal: context.signal,
        target,
        scoreThreshold,
        ...wish,
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
          ["tracks.txt", "tracks.mp4"],
          () => {
            const program = { path: join(folder, emulated), machine: emulatedFor(target).machine };
            const firmware = "emulation" in proof ? { program } : proof;
            return trackClip(folder, request.clip!, context, { scoreThreshold, firmware });
          },
          ({ leftOut }) => leftOut === undefined,
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
    seconds: log.seconds,
  };
  if (!("leftOut" in result.emulate) && !result.emulate.matchesInterpreter) context.exitCode = 1;
  if (tracking?.tracksMatch === false) context.exitCode = 1;
  if (!("leftOut" in result.emulate) && !result.emulate.target.fits) context.exitCode = 1;
  const { commandLine } = request;
  await writeShipReport({ folder, data, network, board: target, wish, test, result, recipe, commandLine });
  writeFileAtomic(join(folder, "ship.json"), `${JSON.stringify(result, undefined, 1)}\n`);
  return result;
}

async function evaluate(
  folder: string,
  test: CachedPictures,
  threads: number,
  context: Context,
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

/** Refuses a folder that holds something else, before anything in it is replaced. */
function requireOwn(folder: string): void {
  if (!existsSync(folder) || hasStepLog(folder)) return;
  if (statSync(folder).isDirectory() && readdirSync(folder).length === 0) return;
  throw new PhinetsError(
    "ship.folder",
    `${folder}: exists and is not a shipped run (it has no steps.json); name another --out or --name, or empty it`,
    folder,
  );
}

/** Names, sizes and times of change of a video, or of the files of a folder. */
function stampsOf(clip: string): unknown {
  const stamp = (path: string) => {
    const { size, mtimeMs } = statSync(path);
    return [path, size, mtimeMs];
  };
  if (!statSync(clip).isDirectory()) return stamp(clip);
  const files = readdirSync(clip, { recursive: true, encoding: "utf8" }).sort();
  return [clip, ...files.map((file) => stamp(join(clip, file)))];
}

/** Runs a step that needs a tool; without the tool the chain goes on and says what is missing. */
async function leaveOut<T>(code: string, context: Context, step: () => Promise<T>): Promise<T | LeftOut> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== code) throw error;
    context.note(`left out: ${error.message}`);
    return { leftOut: error.message };
  }
}

/**
 * Weights that were trained from something else are kept beside the new ones, under the start of their key, and come back
 * when the same network, recipe and data are asked for again.
 */
function setAside(folder: string, key: string, context: Context): void {
  const weights = join(folder, "weights");
  const placeOf = (other: string): string => join(folder, `weights-${other.slice(0, 8)}`);
  const moveResults = (from: string, to: string): void => {
    if (existsSync(join(from, "results.csv"))) renameSync(join(from, "results.csv"), join(to, "results.csv"));
  };
  const keyFile = join(weights, "key");
  const old = existsSync(keyFile) ? readFileSync(keyFile, "utf8") : undefined;
  if (old === undefined || old === key) return;
  if (existsSync(bestPath(folder))) {
    const aside = placeOf(old);
    rmSync(aside, { recursive: true, force: true }); // an earlier state of the same training
    renameSync(weights, aside);
    moveResults(folder, aside);
    context.note(`train: what it is made from has changed; the earlier weights are in ${aside}`);
  }
  const kept = placeOf(key);
  if (existsSync(kept)) {
    rmSync(weights, { recursive: true, force: true });
    renameSync(kept, weights);
    moveResults(weights, folder);
  }
}

/** Changes with every change of the firmware's own sources. */
function sourcesKey(): string {
  const files = readdirSync(firmwareSources, { recursive: true, encoding: "utf8" }).sort();
  return keyOf(
    files
      .filter((file) => /\.(c|h|ld|S)$/.test(file))
      .map((file) => [file, sha256(readFileSync(join(firmwareSources, file)))]),
  );
}

const exportedFiles = ["export/model.tflite", "export/model.onnx", "export/model_int8.onnx"];
const modelFiles = ["firmware/model/phinets_model.c", "firmware/model/phinets_model.h"];

function artefactsOf(folder: string, made: readonly string[]): ShipResult["artefacts"] {
  const weights = ["network.json", "weights/best.safetensors", "quantized.json", "quantized.safetensors"];
  return [...weights, ...made, "tracks.txt", "tracks.mp4"]
    .filter((file) => existsSync(join(folder, file)))
    .map((file) => {
      const bytes = readFileSync(join(folder, file));
      return { file, bytes: bytes.length, sha256: sha256(bytes) };
    });
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
