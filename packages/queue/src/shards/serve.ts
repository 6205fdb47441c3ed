/** The process that does shards: it follows the orders of the worker that started it, until their channel closes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PictureSource } from "@phinets/core/data";
import { createEngine } from "@phinets/core/kernels";
import { floatOutputs, integerOutputs, type Outputs } from "@phinets/core/learning";
import type { Model } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "@phinets/node/host";
import { readPicture } from "@phinets/node/picture";
import { loadRun, openModel, type Run, requireQuantized } from "@phinets/node/run";
import { firmwareOutputs } from "@phinets/node/steps";
import { targetOf } from "@phinets/node/target";
import { nodeThreads } from "@phinets/node/threads";
import { type ShardAnswer, type ShardWork, shardOrder } from "./messages.js";
import { encodeOutputs } from "./outputs.js";
import { type PictureFile, parsePictureList, picturePlace, type Seen } from "./pictures.js";

type Val = Extract<ShardWork, { kind: "val" }>;
type Predict = Extract<ShardWork, { kind: "predict" }>;

/** Codes of errors that the shard causes, and that would occur on every machine. */
const ofShard = /^(queue\.job|emulator\.(overflow|input|compile))$/;

/** Serves the parent process; exits when the parent ends, however that happens. */
export function serveShards(): void {
  // Ctrl-C reaches all processes of a terminal: the worker decides what to do.
  process.on("SIGINT", () => {});
  const looker = new Looker();
  let stop = new AbortController();
  let working: Promise<void> = Promise.resolve();
  process.once("disconnect", () => {
    // Also end the emulator's processes.
    stop.abort();
    void working.finally(() => process.exit());
  });
  process.on("message", (message) => {
    const order = shardOrder.parse(message);
    if (order.kind === "stop") stop.abort();
    else {
      stop = new AbortController();
      working = answerTo(order, looker, stop.signal).then(tell);
    }
  });
}

async function answerTo(work: ShardWork, looker: Looker, signal: AbortSignal): Promise<ShardAnswer> {
  try {
    await looker.look(work, signal);
    return { kind: "done" };
  } catch (error) {
    if (signal.aborted) return { kind: "stopped" };
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof PhinetsError)) return { kind: "error", message, ofShard: false };
    return { kind: "error", message, code: error.code, ofShard: ofShard.test(error.code) };
  }
}

function tell(answer: ShardAnswer): void {
  // Where nobody receives it, this process is about to end.
  process.send!(answer, undefined, undefined, () => {});
}

/** Keeps the model of the last shard, because the next shard usually has the same one. */
class Looker {
  #run: { readonly folder: string; readonly run: Run } | undefined;
  #model: { readonly name: string; readonly model: Model } | undefined;

  async look(work: ShardWork, signal: AbortSignal): Promise<void> {
    const run = this.#runOf(work.run);
    if (work.kind === "val") {
      const outputs = await valOutputs(work, run, signal);
      writeFileAtomic(work.output, encodeOutputs(outputs));
    } else {
      const model = await this.#modelOf(work, run);
      writeFileAtomic(work.output, JSON.stringify(await see(work, model, signal)));
    }
  }

  /** Loads a run folder; if the files are invalid, the shard is at fault. */
  #runOf(folder: string): Run {
    if (this.#run?.folder !== folder) this.#run = { folder, run: asShards(() => loadRun(folder)) };
    return this.#run.run;
  }

  async #modelOf({ run: folder, on, options }: Predict, run: Run): Promise<Model> {
    const name = JSON.stringify([folder, on, options]);
    if (this.#model?.name !== name) {
      await this.#model?.model.dispose();
      const { pixelRange, maxClasses, ...thresholds } = options;
      try {
        this.#model = { name, model: await openModel(run, { ...thresholds, on }) };
      } catch (error) {
        throw shardsFault(error);
      }
    }
    return this.#model.model;
  }
}

function asShards<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw shardsFault(error);
  }
}

const shardsFault = (error: unknown): unknown =>
  error instanceof PhinetsError ? new PhinetsError("queue.job", `its model: ${error.message}`) : error;

async function valOutputs({ on, input, pictures, threads }: Val, run: Run, signal: AbortSignal): Promise<Outputs> {
  const { network } = run;
  const { height, width, channels } = network.input;
  const pixels = readFileSync(input);
  const size = height * width * channels;
  if (pixels.length !== pictures * size)
    throw new PhinetsError(
      "queue.job",
      `its input has ${pixels.length} bytes; ${pictures} pictures have ${pictures * size}`,
    );
  const source: PictureSource = {
    length: pictures,
    at: (i) => ({ picture: { height, width, channels, data: pixels.subarray(i * size, (i + 1) * size) } }),
  };
  if (on === "float") {
    const engine = await createEngine({ threads: nodeThreads(threads) });
    try {
      return floatOutputs(
        engine,
        network,
        asShards(() => run.weights),
        source,
      );
    } finally {
      await engine.dispose();
    }
  }
  const quantized = asShards(() => requireQuantized(run));
  if (on === "int8") return integerOutputs(quantized, network, source);
  const target = asShards(() => targetOf(run.folder, undefined));
  return (await firmwareOutputs(quantized, network, source, { signal, target })).outputs;
}

async function see({ input, folder, pictures, options }: Predict, model: Model, signal: AbortSignal) {
  const list = parsePictureList(readFileSync(input, "utf8"));
  if (list.length !== pictures)
    throw new PhinetsError("queue.job", `its list has ${list.length} pictures; it is of ${pictures}`);
  const seen: (Seen | null)[] = [];
  for (const file of list) {
    // Lets the worker's messages in.
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    seen.push(file === null ? null : await seeOne(file, { folder, options }, model));
  }
  return seen;
}

/** Null where the picture cannot be read: the requesting side reads it again and reports the problem. */
async function seeOne(
  file: PictureFile,
  { folder, options: { pixelRange, maxClasses } }: Pick<Predict, "folder" | "options">,
  model: Model,
): Promise<Seen | null> {
  const hints: string[] = [];
  try {
    const picture = await readPicture(join(folder, picturePlace(file)), {
      pixelRange,
      onHint: (hint) => hints.push(hint),
    });
    const { boxes, classes: all } = model.predict(picture);
    const classes = all?.slice(0, maxClasses);
    const numbers = [...(boxes ?? []), ...(classes ?? [])].flatMap((each) => Object.values(each));
    if (numbers.some((value) => typeof value === "number" && !Number.isFinite(value))) return null;
    const { width, height } = picture;
    return {
      width,
      height,
      ...(boxes && { boxes: [...boxes] }),
      ...(classes && { classes: [...classes] }),
      ...(hints.length > 0 && { hinted: true as const }),
    };
  } catch (error) {
    if (error instanceof PhinetsError) return null;
    throw error;
  }
}
