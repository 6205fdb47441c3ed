/** Makes a run folder from an int8 .tflite: the same document that quantising writes, and a card that describes it. */
import { basename, join } from "node:path";
import { countMacs } from "@phinets/core/cost";
import { documentOf, type ImportedInput, type ImportedNetwork, isPicture } from "@phinets/core/import";
import { IntegerEngine } from "@phinets/core/inference";
import {
  constantBytes,
  encodeQuantized,
  foldConstantChannels,
  type QuantizedNetwork,
} from "@phinets/core/quantization";
import { formatShape, PhinetsError, Random } from "@phinets/core/tensor";
import { writeFileAtomic } from "../host/atomic.js";
import { formatBytes, formatCount } from "../text/format.js";
import { countKinds, type ImportRequest, makeImportedRun, yoloOf } from "./import-run.js";

export interface Int8ImportRequest extends ImportRequest {
  /** Fold constant channels. Default true. */
  readonly fold?: boolean;
}

/** The run's import.json. */
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
  /** Number of operators by kind, as in the file. */
  readonly operators: Readonly<Record<string, number>>;
  readonly macs: number;
  /** Bytes of weights and biases. */
  readonly constantBytes: number;
  /** Savings of folding constant channels; absent where there were none. */
  readonly folded?: {
    readonly channels: number;
    readonly removed: number;
    readonly macsBefore: number;
    readonly constantBytesBefore: number;
    /**
     * Number of random and extreme inputs on which the outputs of the file's and the imported network were found equal,
     * byte for byte.
     */
    readonly inputsCompared: number;
  };
  readonly notes: readonly string[];
}

/** Makes the run; returns its card as data and as text. Throws what `documentOf` throws; the folder is removed then. */
export function saveImported(
  imported: ImportedNetwork,
  bytes: Uint8Array,
  file: string,
  request: Int8ImportRequest,
): [ImportCard, () => string] {
  const { classes, fold = true } = request;
  const {
    network: quantized,
    removed,
    channels,
  } = fold ? foldConstantChannels(imported.network) : { network: imported.network, removed: 0, channels: 0 };
  const inputsCompared = removed === 0 ? 0 : compareOutputs(imported.network, quantized, file);
  const network = documentOf(imported, { source: basename(file), classes, yolo: yoloOf(request) });
  const { graph, values } = quantized;
  const card = makeImportedRun<ImportCard>(request, {
    ...{ network, file, bytes },
    save(folder) {
      const { json, safetensors } = encodeQuantized(quantized);
      writeFileAtomic(join(folder, "quantized.safetensors"), safetensors);
      writeFileAtomic(join(folder, "quantized.json"), json);
    },
    card: (ends) => ({
      ...ends,
      input: imported.input,
      outputs: graph.outputs.map((output) => ({ name: output, shape: graph.shapes[output], ...values[output] })),
      operators: countKinds(imported.operators.map(({ kind }) => kind)),
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
    }),
  });
  return [card, () => textOf(card)];
}

/**
 * Runs both networks on random and extreme inputs and returns their number. Throws PhinetsError where an output byte
 * differs.
 */
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

/** Describes how the network interprets pictures, which are passed as pixel - 128. */
function pixelNotes({ shape, scale, zeroPoint }: ImportedInput): string[] {
  if (!isPicture(shape)) return [];
  const [black, white] = [-128, 127].map((byte) => Number((scale * (byte - zeroPoint)).toPrecision(3)));
  return [`pictures are converted to pixel - 128: the network reads black as ${black} and white as ${white}`];
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
    `input  ${formatShape(input.shape)} int8, ${quantization(input)}`,
    ...outputs.map((output) => `output ${formatShape(output.shape)} int8, ${quantization(output)}`),
    `ops    ${counts.join(", ")}`,
    ...notes.map((note) => `note: ${note}`),
  ].join("\n");
}
