/** Puts what trials read into the store: a data set's pictures and labels, and weights to start from. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type IndexedFile, parseWrittenIndex, writtenIndexOf } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { noDigest } from "@phinets/node/dataset";
import { forEachConcurrently } from "@phinets/node/host";
import { fileOnDisk } from "@phinets/node/picture";
import { loadNetwork } from "@phinets/node/run";
import { type OpenedData, runOfWeights, type StepContext } from "@phinets/node/steps";
import type { Trial } from "@phinets/node/sweep";
import type { JobDocument } from "./job.js";
import type { Store } from "./store/store.js";

/** Number of files to copy at a time. */
const atOnce = 8;
/** Milliseconds between progress messages. */
const tellMs = 5000;

type Told = Pick<StepContext, "note" | "signal">;

/**
 * Puts the files of a data set into the store, with an index of their labels, classes and splits as the sweep has them.
 * Of the user's paths, the index has only file names.
 * @throws PhinetsError `queue.data` for a file that has changed or cannot be read
 */
export async function packData(data: OpenedData, store: Store, context: Told): Promise<JobDocument["data"]> {
  const paths = new Map<string, string>();
  const files = new Map<string, IndexedFile>();
  const place = (file: string) => {
    const path = fileOnDisk(file);
    const inside = file.slice(path.length);
    const known = files.get(path) ?? describeFile(path, inside, data);
    files.set(path, known);
    paths.set(known.sha256, path);
    return { file: known, inside };
  };
  const text = JSON.stringify(writtenIndexOf(data.index, place));
  // Refuse here what a worker would refuse.
  parseWrittenIndex(text, data.name);
  const wanted = [...paths];
  context.note(`${data.name}: ${wanted.length} files for the workers`);
  let done = 0;
  let told = performance.now();
  const { signal } = context;
  const put = async (n: number): Promise<void> => {
    const [sha256, path] = wanted[n];
    if (!(await store.has(sha256, { signal })) && (await store.put(path, { signal })).sha256 !== sha256)
      throw new PhinetsError("queue.data", `${path}: has changed since the sweep began; run it again`, path);
    done++;
    if (performance.now() - told < tellMs) return;
    told = performance.now();
    context.note(`${data.name}: ${done} of ${wanted.length} files are in the store`);
  };
  await forEachConcurrently(wanted.length, atOnce, put, signal);
  return { key: data.key, ...(await putText(text, store, context)) };
}

function describeFile(path: string, inside: string, { digests }: OpenedData): IndexedFile {
  const sha256 = digests.get(path) ?? noDigest;
  if (sha256 === noDigest) throw new PhinetsError("queue.data", `${path}: cannot be read; allow it`, path);
  // A picture's name is part of the data set's key, an archive's is not.
  return { sha256, bytes: statSync(path).size, name: inside.startsWith("!/") ? "archive.zip" : basename(path) };
}

async function putText(
  text: string,
  store: Store,
  { signal }: Pick<StepContext, "signal">,
): Promise<{ sha256: string; bytes: number }> {
  const folder = mkdtempSync(join(tmpdir(), "phinets-index-"));
  try {
    const path = join(folder, "index.json");
    writeFileSync(path, text);
    return await store.put(path, { signal });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Puts the weights to start from into the store. @throws PhinetsError `queue.data` where the file has changed since the
 * trial was planned
 */
export async function packStart(
  { file, sha256 }: NonNullable<Trial["start"]>,
  store: Store,
  { signal }: Pick<StepContext, "signal">,
): Promise<NonNullable<JobDocument["start"]>> {
  const stored = await store.put(file, { signal });
  if (stored.sha256 !== sha256)
    throw new PhinetsError("queue.data", `${file}: has changed since the sweep began; run it again`, file);
  // What is reused of the prediction layer depends on the network that the weights belong to.
  const run = runOfWeights(file);
  return { ...stored, ...(run !== undefined && { network: loadNetwork(join(run, "network.json")) }) };
}
