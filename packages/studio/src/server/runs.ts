/** The run folders below the opened folder and in the folder of all runs, and what changes in them while pages listen. */
import { existsSync, lstatSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { classNames, findsBoxes } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { loadNetwork, readResults, runHolder, wasTrained } from "@phinets/node/run";
import { readEvents, type TrainingEvent } from "@phinets/node/steps";
import { joinPath, type RunDetail, type RunEntry, type RunState, runPictures } from "../shared/runs.js";
import { foldersBelow } from "./find.js";
import type { Jobs } from "./jobs.js";
import { OpenedFolder } from "./opened-folder.js";

/** What the studio itself does with a run. */
export interface OwnWork {
  readonly job: number;
  readonly pausing?: boolean;
}

type Root = "folder" | "project";

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

  /** @param project path of the folder of all runs, as the user named it; it need not be there yet */
  constructor(
    readonly folder: OpenedFolder,
    readonly project: string,
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
    const [root, within] = parseId(id);
    const place = this.#root(root)?.resolve(within || ".");
    if (place === undefined || !isRun(place))
      throw new PhinetsError("studio.missing", `${within}: there is no such run`, within);
    return place;
  }

  /** As commands name it. */
  path(id: string): string {
    const [root, within] = parseId(id);
    return joinPath(root === "project" ? this.project : this.folder.path, within);
  }

  /** A file of a run, which lies in it once links are followed. */
  file(id: string, name: string): string {
    const [root, within] = parseId(id);
    this.place(id);
    return this.#root(root)!.resolve(joinPath(within || ".", name));
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
    const [root, within] = parseId(id);
    const place = join(root === "project" ? this.project : this.folder.path, within);
    return lastOf(readEvents(place), "checkpoint")?.epoch ?? 0;
  }

  /** Undefined where the folder of all runs is not there yet. */
  #root(root: Root): OpenedFolder | undefined {
    if (root === "folder") return this.folder;
    return statSync(this.project, { throwIfNoEntry: false })?.isDirectory()
      ? new OpenedFolder(this.project)
      : undefined;
  }

  #search(): void {
    const seen = new Set<string>();
    for (const root of ["project", "folder"] as const) {
      const opened = this.#root(root);
      if (opened === undefined) continue;
      for (const within of foldersBelow(opened.resolve("."), isRun)) {
        const place = realpathSync.native(opened.resolve(within || "."));
        // The folder of all runs may lie in the opened one.
        if ([...this.#known.values()].some((each) => each.place === place && seen.has(each.id))) continue;
        const id = `${root}:${within}`;
        seen.add(id);
        if (!this.#known.has(id)) this.#known.set(id, { id, place, stamp: "" });
      }
    }
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

function parseId(id: string): [Root, string] {
  const [, root, within] = /^(folder|project):(.*)$/s.exec(id) ?? [];
  if (root !== undefined) return [root as Root, within];
  throw new PhinetsError(
    "studio.request",
    `run is ${JSON.stringify(id.slice(0, 80))}; folder:PATH or project:PATH is needed`,
    "run",
  );
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
