/** A run folder made of an int8 .tflite: the same document that quantising leaves, and a card of what it is. */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { countMacs } from "@phinets/core/cost";
import { documentOf, type ImportedInput, importTflite, isPicture } from "@phinets/core/import";
import { IntegerEngine } from "@phinets/core/inference";
import {
  constantBytes,
  encodeQuantized,
  foldConstantChannels,
  type QuantizedNetwork,
} from "@phinets/core/quantization";
import { formatShape, PhinetsError, Random } from "@phinets/core/tensor";
import { describeWriteError, writeFileAtomic } from "../host/atomic.js";
import { readJson } from "../host/document.js";
import { createRunFolder } from "../run/folder.js";
import { lockRun } from "../run/lock.js";
import { saveArguments, saveNetwork } from "../run/save.js";
import { formatBytes, formatCount } from "../text/format.js";

export interface ImportRequest {
  readonly project: string;
  readonly name?: string;
  /** Names of a classifier's classes. */
  readonly classes?: readonly string[];
  /** File of a YOLO head: {classes, anchors, decoder}. */
  readonly head?: string;
  /** Fold constant channels. Default true. */
  readonly fold?: boolean;
}

/** import.json of the run. */
export interface ImportCard {
  readonly run: string;
  readonly source: string;
  readonly sha256: string;
  readonly input: ImportedInput;
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly scale: number;
    readonly zeroPoint: number;
  }[];
  /** Number of operators by kind, as the file has them. */
  readonly operators: Readonly<Record<string, number>>;
  readonly macs: number;
  /** Bytes of weights and biases. */
  readonly constantBytes: number;
  /** What folding constant channels has saved; absent where there were none. */
  readonly folded?: {
    readonly channels: number;
    readonly removed: number;
    readonly macsBefore: number;
    readonly constantBytesBefore: number;
    /** Inputs, random and extreme, whose outputs were compared and are equal, byte for byte. */
    readonly inputsCompared: number;
  };
  readonly notes: readonly string[];
}

/**
 * Makes the run; returns its card and the card in words. Throws what `importTflite` and `documentOf` throw, and nothing is
 * left of the folder then.
 */
export function saveImported(bytes: Uint8Array, file: string, request: ImportRequest): [ImportCard, () => string] {
  const { project, name, classes, head, fold = true } = request;
  const imported = importTflite(bytes, file);
  const {
    network: quantized,
    removed,
    channels,
  } = fold ? foldConstantChannels(imported.network) : { network: imported.network, removed: 0, channels: 0 };
  const inputsCompared = removed === 0 ? 0 : compareOutputs(imported.network, quantized, file);
  const yolo =
    head === undefined
      ? undefined
      : readJson(head, { code: "import.head", remedy: "give {classes, anchors, decoder}" });
  const network = documentOf(imported, { source: basename(file), classes, yolo });
  const task = network.head.kind === "yolov2" ? "detect" : "classify";
  const folder = createRunFolder({ project, task, name, defaultName: "import" });
  const operators: Record<string, number> = {};
  for (const { kind } of imported.operators) operators[kind] = (operators[kind] ?? 0) + 1;
  const { graph, values } = quantized;
  const card: ImportCard = {
    run: folder,
    source: resolve(file),
    sha256: createHash("sha256").update(bytes).digest("hex"),
    input: imported.input,
    outputs: graph.outputs.map((output) => ({ name: output, shape: graph.shapes[output], ...values[output] })),
    operators,
    macs: countMacs(graph),
    constantBytes: constantBytes(quantized),
    ...(removed > 0 && {
      folded: {
        ...{ channels, removed, inputsCompared },
        macsBefore: countMacs(imported.network.graph),
        constantBytesBefore: constantBytes(imported.network),
      },
    }),
    notes: [...imported.notes, ...pixelNotes(imported.input)],
  };
  const lock = lockRun(folder, "importing");
  try {
    const { json, safetensors } = encodeQuantized(quantized);
    saveNetwork(folder, network);
    saveArguments(folder, { import: resolve(file), ...(classes && { classes }), ...(head && { head: resolve(head) }) });
    writeFileAtomic(join(folder, "quantized.safetensors"), safetensors);
    writeFileAtomic(join(folder, "quantized.json"), json);
    writeFileAtomic(join(folder, "import.json"), `${JSON.stringify(card, undefined, 1)}\n`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw describeWriteError(error, folder);
  } finally {
    lock.release();
  }
  return [card, () => textOf(card)];
}

/** Runs both networks on random and extreme inputs; returns how many. Throws PhinetsError where an output byte differs. */
function compareOutputs(before: QuantizedNetwork, after: QuantizedNetwork, file: string): number {
  const [a, b] = [new IntegerEngine(before), new IntegerEngine(after)];
  const random = new Random(0, 1);
  const any = () => new Int8Array(a.inputBytes).map(() => random.integer(256) - 128);
  const ends = () => any().map((byte) => (byte < 0 ? -128 : 127));
  const constant = (byte: number) => new Int8Array(a.inputBytes).fill(byte);
  const inputs = [constant(-128), constant(127), constant(0), any(), any(), any(), ends(), ends()];
  for (const input of inputs) {
    const [expected, found] = [a.run(input), b.run(input)];
    if (expected.every((output, i) => Buffer.compare(Buffer.from(output), Buffer.from(found[i])) === 0)) continue;
    throw new PhinetsError(
      "import.fold",
      `${file}: folding constant channels changed an output, which is a fault of ours; import it with --no-fold and report it`,
      file,
    );
  }
  return inputs.length;
}

/** Pictures are given as pixel - 128: what that means to the network. */
function pixelNotes({ shape, scale, zeroPoint }: ImportedInput): string[] {
  if (!isPicture(shape)) return [];
  const [black, white] = [-128, 127].map((byte) => Number((scale * (byte - zeroPoint)).toPrecision(3)));
  return [`pictures are given as pixel - 128: black is ${black} to the network, white ${white}`];
}

function textOf({ run, input, outputs, operators, macs, constantBytes: bytes, folded, notes }: ImportCard): string {
  const quantization = ({ scale, zeroPoint }: { readonly scale: number; readonly zeroPoint: number }) =>
    `scale ${Number(scale.toPrecision(6))}, zero point ${zeroPoint}`;
  const counts = Object.entries(operators).map(([kind, count]) => `${count} ${kind}`);
  return [
    `${run}: ${formatCount(macs)} MACs, ${formatBytes(bytes)} of weights and biases`,
    ...(folded
      ? [
          `folded ${formatCount(folded.removed)} of ${formatCount(folded.channels)} channels, which are constant: ${formatCount(folded.macsBefore)} MACs and ${formatBytes(folded.constantBytesBefore)} before; the outputs of ${folded.inputsCompared} inputs are equal, byte for byte`,
        ]
      : []),
    `takes  ${formatShape(input.shape)} int8, ${quantization(input)}`,
    ...outputs.map((output) => `gives  ${formatShape(output.shape)} int8, ${quantization(output)}`),
    `of     ${counts.join(", ")}`,
    ...notes.map((note) => `note: ${note}`),
  ].join("\n");
}
