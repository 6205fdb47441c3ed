/** Makes a run folder from another tool's float network, as if training had made it, so that it can be quantised. */
import { basename } from "node:path";
import { countMacs, countParameters } from "@phinets/core/cost";
import { asClassifier, documentOf, type FloatNetwork, type Normalisation, normalise } from "@phinets/core/import";
import { formatShape } from "@phinets/core/tensor";
import { formatCount } from "../text/format.js";
import { shellQuote } from "../text/quote.js";
import { saveBest } from "./checkpoint.js";
import { countKinds, type ImportRequest, makeImportedRun, yoloOf } from "./import-run.js";

export interface FloatImportRequest extends ImportRequest {
  /** Pixel normalisation that the network was trained with. Default: pixel / 128 - 1, as for our networks. */
  readonly normalisation?: Normalisation;
}

/** The run's import.json. */
export interface FloatImportCard {
  readonly run: string;
  readonly source: string;
  readonly sha256: string;
  readonly input: { readonly type: "float32"; readonly shape: readonly number[] };
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Number of operators by kind, as in the file. */
  readonly operators: Readonly<Record<string, number>>;
  readonly macs: number;
  readonly parameters: number;
  readonly notes: readonly string[];
}

/**
 * Makes the run; returns its card as data and as text. Throws what `normalise` and `documentOf` throw; the folder is
 * removed then.
 */
export function saveImportedFloat(
  given: FloatNetwork,
  bytes: Uint8Array,
  file: string,
  request: FloatImportRequest,
): [FloatImportCard, () => string] {
  const { classes, normalisation } = request;
  const imported = request.head === undefined ? asClassifier(given) : given;
  const { graph, weights, note } =
    normalisation === undefined
      ? {
          ...imported,
          note: "pictures are converted to pixel / 128 - 1; give --scale, --mean and --std if it was trained on other values",
        }
      : normalise(imported.graph, imported.weights, normalisation);
  const { input, reading } = imported;
  const outputs = graph.outputs.map((output) => graph.shapes[output]);
  const network = documentOf(
    { input, outputs, graph, ...(reading && { reading }) },
    { source: basename(file), classes, yolo: yoloOf(request) },
  );
  const card = makeImportedRun<FloatImportCard>(request, {
    ...{ network, file, bytes },
    options: { ...normalisation },
    save: (folder) => saveBest(folder, weights),
    card: (ends) => ({
      ...ends,
      input: { type: "float32", shape: input.shape },
      outputs: graph.outputs.map((output) => ({ name: output, shape: graph.shapes[output] })),
      operators: countKinds(imported.operators),
      macs: countMacs(graph),
      parameters: countParameters(graph),
      notes: [...imported.notes, ...(note === undefined ? [] : [note])],
    }),
  });
  return [card, () => textOf(card)];
}

function textOf({ run, input, outputs, operators, macs, parameters, notes }: FloatImportCard): string {
  const counts = Object.entries(operators).map(([kind, count]) => `${count} ${kind}`);
  return [
    `${run}: ${formatCount(macs)} MACs, ${formatCount(parameters)} parameters`,
    `input  ${formatShape(input.shape)} float32`,
    ...outputs.map(({ name, shape }) => `output ${formatShape(shape)} float32${outputs.length > 1 ? `, ${name}` : ""}`),
    `ops    ${counts.join(", ")}`,
    ...notes.map((note) => `note: ${note}`),
    `next   phinets quantize --model ${shellQuote([run])} --data DATA`,
  ].join("\n");
}
