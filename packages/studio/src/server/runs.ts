/** The run folders below the opened folder and in the folder of all runs, and what changes in them while pages listen. */
import { existsSync, lstatSync, statSync } from "node:fs";
import { join } from "node:path";
import { classNames, findsBoxes } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { loadNetwork, readResults, runHolder, wasTrained } from "@phinets/node/run";
import { readEvents, type TrainingEvent } from "@phinets/node/steps";
import { type RunDetail, type RunEntry, type RunState, runPictures } from "../shared/runs.js";
import type { Jobs } from "./jobs.js";
import type { Places } from "./places.js";

/** What the studio itself does with a run. */
export interface OwnWork {
  readonly job: number;
  readonly pausing?: boolean;
}

interface Known {
  readonly id: string;
  /** Whole path. */
  readonly place: string;
  stamp: string;
}

const watchEveryMs = 700;
/** Looking for new folders costs more than looking at known ones. */
const searchEvery = 4;
/** A folder with a network.json and one of these is a run. */
const marks = ["args.yaml", "quantized.json", "weights", "events.jsonl"];
/** Files that tell by their times that something happened. */
const watched = ["events.jsonl", "results.csv", "train.pid", "quantized.json", "weights/best.safetensors"];

export class Runs {
  /** By id. */
  readonly own = new Map<string, OwnWork>();
  readonly #known = new Map<string, Known>();
  readonly #timer: NodeJS.Timeout;
  #beats = 0;

  constructor(
    readonly places: Places,
    readonly jobs: Jobs,
  ) {
    this.#timer = setInterval(() => this.#watch(), watchEveryMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** All that there are, by their paths. */
  list(): RunEntry[] {
    this.#search();
    return [...this.#known.values()].flatMap((each) => this.#entry(each) ?? []);
  }

  /** The whole path of a run folder that is there. Throws PhinetsError. */
  place(id: string): string {
    const place = this.places.resolve(id);
    if (!isRun(place))
      throw new PhinetsError("studio.missing", `${this.path(id)}: there is no such run`, this.path(id));
    return place;
  }

  /** As commands name it. */
  path(id: string): string {
    return this.places.path(id);
  }

  /** A file of a run, which lies in it once links are followed. */
  file(id: string, name: string): string {
    this.place(id);
    return this.places.resolve(id, name);
  }

  detail(id: string): RunDetail {
    const place = this.place(id);
    const warnings = readEvents(place).flatMap((event) => (event.event === "warning" ? [event.message] : []));
    return {
      id,
      rows: readResults(place),
      pictures: Object.keys(runPictures).filter((name) => existsSync(join(place, name))),
      warnings: [...new Set(warnings)],
    };
  }

  /** Tells the pages that something of a run changed which its files do not show. */
  touch(id: string): void {
    const known = this.#known.get(id);
    if (known !== undefined) known.stamp = "";
    this.#watch();
  }

  /** Epochs that are done, 0 before the first and where the run is not there yet. */
  epochsDone(id: string): number {
    return lastOf(readEvents(this.path(id)), "checkpoint")?.epoch ?? 0;
  }

  #search(): void {
    for (const { id, path } of this.places.below(isRun))
      if (!this.#known.has(id)) this.#known.set(id, { id, place: path, stamp: "" });
  }

  #watch(): void {
    if (!this.jobs.isHeard) return;
    if (this.#beats++ % searchEvery === 0) this.#search();
    for (const each of this.#known.values()) {
      const stamp = stampOf(each.place);
      if (stamp === each.stamp) continue;
      each.stamp = stamp;
      const entry = this.#entry(each);
      if (entry !== undefined) this.jobs.tell("run", entry);
    }
  }

  /** Undefined, and told, where it is gone. */
  #entry(known: Known): RunEntry | undefined {
    const { id, place } = known;
    if (!isRun(place)) {
      this.#known.delete(id);
      this.jobs.tell("run", { id, gone: true });
      return undefined;
    }
    known.stamp = stampOf(place);
    return { ...describeRun(place), id, path: this.path(id), stamp: known.stamp, ...this.own.get(id) };
  }
}

/** Its own files are plain ones: a link would show what lies outside, a pipe would keep all waiting. */
function isRun(place: string): boolean {
  const own = ["network.json", "args.yaml", "events.jsonl", "results.csv", "train.pid"];
  const isPlain = own.every((name) => lstatSync(join(place, name), { throwIfNoEntry: false })?.isFile() !== false);
  return isPlain && existsSync(join(place, "network.json")) && marks.some((mark) => existsSync(join(place, mark)));
}

function stampOf(place: string): string {
  const times = watched.map((name) => {
    const stats = statSync(join(place, name), { throwIfNoEntry: false });
    return stats === undefined ? "" : `${stats.size}.${Math.round(stats.mtimeMs)}`;
  });
  // A killed process leaves its lock: whether it lives is no matter of files.
  return [...times, runHolder(place)?.work ?? ""].join(" ");
}

type Described = Omit<RunEntry, "id" | "path" | "stamp" | "job" | "pausing">;

function describeRun(place: string): Described {
  const events = readEvents(place);
  const started = lastOf(events, "started");
  const best = lastOf(events, "best");
  const finished = lastOf(events, "finished");
  const stopped = lastOf(events, "stopped");
  const hasWeights = existsSync(join(place, "weights/best.safetensors"));
  const hasInt8 = existsSync(join(place, "quantized.json"));
  const network = networkOf(place);
  const state = stateOf(events.at(-1), { work: runHolder(place)?.work, isMade: hasWeights || hasInt8 });
  const epoch = lastOf(events, "checkpoint")?.epoch ?? started?.epoch ?? 0;
  return {
    state,
    ...network,
    epoch,
    epochs: started?.epochs ?? 0,
    ...(best !== undefined && { best: best.value ?? undefined, bestEpoch: best.epoch }),
    ...(state === "finished" && { weightsSha256: finished?.weightsSha256 }),
    hasWeights,
    hasInt8,
    resumable: wasTrained(place) && (state === "stopped" || state === "cut short" || state === "new"),
    ...(state === "stopped" && stopped?.code !== "cli.interrupted" && { message: stopped?.message }),
  };
}

function stateOf(
  last: TrainingEvent | undefined,
  { work, isMade }: { readonly work: string | undefined; readonly isMade: boolean },
): RunState {
  const trains = last !== undefined && last.event !== "finished" && last.event !== "stopped";
  if (work !== undefined) return work === "training" || trains ? "training" : "busy";
  if (last?.event === "finished") return "finished";
  if (last?.event === "stopped") return "stopped";
  if (trains) return "cut short";
  return isMade ? "finished" : "new";
}

/** Of a damaged network.json nothing is known but that it is there; who uses the run is told what is wrong. */
function networkOf(place: string): Pick<RunEntry, "task" | "classes" | "input"> {
  try {
    const { head, input } = loadNetwork(join(place, "network.json"));
    const task = head.kind === "none" ? "none" : findsBoxes(head) ? "detect" : "classify";
    return { task, classes: head.kind === "none" ? [] : classNames(head), input };
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    return { task: "none", classes: [], input: { height: 0, width: 0, channels: 0 } };
  }
}

function lastOf<N extends TrainingEvent["event"]>(
  events: readonly TrainingEvent[],
  name: N,
): Extract<TrainingEvent, { event: N }> | undefined {
  return events.findLast((each): each is Extract<TrainingEvent, { event: N }> => each.event === name);
}
