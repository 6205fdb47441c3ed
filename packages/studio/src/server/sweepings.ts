/**
 * Sweeps that the page starts: writes a sweep.yaml beside the runs and runs the command line that the page shows.
 * Repeating it trains only what is new.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { isRange } from "@phinets/core/sweep";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "@phinets/node/host";
import { runHolder } from "@phinets/node/run";
import { parseSweep, readSweepFile, type SweepFile } from "@phinets/node/sweep";
import type { Job } from "../shared/events.js";
import type { Session } from "../shared/session.js";
import {
  nameOfSweep,
  problemAt,
  type SweepDraft,
  type SweepForm,
  type SweepProblem,
  sweepFiles,
  sweepOf,
  sweepWords,
} from "../shared/sweeps.js";
import { runCommand } from "./command.js";
import type { Jobs } from "./jobs.js";
import type { Places } from "./places.js";

export interface SweepingsOptions {
  readonly places: Places;
  readonly jobs: Jobs;
  readonly session: Session;
  /** Program and first arguments that start the command `phinets`. */
  readonly phinets: readonly string[];
}

export class Sweepings {
  constructor(readonly options: SweepingsOptions) {}

  draft(): SweepDraft {
    const { places } = this.options;
    const folder = relative(resolve(sweepFiles(places.project)), places.folder.real) || ".";
    return { folder: folder.replaceAll("\\", "/") };
  }

  /** The first problem that can be found without checking the options of `train`; undefined where there is none. */
  async check(text: string): Promise<SweepProblem | undefined> {
    try {
      this.#requireInside(await parseSweep(text, this.#file("sweep")));
      return undefined;
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      return problemAt(error.message) ?? { line: 1, column: 1, message: error.message };
    }
  }

  /**
   * Saves the text and starts the sweep. Throws PhinetsError for an invalid text, and where a sweep of this name is
   * running.
   */
  async start({ name, text }: SweepForm): Promise<Job> {
    const file = this.#file(name);
    this.#requireFree(name);
    this.#requireInside(await parseSweep(text, file));
    mkdirSync(dirname(file), { recursive: true });
    writeFileAtomic(file, text);
    return this.#run(name);
  }

  /** Resumes a sweep that was started here, with its file's current text. */
  async resume(id: string): Promise<Job> {
    const name = this.#resumable(id);
    if (name === undefined)
      throw new PhinetsError(
        "studio.missing",
        `${this.options.places.path(id)}: its sweep.yaml is not known; run its line where it was begun`,
        id,
      );
    this.#requireFree(name);
    this.#requireInside(await readSweepFile(this.#file(name)));
    return this.#run(name);
  }

  canResume(id: string): boolean {
    return this.#resumable(id) !== undefined;
  }

  #resumable(id: string): string | undefined {
    const name = nameOfSweep(id);
    return name !== undefined && existsSync(this.#file(name)) ? name : undefined;
  }

  #file(name: string): string {
    return join(sweepFiles(this.options.places.project), `${name}.yaml`);
  }

  #requireFree(name: string): void {
    const { places, jobs } = this.options;
    const id = sweepOf(name);
    const path = places.path(id);
    const isStarting = jobs.all.some(
      ({ kind, about, state }) => kind === "sweep" && about === id && state === "running",
    );
    if (isStarting || runHolder(path) !== undefined)
      throw new PhinetsError("studio.busy", `${path}: is being swept; wait, or stop it`, path);
  }

  /** Requires that every word that may be a path leads into the opened folder, or into that of all runs. */
  #requireInside({ path, options, targets, space, places }: SweepFile): void {
    const base = dirname(resolve(path));
    const look = (value: unknown, place: string): void => {
      if (typeof value === "string") this.options.places.requireInside(resolve(base, value), `${place}: ${value}`);
      else if (typeof value === "object" && value !== null) for (const each of Object.values(value)) look(each, place);
    };
    for (const { key, value, place } of options) {
      // The page decides where the runs are written.
      if (key === "project" || key === "name" || key === "out")
        throw new PhinetsError("sweep.file", `${place}: ${key} is chosen by the page; leave it out`, path);
      look(value, place);
    }
    look(targets, `${path}:1:1`);
    for (const each of space) if (!isRange(each)) look(each.values, places[each.name]);
  }

  #run(name: string): Job {
    const { jobs, session, phinets } = this.options;
    const sweep = sweepOf(name);
    return jobs.start("sweep", sweep, async ({ signal }) => {
      await runCommand(sweepWords(name, session), { phinets, signal });
      return { sweep };
    });
  }
}
