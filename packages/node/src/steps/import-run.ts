/** Makes a run folder from another tool's network: documents and card. If anything fails, the folder is removed. */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { InputShape } from "@phinets/core/import";
import { findsBoxes, type Network } from "@phinets/core/networks";
import { describeWriteError, writeFileAtomic } from "../host/atomic.js";
import { readJson } from "../host/document.js";
import { createRunFolder } from "../run/folder.js";
import { lockRun } from "../run/lock.js";
import { saveArguments, saveNetwork } from "../run/save.js";

export interface ImportRequest {
  readonly project: string;
  readonly name?: string;
  readonly classes?: readonly string[];
  /** Path of the file that describes a YOLO head: {classes, anchors, decoder}. */
  readonly head?: string;
  /** Size of the input, where it was given. */
  readonly shape?: InputShape;
  /** Names of the tensors at which the network is cut. Default: the file's outputs. */
  readonly outputs?: readonly string[];
}

/** Parsed content of the request's head file. */
export function yoloOf({ head }: ImportRequest): unknown {
  return head === undefined
    ? undefined
    : readJson(head, { code: "import.head", remedy: "give {classes, anchors, decoder}" });
}

export interface ImportedRun<Card> {
  readonly network: Network;
  /** Path and content of the imported file. */
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Further options that args.yaml records. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Writes the weights. */
  save(folder: string): void;
  card(ends: { readonly run: string; readonly source: string; readonly sha256: string }): Card;
}

/** Makes the folder; returns its card, import.json. The folder is removed if anything fails. */
export function makeImportedRun<Card>(request: ImportRequest, imported: ImportedRun<Card>): Card {
  const { project, name, classes, head, shape, outputs } = request;
  const { network, file, bytes, options, save } = imported;
  const task = findsBoxes(network.head) ? "detect" : "classify";
  const run = createRunFolder({ project, task, name, defaultName: "import" });
  const source = resolve(file);
  const card = imported.card({ run, source, sha256: createHash("sha256").update(bytes).digest("hex") });
  const lock = lockRun(run, "importing");
  try {
    saveNetwork(run, network);
    saveArguments(run, {
      import: source,
      ...(classes && { classes }),
      ...(head && { head: resolve(head) }),
      ...(outputs && { outputs }),
      ...(shape && { shape: [shape.name ?? [], shape.sizes.join()].flat().join("=") }),
      ...options,
    });
    save(run);
    writeFileAtomic(join(run, "import.json"), `${JSON.stringify(card, undefined, 1)}\n`);
  } catch (error) {
    rmSync(run, { recursive: true, force: true });
    throw describeWriteError(error, run);
  } finally {
    lock.release();
  }
  return card;
}

/** Number of operators by kind, in order of first appearance. */
export function countKinds(kinds: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
