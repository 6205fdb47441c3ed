/** Predictions for picture files, made by a queue's workers: bit-identical to those of one machine. */
import { statSync } from "node:fs";
import { extname } from "node:path";
import { isPictureFile } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { digestFiles, noDigest } from "@phinets/node/dataset";
import { forEachConcurrently } from "@phinets/node/host";
import { fileOnDisk } from "@phinets/node/picture";
import type { Run } from "@phinets/node/run";
import { keyOf } from "@phinets/node/steps";
import { ownVersionFields } from "../job-checks.js";
import type { Told } from "../opened-queue.js";
import { ShardAsker, type ShardsRequest } from "./ask.js";
import type { Looking } from "./job.js";
import { packModel } from "./model.js";
import { type PictureFile, parseSeen, type Seen } from "./pictures.js";
import type { Range } from "./ranges.js";

const unit = 16;
const targetMs = 5000;
/** Number of files to copy at a time. */
const atOnce = 8;

export interface PredictRequest {
  readonly run: Run;
  readonly on: "float" | "int8";
  readonly options: Looking;
  /** Picture files; undefined for those that no worker should process. */
  readonly files: readonly (string | undefined)[];
}

export interface QueuedPredictions {
  /**
   * Resolves with a picture's prediction once it is known. Null where the caller has to process the picture, because no
   * worker could read it.
   * @throws PhinetsError `queue.shard` where no worker could do it
   */
  at(n: number): Promise<Seen | null>;
  /** Resolves when no further request is pending. */
  close(): Promise<void>;
}

/** Requests all pictures at once; predictions become available as workers deliver them. */
export async function predictOverQueue(
  { run, on, options, files }: PredictRequest,
  request: ShardsRequest,
  { note, signal }: Told,
): Promise<QueuedPredictions> {
  const list = await listOf(files, signal);
  const closed = new AbortController();
  const context = { note, signal: AbortSignal.any([signal, closed.signal]) };
  const asker = await ShardAsker.open(request, context);
  const seen: (Seen | null | undefined)[] = list.map((file) => (file === null ? null : undefined));
  const waiting = new Map<number, { resolve(found: Seen | null): void; reject(error: unknown): void }>();
  let failure: { readonly error: unknown } | undefined;
  const ask = async (): Promise<void> => {
    if (list.every((file) => file === null)) return;
    const model = await packModel(run, on, (path) => asker.store.put(path, context));
    await asker.run({
      ...{ length: list.length, unit, targetMs, onProgress: () => {} },
      task: keyOf("predict", ownVersionFields(), on, options, model, list),
      settings: (input) => ({ step: "predict", on, options, model, input }),
      inputOf: ({ from, to }) => JSON.stringify(list.slice(from, to)),
      prepare: ({ from, to }) => putPictures(files.slice(from, to), list.slice(from, to), asker, context.signal),
      take: ({ from, to }: Range, output) => {
        for (const [i, found] of parseSeen(output.toString("utf8"), to - from).entries()) {
          seen[from + i] = found;
          waiting.get(from + i)?.resolve(found);
        }
      },
    });
  };
  const asking = ask().catch((error) => {
    failure = { error };
    for (const each of waiting.values()) each.reject(error);
  });
  return {
    at: (n) =>
      new Promise((resolve, reject) => {
        const found = seen[n];
        if (found !== undefined) resolve(found);
        else if (failure !== undefined) reject(failure.error);
        else waiting.set(n, { resolve, reject });
      }),
    close: async () => {
      closed.abort();
      await asking;
      await asker.close();
    },
  };
}

/** Null for a picture that is not a file of its own, or whose extension no decoder knows. */
async function listOf(files: readonly (string | undefined)[], signal: AbortSignal): Promise<(PictureFile | null)[]> {
  const plain = files.map((file) =>
    file !== undefined && isPictureFile(file) && fileOnDisk(file) === file ? file : undefined,
  );
  const digests = await digestFiles(
    plain.filter((file) => file !== undefined),
    { signal },
  );
  return plain.map((file) => {
    const sha256 = file === undefined ? noDigest : (digests.get(file) ?? noDigest);
    if (file === undefined || sha256 === noDigest) return null;
    return { sha256, bytes: statSync(file).size, extension: extname(file).toLowerCase() };
  });
}

async function putPictures(
  files: readonly (string | undefined)[],
  list: readonly (PictureFile | null)[],
  { store }: ShardAsker,
  signal: AbortSignal,
): Promise<void> {
  await forEachConcurrently(
    files.length,
    atOnce,
    async (n) => {
      const [file, entry] = [files[n], list[n]];
      if (file === undefined || entry === null || (await store.has(entry.sha256, { signal }))) return;
      if ((await store.put(file, { signal })).sha256 !== entry.sha256)
        throw new PhinetsError("queue.data", `${file}: has changed since the command began; give it again`);
    },
    signal,
  );
}
