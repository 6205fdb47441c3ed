/** Puts what trials read into the store: the pictures and labels of a data set, and weights to start from. */
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

/** Files that are copied at a time. */
const atOnce = 8;

/**
 * Puts the files of a data set into the store, and the index of what was read from them: labels, classes and splits as the
 * sweep has them. Of the user's paths only the files' own names are in it.
 * @throws PhinetsError `queue.data` for a file that has changed or cannot be read
 */
export async function packData(data: OpenedData, store: Store, context: StepContext): Promise<JobDocument["data"]> {
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
  // What a worker would refuse is refused here.
  parseWrittenIndex(text, data.name);
  const wanted = [...paths];
  const progress = context.progress({ label: `${data.name} into the store`, total: wanted.length, unit: "files" });
  let done = 0;
  try {
    await forEachConcurrently(
      wanted.length,
      atOnce,
      async (n) => {
        const [sha256, path] = wanted[n];
        if (!(await store.has(sha256, context)) && (await store.put(path, context)).sha256 !== sha256)
          throw new PhinetsError("queue.data", `${path}: has changed since the sweep began; run it again`, path);
        progress.update(++done);
      },
      context.signal,
    );
  } finally {
    progress.stop();
  }
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
  { signal }: StepContext,
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

/** @throws PhinetsError `queue.data` where the file is not what the trial was planned with */
export async function packStart(
  { file, sha256 }: NonNullable<Trial["start"]>,
  store: Store,
  { signal }: StepContext,
): Promise<NonNullable<JobDocument["start"]>> {
  const stored = await store.put(file, { signal });
  if (stored.sha256 !== sha256)
    throw new PhinetsError("queue.data", `${file}: has changed since the sweep began; run it again`, file);
  // What is kept of the layer that predicts depends on the network that the weights are of.
  const run = runOfWeights(file);
  return { ...stored, ...(run !== undefined && { network: loadNetwork(join(run, "network.json")) }) };
}
