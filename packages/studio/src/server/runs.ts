/** The run folders below the opened folder and in the folder of all runs. */
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { classNames, findsBoxes } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { loadNetwork, readResults, runHolder, wasTrained } from "@phinets/node/run";
import { readEvents, type TrainingEvent } from "@phinets/node/steps";
import { type RunDetail, type RunEntry, type RunState, runPictures } from "../shared/runs.js";
import type { Place, Places } from "./places.js";
import { stampOf } from "./watch.js";

/** What this studio is doing with a run. */
export interface OwnWork {
  readonly job: number;
  readonly pausing?: boolean;
}

/** A folder with a network.json and one of these is a run. */
const marks = ["args.yaml", "quantized.json", "weights", "events.jsonl"];
/** Files whose modification times show that a run has changed. */
export const runFiles = ["events.jsonl", "results.csv", "train.pid", "quantized.json", "weights/best.safetensors"];

export class Runs {
  /** By run id. */
  readonly own = new Map<string, OwnWork>();

  constructor(readonly places: Places) {}

  /** All runs, sorted by path. */
  list(): RunEntry[] {
    return this.places.below(isRun).map((place) => this.entry(place, stampOf(place.path, runFiles)));
  }

  /** The full path of an existing run folder. Throws PhinetsError otherwise. */
  place(id: string): string {
    const place = this.places.resolve(id);
    if (!isRun(place))
      throw new PhinetsError("studio.missing", `${this.path(id)}: there is no such run`, this.path(id));
    return place;
  }

  /** The path for use in commands. */
  path(id: string): string {
    return this.places.path(id);
  }

  /** A file of a run, which must lie in the run folder once links are resolved. */
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

  /** The current state of a run. @param stamp of its files */
  entry({ id, path }: Place, stamp: string): RunEntry {
    return { ...describeRun(path), id, path: this.path(id), stamp, ...this.own.get(id) };
  }

  /** Number of epochs done; 0 before the first, and where the run does not exist yet. */
  epochsDone(id: string): number {
    return lastOf(readEvents(this.path(id)), "checkpoint")?.epoch ?? 0;
  }
}

/** A run's own files must be regular files: a link could expose files outside, a pipe would block. */
export function isRun(place: string): boolean {
  const own = ["network.json", "args.yaml", "events.jsonl", "results.csv", "train.pid"];
  const isPlain = own.every((name) => lstatSync(join(place, name), { throwIfNoEntry: false })?.isFile() !== false);
  return isPlain && existsSync(join(place, "network.json")) && marks.some((mark) => existsSync(join(place, mark)));
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

/** A damaged network.json still counts as present; whoever loads the run gets the error. */
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
