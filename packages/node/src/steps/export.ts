/** Exports a run's network as files for other programs. */
import { join } from "node:path";
import {
  type BuildSystem,
  modelOptions,
  networkToOnnx,
  type OnnxModel,
  quantizedToOnnx,
  quantizedToTflite,
  weightsToTorch,
} from "@phinets/core/export";
import { deployWeights } from "@phinets/core/graph";
import { classNames, isImportedInt8, type Network } from "@phinets/core/networks";
import type { Board, ProgramRequest } from "@phinets/core/target";
import { encodeSafetensors } from "@phinets/core/tensor";
import { writeBundle } from "../firmware/bundle.js";
import { removeLeftovers, writeFileAtomic } from "../host/atomic.js";
import { type Run, requireQuantized } from "../run/load.js";

export interface ExportRequest {
  readonly folder: string;
  /** Format c: the board of the image. */
  readonly target: Board;
  /** Format c: minimum score of the firmware's boxes. Default: the firmware's. */
  readonly scoreThreshold?: number;
  /** Format c: prefix of files and symbols. Default "phinets". */
  readonly name?: string;
  /** Format c: the build system whose layout the folder has. Default: one that fits any project. */
  readonly system?: BuildSystem;
  /** Format c: options of the firmware's program. */
  readonly programRequest?: ProgramRequest;
}

/** Depth of the subfolders that are written. */
const deepest = 3;

/** Writes the files of one format and returns their paths. */
type Writer = (run: Run, request: ExportRequest) => string[];

const writers = {
  /** C99 with its kernels, as a folder that compiles. */
  c: (run, { folder, target, scoreThreshold, name, system, programRequest }) => {
    const options = { ...modelOptions(run.network, { scoreThreshold }), ...programRequest, target, name, system };
    return writeBundle(folder, requireQuantized(run), options);
  },
  /** The int8 network for TensorFlow Lite and TensorFlow Lite Micro. */
  tflite: (run, { folder }) => {
    const metadata = { phinets: JSON.stringify(readingOf(run.network, "int8, pixel - 128")) };
    return [write(join(folder, "model.tflite"), quantizedToTflite(requireQuantized(run), metadata))];
  },
  /** The deployed network in float and, where the run is quantised, the int8 network (QDQ). */
  onnx: (run, { folder }) => {
    const { quantized } = run;
    const { network } = run;
    const float = isImportedInt8(network) ? undefined : deployWeights(run.graph, run.weights);
    return [
      ...(float ? [writeOnnx(join(folder, "model.onnx"), networkToOnnx(float.graph, float.weights), network)] : []),
      ...(quantized ? [writeOnnx(join(folder, "model_int8.onnx"), quantizedToOnnx(quantized), network)] : []),
    ];
  },
  /** Weights in OHWI order, with the reference implementation's names. */
  safetensors: ({ network, weights }, { folder }) => {
    const metadata = { format: "phinets", layout: "OHWI", network: JSON.stringify(network) };
    return [write(join(folder, "model.safetensors"), encodeSafetensors(weights, metadata))];
  },
  /** A state_dict in OIHW order, with the reference implementation's names. */
  torch: ({ weights }, { folder }) => [write(join(folder, "model.pth"), weightsToTorch(weights))],
} satisfies Record<string, Writer>;

export type ExportFormat = keyof typeof writers;
export const exportFormats = Object.keys(writers) as ExportFormat[];

/**
 * Writes the files of the formats, after removing temporary files of an export that was killed. Throws PhinetsError
 * where a format needs the int8 network and the run has none, and when a file cannot be written.
 */
export function writeExports(run: Run, formats: readonly ExportFormat[], request: ExportRequest): string[] {
  removeLeftovers(request.folder, deepest);
  return formats.flatMap((format) => writers[format](run, request));
}

function write(path: string, bytes: Uint8Array): string {
  writeFileAtomic(path, bytes);
  return path;
}

function writeOnnx(path: string, model: OnnxModel, network: Network): string {
  const reading = readingOf(network, "float, pixel / 128 - 1");
  for (const [key, value] of Object.entries(reading))
    model.metadata[key] = typeof value === "string" ? value : JSON.stringify(value);
  return write(path, model.encode());
}

/** Metadata for readers of the model: the format of its input and the meaning of its outputs. */
function readingOf({ head }: Network, input: string) {
  return {
    input: `NHWC, RGB or grey, ${input}, the picture stretched to the input's size`,
    ...(head.kind !== "none" && { head: head.kind, classes: classNames(head) }),
    ...(head.kind === "yolov2" && { anchors: head.anchors, decoder: head.decoder ?? "yolov2" }),
    ...(head.kind === "yolov5" && { anchors: head.anchors }),
    ...(head.kind === "yolov8" && { bins: head.bins }),
  };
}
