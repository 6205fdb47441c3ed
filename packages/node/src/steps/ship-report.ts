/** Makes the report of a shipped run from its folder and the steps' results. */

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { drawMemory, energyMj, inspectNetwork } from "@phinets/core/cost";
import { type Picture, parseMotRows } from "@phinets/core/data";
import { meanIouOverCount } from "@phinets/core/detection";
import { classNames, type Network, networkSettings, networkTitle } from "@phinets/core/networks";
import type { Board, ProgramRequest } from "@phinets/core/target";
import type { Recipe } from "@phinets/core/training";
import type { CachedPictures } from "../dataset/index.js";
import { type Emulation, emulatedPath } from "../emulator/index.js";
import { imagePath } from "../firmware/build.js";
import { uf2Path } from "../firmware/uf2.js";
import { writeFileAtomic } from "../host/atomic.js";
import { readPicture } from "../picture/index.js";
import { plotOf } from "../report/evaluation-pages.js";
import {
  type Curve,
  detectionPrediction,
  type FormFigures,
  type Prediction,
  type ReportData,
  renderCard,
  renderReport,
  reportPicture,
  type TrajectoryPlot,
  trackedFrame,
  type Use,
} from "../report/index.js";
import { perClassOf } from "../report/training.js";
import { loadRun } from "../run/load.js";
import { openModel } from "../run/model.js";
import { readResults } from "../run/save.js";
import { type Metrics, verdict } from "../text/metrics.js";
import type { OpenedData } from "./data.js";
import type { ShipResult } from "./ship.js";
import type { TrackSummary } from "./track-clip.js";
import { ownVersion } from "./version.js";

export interface ReportRequest {
  readonly folder: string;
  readonly data: OpenedData;
  readonly network: Network;
  readonly board: Board;
  /** The options that the firmware's program was built with. */
  readonly programRequest: ProgramRequest;
  readonly test: CachedPictures;
  readonly result: ShipResult;
  readonly recipe: Recipe;
  readonly commandLine: string;
}

/** Number of pictures shown with truth and prediction. */
const shownPictures = 12;

/** Writes report.html and card.md into the run folder. */
export async function writeShipReport(request: ReportRequest): Promise<void> {
  const data = await reportData(request);
  writeFileAtomic(join(request.folder, "report.html"), renderReport(data));
  writeFileAtomic(join(request.folder, "card.md"), renderCard(data));
}

async function reportData(request: ReportRequest): Promise<ReportData> {
  const { folder, data, network, board, programRequest, result, commandLine } = request;
  const { float, int8, firmware } = result.evaluation;
  const { task, classes, splits } = data.index;
  const what: Readonly<Record<string, string>> = {
    ...descriptions,
    [`firmware/${imagePath(board)}`]: `image linked for ${board.title}`,
    [`firmware/${uf2Path(imagePath(board))}`]: "the image as the file that the board's drive takes",
    [`firmware/${emulatedPath(board)}`]: "program that ran on the emulated core",
  };
  const forms = Object.entries({ float, int8, firmware }).filter(([, metrics]) => metrics !== undefined) as [
    FormFigures["name"],
    Metrics,
  ][];
  return {
    title: `${data.name} on ${board.title}`,
    version: ownVersion(),
    date: new Date().toISOString().slice(0, 10),
    dataset: {
      skipped: data.leftOut,
      name: data.name,
      task,
      classes,
      pictures: { train: splits.train.length, val: splits.val.length, test: splits.test.length },
      split: result.evaluation.split,
    },
    metrics: task === "detect" ? ["AP50", "AP", "precision", "recall", "f1"] : ["top1", "top5"],
    figures: forms.map(([name, metrics]) => ({
      name,
      values: valuesOf(metrics),
      ...(metrics.images < float.images && { pictures: metrics.images }),
    })),
    ...("leftOut" in result.emulate && {
      figuresLeftOut: { leftOut: result.emulate.leftOut, install: "npm run setup" },
    }),
    ...networkParts(network, board, programRequest, result.emulate),
    training: {
      rows: readResults(folder),
      bestEpoch: result.train.bestEpoch,
      imagesPerSecond: result.train.imagesPerSecond,
      seconds: result.seconds.train,
    },
    predictions: await predictions(request),
    ...(task === "detect" && {
      precisionRecall: forms.flatMap(([name, metrics]): Curve[] =>
        metrics.task === "detect" ? [{ name, points: metrics.prCurve }] : [],
      ),
    }),
    perClass: perClassOf(int8, classNames(network.head)),
    verdict: verdict(int8),
    ...analysisOf(int8, network),
    anchors: anchorsOf(data, network),
    proof: proofOf(result, board),
    tracking: await tracking(request),
    artefacts: result.artefacts.map(({ file, ...rest }) => ({ path: file, what: what[file] ?? "", ...rest })),
    commands: [commandLine],
  };
}

function valuesOf(metrics: Metrics): Record<string, number> {
  if (metrics.task === "classify") return { top1: metrics.top1, top5: metrics.top5 };
  const { AP50, AP, precision, recall, f1 } = metrics;
  return { AP50, AP, precision, recall, f1 };
}

function networkParts(
  network: Network,
  board: Board,
  programRequest: ProgramRequest,
  emulate: ShipResult["emulate"],
): Pick<ReportData, "network" | "board" | "memoryMapSvg"> {
  const { parameters, macs, blocks, target } = inspectNetwork(network, { board, ...programRequest });
  const { flashBytes, flashBudgetBytes, ramBytes, ramBudgetBytes, latencyMs, energyMj: energy } = target!;
  const counted = "leftOut" in emulate ? undefined : emulate.latencyMs;
  const linked = "leftOut" in emulate ? undefined : linkedUses(emulate, board);
  return {
    network: {
      name: networkTitle(network),
      input: network.input,
      parameters,
      macs,
      settings: networkSettings(network),
      blocks,
    },
    board: {
      name: board.name,
      title: board.title,
      core: board.core,
      clockHz: board.clockHz,
      // Measurements take precedence over the plan.
      flash: linked?.flash ?? { usedBytes: flashBytes, totalBytes: flashBudgetBytes },
      ram: linked?.ram ?? { usedBytes: ramBytes, totalBytes: ramBudgetBytes },
      latencyMs: counted ?? latencyMs,
      latencyFrom: counted === undefined ? "planned" : "counted",
      energyMj: counted === undefined ? energy : energyMj(counted, board),
    },
    memoryMapSvg: drawMemory(network, board, linkedUse(emulate), programRequest),
  };
}

/** Flash and RAM of the image for the board, where it could be linked. */
function linkedUses({ target }: Emulation, board: Board): { readonly flash: Use; readonly ram: Use } | undefined {
  if (!target.linked) return undefined;
  const ram = target.regions.filter(({ use, usedBytes }) => use !== "program" && usedBytes > 0);
  return {
    flash: { usedBytes: target.flashBytes!, totalBytes: board.flashBytes },
    ram: { usedBytes: target.ramBytes!, totalBytes: ram.reduce((sum, { totalBytes }) => sum + totalBytes, 0) },
  };
}

/** Bytes in each of the board's memory regions in the linked image, where there is one. */
function linkedUse(emulate: ShipResult["emulate"]): Record<string, number> | undefined {
  if ("leftOut" in emulate) return undefined;
  return Object.fromEntries(emulate.target.regions.map(({ region, usedBytes }) => [region, usedBytes]));
}

async function predictions({ folder, test, result, network }: ReportRequest): Promise<readonly Prediction[]> {
  const run = loadRun(folder);
  const { int8 } = result.evaluation;
  const model = await openModel(run, { conf: int8.task === "detect" ? int8.confidence : undefined });
  const count = Math.min(shownPictures, test.length);
  const shown: Prediction[] = [];
  for (let k = 0; k < count; k++) {
    const i = Math.floor((k * test.length) / count);
    const { file, labels = [], class: truth } = test.samples[i];
    const picture: Picture = file.includes("#") ? test.at(i).picture : await readPicture(file);
    const caption = file.split(/[\\/]/).at(-1)!;
    if (network.head.kind === "yolov2")
      shown.push(await detectionPrediction(caption, picture, labels, model.detect(picture)));
    else shown.push({ caption, picture: await reportPicture(picture), truth, predicted: model.classify(picture)[0] });
  }
  return shown;
}

function analysisOf(metrics: Metrics, network: Network): Pick<ReportData, "analysis" | "classAnalysis"> {
  if (metrics.task === "detect") return { analysis: metrics.analysis };
  const { confusion, calibration } = metrics;
  return { classAnalysis: { names: classNames(network.head), confusion, calibration } };
}

const mostAnchorBoxes = 4000;

function anchorsOf({ index }: OpenedData, { head }: Network): ReportData["anchors"] {
  if (head.kind !== "yolov2") return undefined;
  const all = index.splits.train.flatMap(({ labels = [] }) =>
    labels.map(({ width, height }) => [width, height] as const),
  );
  // An evenly spread sample gives the same curve and takes a second.
  const every = Math.max(1, all.length / mostAnchorBoxes);
  const shapes = Array.from({ length: Math.floor(all.length / every) }, (_, i) => all[Math.floor(i * every)]);
  if (shapes.length < 10) return undefined;
  return { used: head.anchors.length, boxes: shapes.length, curve: meanIouOverCount(shapes, 1, 9) };
}

function proofOf({ emulate, run }: ShipResult, board: Board): ReportData["proof"] {
  if ("leftOut" in emulate) return { leftOut: emulate.leftOut, install: "npm run setup" };
  const { target, latencyMs: _, ...rest } = emulate;
  const uses = linkedUses(emulate, board);
  const outputs = loadRun(run).quantized!.graph;
  const outputBytes = outputs.outputs.reduce(
    (sum, output) => sum + outputs.shapes[output].reduce((a, b) => a * b, 1),
    0,
  );
  return {
    ...rest,
    bytes: outputBytes * emulate.images,
    linked: uses
      ? {
          name: target.title,
          ...uses,
          memories: target.regions,
          weightsBytes: target.weightsBytes!,
          planned: target.planned,
        }
      : { leftOut: target.problem! },
  };
}

async function tracking({ folder, result }: ReportRequest): Promise<ReportData["tracking"]> {
  const { track } = result;
  if (track === undefined) return { leftOut: "no clip was given; --clip takes a video or a folder of frames" };
  const strip = await Promise.all(
    track.stills.map(async ({ file, number, tracks }) =>
      trackedFrame(number, await readPicture(join(folder, file)), tracks),
    ),
  );
  return {
    source: track.clip,
    frames: track.frames,
    tracks: track.tracks,
    framesPerSecond: track.framesPerSecond,
    scores: track.scores,
    firmware: track.firmware,
    strip,
    trajectories: await trajectories(folder, track),
  };
}

/** Trajectories drawn over the first still. */
async function trajectories(folder: string, track: TrackSummary): Promise<TrajectoryPlot | undefined> {
  const [still] = track.stills;
  if (still === undefined) return undefined;
  const { width, height, ...picture } = await readPicture(join(folder, still.file));
  const { jpeg } = await reportPicture({ width, height, ...picture }, 960);
  const found = parseMotRows(readFileSync(join(folder, track.file), "utf8"), track.file);
  return plotOf({ name: basename(track.clip), width, height, jpeg, found });
}

const descriptions: Record<string, string> = {
  "network.json": "the network",
  "weights/best.safetensors": "float weights",
  "quantized.json": "int8 network: graph and scales",
  "quantized.safetensors": "int8 network: weights and biases",
  "export/model.tflite": "int8 network for TensorFlow Lite",
  "export/model.onnx": "float network for ONNX runtimes",
  "export/model_int8.onnx": "int8 network for ONNX runtimes",
  "firmware/model/phinets_model.c": "C99 model: weights, tables, calls",
  "firmware/model/phinets_model.h": "its interface",
  "tracks.txt": "tracks, MOTChallenge text",
  "tracks.mp4": "tracks drawn on the clip",
};
