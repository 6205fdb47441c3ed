/** Does one shard on a worker: fetches its files, processes its pictures in a child process, delivers the result. */
import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { keyOf } from "@phinets/node/steps";
import type { DataCache } from "../data-cache.js";
import type { Store } from "../store/store.js";
import { type ModelFiles, modelPlaces, type ShardDocument, shardName } from "./job.js";
import type { ShardWork } from "./messages.js";
import { parsePictureList, picturePlace } from "./pictures.js";
import type { ShardProcesses } from "./process.js";
import type { ShardRecords } from "./records.js";

export interface ShardOptions {
  readonly work: string;
  readonly cache: DataCache;
  readonly processes: ShardProcesses;
  /** Number of threads for the float network. */
  readonly threads: number;
  readonly store: Store;
  readonly records: ShardRecords;
  /** When aborted, the shard is given up and the promise rejects. */
  readonly signal: AbortSignal;
}

/** Folder of results that are being delivered. */
export const shardsFolder = (work: string): string => join(work, "shards");

/** @returns false where the shard was done already */
export async function doShard(shard: ShardDocument, options: ShardOptions): Promise<boolean> {
  const { work, processes, store, records, signal } = options;
  const [done] = await records.find([shard]);
  if (done !== undefined) return false;
  const run = await fetchModel(shard.model, options);
  const place = resolve(shardsFolder(work), shardName(shard));
  const [input, output] = [`${place}.input`, `${place}.output`];
  try {
    await store.get(shard.input, input, { signal });
    const order = await orderOf(shard, { run, input, output }, options);
    const start = performance.now();
    await processes.do(order, signal);
    const ms = Math.round(performance.now() - start);
    await records.save(shard, { input: shard.input, output: await store.put(output, { signal }), ms });
  } finally {
    for (const path of [input, output]) rmSync(path, { force: true });
  }
  return true;
}

async function orderOf(
  shard: ShardDocument,
  paths: Pick<ShardWork, "run" | "input" | "output">,
  { work, cache, threads, store, signal }: ShardOptions,
): Promise<ShardWork> {
  const pictures = shard.to - shard.from;
  if (shard.step === "val") return { kind: "val", ...paths, pictures, on: shard.on, threads };
  const { on, options } = shard;
  const list = parsePictureList(readFileSync(paths.input, "utf8")).filter((file) => file !== null);
  const folder = resolve(work, "pictures");
  await cache.place(
    list.map((file) => ({ file, place: join(folder, picturePlace(file)) })),
    { store, signal },
  );
  return { kind: "predict", ...paths, pictures, on, options, folder };
}

/** Fetches the model's files into a folder laid out as a run; returns the folder. */
async function fetchModel(model: ModelFiles, { work, cache, store, signal }: ShardOptions): Promise<string> {
  const folder = resolve(work, "models", keyOf(model));
  const files = (Object.keys(modelPlaces) as (keyof ModelFiles)[]).flatMap((name) => {
    const file = model[name];
    return file === undefined ? [] : [{ file, place: join(folder, modelPlaces[name]) }];
  });
  await cache.place(files, { store, signal });
  return folder;
}
