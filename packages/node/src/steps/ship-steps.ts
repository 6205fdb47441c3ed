/** The steps of the chain, each with the inputs of its key and the files that it writes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { evaluationSplit, type PictureSource, type SplitName } from "@phinets/core/data";
import { createEngine } from "@phinets/core/kernels";
import { floatOutputs, integerOutputs, score } from "@phinets/core/learning";
import type { Network } from "@phinets/core/networks";
import type { ProgramRequest } from "@phinets/core/target";
import { type Recipe, recipeIdentity } from "@phinets/core/training";
import { type Emulation, emulatedFor, emulatedPath } from "../emulator/index.js";
import { imagePath } from "../firmware/build.js";
import { uf2Path } from "../firmware/uf2.js";
import { writeFileAtomic } from "../host/atomic.js";
import type { LeftOut } from "../report/data.js";
import { loadNetwork, loadQuantized, loadRun, networkFileOf } from "../run/load.js";
import type { RunLock } from "../run/lock.js";
import { readResults, saveNetwork } from "../run/save.js";
import type { Metrics } from "../text/metrics.js";
import { nodeThreads } from "../threads/pool.js";
import { chooseNetwork } from "./choose-network.js";
import { loadDrawn, loadSplit, type OpenedData, someOf, validationSplit } from "./data.js";
import { writeExports } from "./export.js";
import { firmwareOutputs } from "./firmware.js";
import { keyOf, sha256 } from "./hash.js";
import { defaultMaxDrop, makeInt8 } from "./int8.js";
import { describePretrained, type Pretrained, runOfWeights } from "./pretrained.js";
import { drawCalibration } from "./quantize.js";
import { writeRunLock } from "./run-lock.js";
import type { ShipRequest } from "./ship.js";
import { adoptTraining, setAside, sourcesKey, stampsOf } from "./ship-files.js";
import type { Step } from "./step-log.js";
import { type TrackSummary, trackClip } from "./track-clip.js";
import { type TrainResult, train, trainingOf } from "./train/index.js";

/** A request with its data opened and its defaults resolved. */
export interface PreparedShip extends Omit<ShipRequest, "data" | "recipe" | "programRequest"> {
  readonly paths: readonly string[];
  readonly folder: string;
  readonly lock: RunLock;
  readonly data: OpenedData;
  readonly recipe: Recipe;
  /** The part of the recipe that was given explicitly. */
  readonly given: Partial<Recipe>;
  readonly programRequest: ProgramRequest;
  readonly seed: number;
}

/** A prepared request with its network; `recipe` is the one to train with. */
export interface NetworkShip extends PreparedShip {
  readonly chosen: Network;
  readonly start?: Pretrained;
}

interface Trained {
  readonly trained: TrainResult;
  readonly rows: ReturnType<typeof readResults>;
}

interface Evaluated {
  readonly float: Metrics;
  readonly int8: Metrics;
}

interface Proof {
  readonly emulation: Emulation;
  readonly metrics: Metrics;
}

/** Chooses the network for the board and saves it. */
export function fitStep(request: PreparedShip): Step<void> {
  const { folder, data, target, limits, network, weights, recipe, programRequest, seed } = request;
  const { loss } = recipe;
  const weightsRun = weights === undefined ? undefined : runOfWeights(weights);
  const key = keyOf(
    data.key,
    target,
    limits,
    network && loadNetwork(networkFileOf(network)),
    loss,
    seed,
    programRequest,
    ...(weightsRun === undefined ? [] : [loadNetwork(networkFileOf(weightsRun))]),
  );
  return {
    name: "fit",
    key,
    outputs: ["network.json"],
    run: () => {
      const wanted = { network, weights, board: target, limits, programRequest, loss, seed };
      saveNetwork(folder, chooseNetwork(data, wanted));
    },
  };
}

export function trainStep(request: NetworkShip): Step<Trained> {
  const { folder, lock, data, paths, fraction, chosen: network, recipe, start, threads, project, adopt } = request;
  const key = keyOf(data.key, network, recipeIdentity(recipe), ...(start === undefined ? [] : [start.sha256]));
  return {
    name: "train",
    key,
    outputs: ["weights/best.safetensors"],
    run: async (context) => {
      setAside(folder, key, context);
      if (start !== undefined) for (const line of describePretrained(start)) context.note(line);
      writeFileAtomic(join(folder, "weights/key"), key);
      const from = start && { file: start.file, sha256: start.sha256 };
      await writeRunLock(folder, { data, paths, fraction, network, recipe, start: from }, context);
      const source = await loadSplit(data, "train", "training", network, project, context);
      const val = await loadSplit(data, validationSplit(data), "evaluation", network, project, context);
      const { key: dataKey, leftOut } = data;
      const plots = { dataName: data.name };
      const own = { folder, lock, network, recipe, threads, pretrained: start, plots };
      if (adopt !== undefined)
        adoptTraining(adopt, { folder, key: trainingOf({ ...own, train: source, dataKey }).key, context });
      const trained = await train({ ...own, train: source, val, dataKey, leftOut, resume: true }, context);
      return { trained, rows: readResults(folder) };
    },
  };
}

/** @param weightsSha256 hash of the trained weights */
export function quantizeStep(request: NetworkShip, weightsSha256: string): Step<void> {
  const { folder, data, chosen: network, recipe, qat, maxDrop, threads, project, seed } = request;
  return {
    name: "quantize",
    key: keyOf(weightsSha256, data.key, qat ?? false, maxDrop ?? defaultMaxDrop),
    outputs: ["quantized.json", "quantized.safetensors", "quant_report.json"],
    run: async (context) => {
      const draw = (length: number) => drawCalibration(length, seed);
      const source = await loadDrawn(data, "train", draw, network, project, context);
      const val = await loadSplit(data, validationSplit(data), "evaluation", network, project, context);
      const training = () => loadSplit(data, "train", "training", network, project, context);
      const { weights } = loadRun(folder);
      const wanted = { qat, maxDrop, recipe, dataKey: data.key, threads };
      await makeInt8({ folder, network, weights, source, val, training, seed, ...wanted }, context);
    },
  };
}

/** Digest of a run's integer network. */
export function quantizedDigest(folder: string): string {
  return (
    sha256(readFileSync(join(folder, "quantized.safetensors"))) + sha256(readFileSync(join(folder, "quantized.json")))
  );
}

export const exportedFiles = ["export/model.tflite", "export/model.onnx", "export/model_int8.onnx"];

/** @param digests of the weights and of the integer network */
export function exportStep({ folder, target }: PreparedShip, digests: readonly [string, string]): Step<void> {
  return {
    name: "export",
    key: keyOf(...digests),
    outputs: exportedFiles,
    run: () => {
      writeExports(loadRun(folder), ["tflite", "onnx"], { folder: join(folder, "export"), target });
    },
  };
}

/** Evaluates float and int8 on the pictures of a split. */
export function evaluateStep(
  { folder, data, threads }: PreparedShip,
  test: PictureSource,
  int8Digest: string,
): Step<Evaluated> {
  const split: SplitName = evaluationSplit(data.index);
  return {
    name: "evaluate",
    key: keyOf(int8Digest, data.key, split),
    outputs: [],
    run: async (context) => {
      const { network, weights, quantized } = loadRun(folder);
      const total = 2 * test.length;
      const progress = context.progress({ label: "evaluating", total, unit: "pictures", lineEvery: 1 });
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
    },
  };
}

/** Files of the firmware: the model, the image for the board, and the emulated program. */
export function firmwareFiles({ target }: Pick<PreparedShip, "target">) {
  const image = `firmware/${imagePath(target)}`;
  return {
    model: ["firmware/model/phinets_model.c", "firmware/model/phinets_model.h"],
    image: [image, uf2Path(image)],
    emulated: `firmware/${emulatedPath(target)}`,
  };
}

/**
 * Builds the firmware and proves it on the emulated core.
 * @param scoreThreshold minimum score of its boxes; default: the firmware's
 */
export function firmwareStep(
  request: NetworkShip,
  test: PictureSource,
  int8Digest: string,
  scoreThreshold: number | undefined,
): Step<Proof> {
  const { folder, data, chosen: network, images, target, programRequest } = request;
  const { model, image, emulated } = firmwareFiles(request);
  return {
    name: "firmware",
    key: keyOf(int8Digest, data.key, images, sourcesKey(), scoreThreshold ?? "", target, programRequest),
    outputs: [...model, emulated, ...image],
    run: async (context) => {
      const source = someOf(test, images);
      const progress = context.progress({ label: "emulating", total: source.length, unit: "pictures", lineEvery: 1 });
      const { emulation, outputs } = await firmwareOutputs(loadQuantized(folder)!, network, source, {
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
    },
  };
}

/**
 * Tracks a clip, also on the emulated core where the firmware was proven there.
 * @param firmwareKey key of the step that proved it
 */
export function trackStep(
  request: PreparedShip,
  clip: string,
  int8Digest: string,
  { scoreThreshold, proof, firmwareKey }: TrackOptions,
): Step<TrackSummary> {
  const { folder, target } = request;
  return {
    name: "track",
    key: keyOf(int8Digest, stampsOf(clip), scoreThreshold ?? "", "emulation" in proof ? firmwareKey : ""),
    outputs: ({ stills }) => ["tracks.txt", "tracks.mp4", ...stills.map(({ file }) => file)],
    run: (context) => {
      const program = { path: join(folder, firmwareFiles(request).emulated), machine: emulatedFor(target).machine };
      const firmware = "emulation" in proof ? { program } : proof;
      return trackClip(folder, clip, context, { scoreThreshold, firmware });
    },
    complete: ({ leftOut }) => leftOut === undefined,
  };
}

interface TrackOptions {
  readonly scoreThreshold: number | undefined;
  readonly proof: Proof | LeftOut;
  readonly firmwareKey: string;
}
