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

/** What the studio itself does with a run. */
export interface OwnWork {
  readonly job: number;
  readonly pausing?: boolean;
}

/** A folder with a network.json and one of these is a run. */
const marks = ["args.yaml", "quantized.json", "weights", "events.jsonl"];
/** Files that tell by their times that something happened. */
export const runFiles = ["events.jsonl", "results.csv", "train.pid", "quantized.json", "weights/best.safetensors"];

export class Runs {
  /** By id. */
  readonly own = new Map<string, OwnWork>();

  constructor(readonly places: Places) {}

  /** All that there are, by their paths. */
  list(): RunEntry[] {
    return this.places.below(isRun).map((place) => this.entry(place, stampOf(place.path, runFiles)));
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

  /** A run as it is. @param stamp of its files */
  entry({ id, path }: Place, stamp: string): RunEntry {
    return { ...describeRun(path), id, path: this.path(id), stamp, ...this.own.get(id) };
  }

  /** Epochs that are done, 0 before the first and where the run is not there yet. */
  epochsDone(id: string): number {
    return lastOf(readEvents(this.path(id)), "checkpoint")?.epoch ?? 0;
  }
}

/** Its own files are plain ones: a link would show what lies outside, a pipe would keep all waiting. */
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
