/**
 * Distributes pictures to workers in shards. Each shard is a job of the queue, and is done when its record says so. If
 * a command is repeated it has the same shards, and only the missing ones are done.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "@phinets/node/host";
import { OpenedQueue, type QueueRequest, reasonOf, type Told } from "../opened-queue.js";
import type { OwnStore, Stored } from "../store/store.js";
import { makeShard, type ShardDocument, type ShardSettings, shardName } from "./job.js";
import { firstOf, gapsOf, type Range, sizeFor, sound } from "./ranges.js";
import { type ShardRecord, ShardRecords } from "./records.js";

export interface ShardsRequest extends QueueRequest {
  /** Folder of the store, unless the request names a store. */
  readonly folder: string;
}

/** The pictures of a command and how to process them. */
export interface ShardWork {
  /** SHA-256 of everything that determines the result. */
  readonly task: string;
  /** Total number of pictures, at least one. */
  readonly length: number;
  /** Shards begin at multiples of this number. */
  readonly unit: number;
  /** Time in milliseconds that a shard should take. */
  readonly targetMs: number;
  /** A shard's settings, apart from those that say which shard it is. */
  readonly settings: (input: Stored) => Settings<ShardSettings>;
  /** The content of a shard's input file. */
  readonly inputOf: (range: Range) => Uint8Array | string;
  /** Puts further files that a shard needs into the store. */
  readonly prepare?: (range: Range) => Promise<void>;
  /** Receives a worker's result; shards come in any order. Throws PhinetsError `queue.output` for an invalid one. */
  readonly take: (range: Range, output: Buffer) => void;
  readonly onProgress: (done: number) => void;
}
type Settings<T> = T extends unknown ? Omit<T, "store" | "task" | "from" | "to"> : never;
export type Put = (path: string) => Promise<Stored>;

/** Milliseconds between polls of the records. */
const lookMs = 250;
/** Most shards in the queue, before the time per shard is known and after. */
const [mostUnmeasured, mostQueued] = [4, 64];
/** Number of latest shards whose time determines the size of the next. */
const measuredShards = 8;
const mostPictures = 4096;

/** Codes of errors of a result that is missing or damaged. */
const isDamaged = /^(store\.(missing|corrupt)|queue\.output)$/;

interface Waiting {
  readonly range: Range;
  readonly document: ShardDocument;
}

export class ShardAsker {
  readonly #waiting = new Map<string, Waiting>();

  private constructor(readonly opened: OpenedQueue) {}

  /** @throws PhinetsError `queue.redis` where there is no Redis, `store.listen` where the store cannot be served */
  static async open({ folder, ...request }: ShardsRequest, context: Told): Promise<ShardAsker> {
    let asker: ShardAsker | undefined;
    const opened = await OpenedQueue.open(request, context, { folder, onBack: async () => asker?.tell() });
    asker = new ShardAsker(opened);
    return asker;
  }

  get store(): OwnStore {
    return this.opened.store;
  }

  /** Writes to Redis what it lacks, in case it has lost its data. */
  async tell(): Promise<void> {
    await this.opened.tell();
    await Promise.all([...this.#waiting.values()].map((each) => this.#add(each)));
  }

  async close(): Promise<void> {
    await this.opened.close();
  }

  /**
   * Resolves when all pictures are processed.
   * @throws PhinetsError `queue.shard` for a shard that no worker could do
   */
  async run(work: ShardWork): Promise<void> {
    const { redis, id, context } = this.opened;
    const { length, unit, task, targetMs } = work;
    const records = new ShardRecords(redis, { store: id, task });
    const known = sound(
      (await records.all()).map(({ range, record }) => ({ ...range, record })),
      { length, unit },
    );
    const done: ShardRecord[] = [];
    const measured: { readonly pictures: number; readonly ms: number }[] = [];
    let pictures = 0;
    const take = async (range: Range, record: ShardRecord): Promise<void> => {
      try {
        work.take(range, await this.#fetch(record.output));
      } catch (error) {
        // Forget a bad result, so that this command or the next one makes it again.
        if (error instanceof PhinetsError) {
          await this.store.remove(record.output.sha256);
          await records.forget(range);
        }
        throw error;
      }
      done.push(record);
      await this.#removeInput(record.input);
      pictures += range.to - range.from;
      measured.push({ pictures: range.to - range.from, ms: record.ms });
      work.onProgress(pictures);
    };
    const again = new Set<number>();
    /** False where the result is damaged; each shard gets one further attempt. */
    const takeOrAgain = async (range: Range, record: ShardRecord): Promise<boolean> => {
      try {
        await take(range, record);
        return true;
      } catch (error) {
        if (!(error instanceof PhinetsError) || !isDamaged.test(error.code) || again.has(range.from)) throw error;
        again.add(range.from);
        return false;
      }
    };
    // Results that still exist are taken first; ranges that were planned are requested unchanged.
    const open: Range[] = [];
    for (const { record, from, to } of known) {
      const range = { from, to };
      if (record === undefined || !(await takeOrAgain(range, record))) open.push(range);
    }
    if (pictures > 0) context.note(`${pictures} of ${length} pictures are already done`);
    const gaps = gapsOf(known, length);
    const next = (): Range | undefined => {
      const planned = open.shift();
      if (planned !== undefined || gaps.length === 0) return planned;
      const size = sizeFor(measured.slice(-measuredShards), { targetMs, unit, most: mostPictures });
      const range = firstOf(gaps[0], { size, unit });
      if (range.to === gaps[0].to) gaps.shift();
      else gaps[0] = { from: range.to, to: gaps[0].to };
      return range;
    };
    while (pictures < length) {
      context.signal.throwIfAborted();
      const most = measured.length === 0 ? mostUnmeasured : mostQueued;
      for (let range = this.#room(most, next); range !== undefined; range = this.#room(most, next))
        await this.#ask(range, work, records);
      const asked = [...this.#waiting.values()];
      const found = await untilAborted(records.find(asked.map(({ range }) => range)), context.signal);
      for (const [n, record] of found.entries()) {
        if (record === undefined) continue;
        const { range, document } = asked[n];
        this.#waiting.delete(shardName(document));
        this.opened.heard();
        if (!(await takeOrAgain(range, record))) open.push(range);
      }
      const [failed] = await untilAborted(
        this.opened.failures((name) => this.#waiting.has(name)),
        context.signal,
      );
      if (failed !== undefined) throw shardFault(this.#waiting.get(failed.id!)!, reasonOf(failed));
      // A second process with the same command may have removed shared jobs: add them again.
      if (await this.opened.sayLonely()) await this.tell();
      if (pictures < length) await setTimeout(lookMs, undefined, { signal: context.signal });
    }
    await records.remove();
    for (const { output } of done) await this.store.remove(output.sha256);
  }

  /** Removes a shard's input, unless another shard has the same one. */
  async #removeInput({ sha256 }: Stored): Promise<void> {
    const inputs = [...this.#waiting.values()].map(({ document }) => document.input.sha256);
    if (!inputs.includes(sha256)) await this.store.remove(sha256);
  }

  #room(most: number, next: () => Range | undefined): Range | undefined {
    return this.#waiting.size < most ? next() : undefined;
  }

  async #ask(range: Range, work: ShardWork, records: ShardRecords): Promise<void> {
    await work.prepare?.(range);
    const input = await this.put(work.inputOf(range));
    const settings = { ...work.settings(input), store: this.opened.id, task: work.task, ...range };
    const waiting = { range, document: makeShard(settings as ShardSettings) };
    await records.plan(range);
    this.#waiting.set(shardName(waiting.document), waiting);
    await this.opened.forgetFailed(shardName(waiting.document));
    await this.#add(waiting);
  }

  #add({ document }: Waiting): Promise<void> {
    return this.opened.add(document.step, shardName(document), document);
  }

  async put(bytes: Uint8Array | string): Promise<Stored> {
    const folder = mkdtempSync(join(tmpdir(), "phinets-shard-"));
    try {
      const path = join(folder, "input");
      writeFileAtomic(path, bytes);
      return await this.store.put(path, this.opened.context);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async #fetch(file: Stored): Promise<Buffer> {
    const folder = mkdtempSync(join(tmpdir(), "phinets-shard-"));
    try {
      const path = join(folder, "output");
      await this.store.get(file, path, this.opened.context);
      return readFileSync(path);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function shardFault({ range: { from, to } }: Waiting, reason: string): PhinetsError {
  return new PhinetsError(
    "queue.shard",
    `pictures ${from + 1} to ${to}: ${reason}; run the same command again: finished pictures are kept`,
  );
}

/** While Redis is away the request waits, but not beyond the end of the command. */
function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
