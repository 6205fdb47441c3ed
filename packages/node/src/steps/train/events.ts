/**
 * The events of a training as JSON lines: in `events.jsonl` in the run folder, and live with --json-events. A resumed
 * run drops the events of epochs that it repeats, so that each epoch appears once, as in results.csv.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { figuresOf, headline, type Metrics } from "@phinets/core/learning";
import { z } from "zod";
import { writeFileAtomic } from "../../host/atomic.js";
import type { EpochReport, RunStart, TrainObserver } from "./observers.js";
import type { TrainResult } from "./request.js";

const count = z.int().nonnegative();
/** Numbers by name; null for a number that is not finite. */
const figures = z.record(z.string(), z.number().nullable());

const events = {
  /** The process starts or resumes a run. */
  started: {
    version: z.string().describe("of phinets"),
    run: z.string().describe("the run folder"),
    task: z.enum(["detect", "classify"]),
    classes: z.array(z.string()),
    network: z.object({
      family: z.string(),
      input: z.object({ height: count, width: count, channels: count }),
      parameters: count,
      macs: count.describe("multiply-accumulates of an inference"),
    }),
    recipe: z.record(z.string(), z.unknown()).describe("every option of the recipe, as args.yaml has it"),
    data: z.object({
      key: z.string().describe("names pictures and labels"),
      train: count,
      val: count,
      skipped: count.describe("pictures left out: missing, not decodable, or with labels that cannot be read"),
      skippedRows: count.optional().describe("label rows left out"),
    }),
    threads: count,
    epoch: count.describe("epochs that were done before: 0 for a new run"),
    epochs: count.describe("epochs in all"),
    stepsPerEpoch: count,
  },
  /** The steps of an epoch are done. */
  epoch: {
    epoch: count.describe("1-based"),
    epochs: count,
    step: count.describe("steps done in all"),
    losses: figures.describe("the loss and its parts, means over the epoch"),
    learningRate: z.number().describe("of the last step"),
    imagesPerSecond: z.number(),
  },
  /** The averaged weights were validated; epoch 0: the weights that the run started from. */
  validation: { epoch: count, metrics: figures.describe("as in results.csv"), value: z.number() },
  /** This epoch is the best so far and was written to weights/best.safetensors. */
  best: { epoch: count, value: z.number().nullable().describe("null: not validated, the last weights count") },
  /** weights/last.safetensors holds this epoch. */
  checkpoint: { epoch: count, step: count, path: z.string() },
  /** Something that needs attention but does not stop the run. */
  warning: { message: z.string() },
  /** The last event of a run that ended normally. */
  finished: {
    epochs: count,
    best: z.number().nullable(),
    bestEpoch: count,
    metrics: figures.optional().describe("of the best weights"),
    weightsSha256: z.string(),
    imagesPerSecond: z.number(),
  },
  /** The process ends before the run does: Ctrl-C or an error. --resume continues after `epoch`. */
  stopped: { epoch: count, code: z.string().optional(), message: z.string() },
} as const;

const shapes = Object.entries(events).map(([event, fields]) =>
  z.object({ event: z.literal(event), time: z.iso.datetime(), ...fields }),
);
type Name = keyof typeof events;
type Fields<N extends Name> = z.infer<z.ZodObject<(typeof events)[N]>>;

/** One line of events.jsonl. `time` is ISO 8601, UTC. */
export type TrainingEvent = { [N in Name]: { event: N; time: string } & Fields<N> }[Name];

/** Parses one line's JSON; throws ZodError when it is not a training event. */
export const trainingEvent = z.discriminatedUnion(
  "event",
  shapes as unknown as [(typeof shapes)[number], (typeof shapes)[number]],
) as unknown as z.ZodType<TrainingEvent>;

export const eventsPath = (folder: string): string => join(folder, "events.jsonl");

/** The events of a run, without a last line that a kill cut short. */
export function readEvents(folder: string): TrainingEvent[] {
  const path = eventsPath(folder);
  if (!existsSync(path)) return [];
  const found: TrainingEvent[] = [];
  for (const line of readFileSync(path, "utf8").split("\n")) {
    try {
      found.push(trainingEvent.parse(JSON.parse(line)));
    } catch {} // cut short, or written by another version
  }
  return found;
}

export class EventLog implements TrainObserver {
  #folder = "";
  #broken = false;

  /** @param live also receives each line; @param warn reports, once, that the file cannot be written */
  constructor(
    readonly live: ((line: string) => void) | undefined,
    readonly warn: (message: string) => void,
  ) {}

  started(start: RunStart): void {
    this.#folder = start.folder;
    const { classes, network, summary, recipe, dataKey } = start;
    this.#try(() => {
      if (!existsSync(eventsPath(start.folder))) return;
      const kept = (start.epoch === 0 ? [] : readEvents(start.folder)).filter(
        (each) => each.event !== "finished" && !("epoch" in each && each.epoch > start.epoch),
      );
      writeFileAtomic(eventsPath(start.folder), kept.map((each) => `${JSON.stringify(each)}\n`).join(""));
    });
    this.#emit("started", {
      version: start.version,
      run: start.folder,
      task: network.head.kind === "yolov2" ? "detect" : "classify",
      classes: [...classes],
      network: { family: network.family, input: network.input, ...summary },
      recipe: { ...recipe },
      data: {
        key: dataKey,
        train: start.train,
        val: start.val,
        skipped: start.skipped,
        skippedRows: start.skippedRows,
      },
      threads: start.threads,
      epoch: start.epoch,
      epochs: recipe.epochs,
      stepsPerEpoch: start.stepsPerEpoch,
    });
  }

  epochEnd(report: EpochReport): undefined {
    const { epoch, epochs, step, losses, learningRate, imagesPerSecond, metrics, value, best, bestEpoch } = report;
    this.#emit("epoch", { epoch, epochs, step, losses: finite(losses), learningRate, imagesPerSecond });
    if (metrics !== undefined) this.#emit("validation", { epoch, metrics: finite(figuresOf(metrics)), value: value! });
    if (bestEpoch === epoch) this.#emit("best", { epoch, value: best < 0 ? null : best });
    this.#emit("checkpoint", { epoch, step, path: join(this.#folder, "weights/last.safetensors") });
  }

  /** Reports the validation of the weights that the run starts from: epoch 0. */
  validatedStart(metrics: Metrics): void {
    const value = headline(metrics);
    this.#emit("validation", { epoch: 0, metrics: finite(figuresOf(metrics)), value });
    if (value >= 0) this.#emit("best", { epoch: 0, value });
  }

  warning(message: string): void {
    this.#emit("warning", { message });
  }

  finished({ epochs, best, bestEpoch, metrics, weightsSha256, imagesPerSecond }: TrainResult): void {
    const figures = metrics === undefined ? undefined : finite(figuresOf(metrics));
    const ended = { epochs, best: best < 0 ? null : best, bestEpoch, metrics: figures, weightsSha256, imagesPerSecond };
    this.#emit("finished", ended);
  }

  stopped(error: unknown, epoch: number): void {
    const { code, message, name } = error as { code?: unknown; message?: string; name?: string };
    const interrupted = name === "AbortError";
    this.#emit("stopped", {
      epoch,
      code: interrupted ? "cli.interrupted" : typeof code === "string" ? code : undefined,
      message: interrupted ? "interrupted" : (message ?? String(error)),
    });
  }

  #emit<N extends Name>(event: N, fields: Fields<N>): void {
    const line = JSON.stringify({ event, time: new Date().toISOString(), ...fields });
    this.live?.(line);
    this.#try(() => appendFileSync(eventsPath(this.#folder), `${line}\n`));
  }

  /** A failed write of the event log does not end the run; it is reported once. */
  #try(write: () => void): void {
    if (this.#broken || this.#folder === "") return;
    try {
      write();
    } catch (error) {
      this.#broken = true;
      // A removed run folder ends the run, which reports it.
      if ((error as { code?: unknown }).code === "run.removed") return;
      this.warn(`warning: events.jsonl is not kept: ${(error as Error).message}`);
    }
  }
}

function finite(values: Readonly<Record<string, number>>): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Number.isFinite(value) ? value : null]),
  );
}
