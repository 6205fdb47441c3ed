/**
 * Trainings that the page starts, as child processes with the command line that the page shows. A child ends with the
 * studio, however that ends, and its run can be resumed with --resume.
 */
import { parseNetwork } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "@phinets/node/host";
import type { Job } from "../shared/events.js";
import { joinPath, placeId, titleOf } from "../shared/places.js";
import { documentPath, resumeWords, type TrainForm, trainWords } from "../shared/runs.js";
import { runCommand } from "./command.js";
import type { Datasets } from "./datasets.js";
import type { Jobs } from "./jobs.js";
import type { Runs } from "./runs.js";
import type { Watch } from "./watch.js";

export interface TrainingsOptions {
  readonly datasets: Datasets;
  readonly runs: Runs;
  readonly jobs: Jobs;
  readonly watch: Watch;
  /** Program and first arguments that start the command `phinets`. */
  readonly phinets: readonly string[];
}

const pauseLookMs = 100;

export class Trainings {
  constructor(readonly options: TrainingsOptions) {}

  /** Starts a new run. Throws PhinetsError where its data set, network or source run does not exist. */
  async start(form: TrainForm): Promise<Job> {
    const { datasets, runs } = this.options;
    const { project, folder } = runs.places;
    const { task } = await datasets.catalogue(form.set);
    const id = placeId("project", `${task}/${form.name}`);
    this.#requireFree(id);
    const paths = { data: joinPath(folder.path, form.set), network: this.#network(form), project };
    return this.#run(id, trainWords(form, paths));
  }

  /** Resumes a run that was stopped. */
  resume(id: string): Job {
    const { runs } = this.options;
    runs.place(id);
    this.#requireFree(id);
    return this.#run(id, resumeWords(runs.path(id), runs.places.project));
  }

  /** Asks a training to stop after its current epoch, so that no work is repeated when it is resumed. */
  pause(id: string): void {
    const { runs, jobs, watch } = this.options;
    const { job, pausing } = this.#require(id);
    if (pausing) return;
    runs.own.set(id, { job, pausing: true });
    watch.touch("run", id);
    const done = runs.epochsDone(id);
    const timer = setInterval(() => {
      if (runs.own.get(id)?.job !== job) clearInterval(timer);
      else if (runs.epochsDone(id) > done) {
        clearInterval(timer);
        jobs.stop(job);
      }
    }, pauseLookMs);
    timer.unref();
  }

  /** Asks a training to stop at its next step; finished epochs are kept. */
  stop(id: string): void {
    this.options.jobs.stop(this.#require(id).job);
  }

  #require(id: string) {
    const own = this.options.runs.own.get(id);
    if (own !== undefined) return own;
    throw new PhinetsError(
      "studio.missing",
      `${titleOf(id)}: the studio does not train it; stop it where it was started`,
    );
  }

  #requireFree(id: string): void {
    const { runs } = this.options;
    if (runs.own.has(id)) throw new PhinetsError("studio.busy", `${runs.path(id)}: is being trained; wait, or stop it`);
  }

  /** The value of --network or --weights: a network.json or a run; a document is written to a file. */
  #network({ network, name }: TrainForm): string | undefined {
    const { runs } = this.options;
    if (network.kind === "board") return undefined;
    if (network.kind === "run") {
      runs.place(network.run);
      return runs.path(network.run);
    }
    const file = documentPath(runs.places.project, name);
    writeFileAtomic(file, `${JSON.stringify(parseNetwork(network.document), undefined, 1)}\n`);
    return file;
  }

  #run(id: string, words: readonly string[]): Job {
    const { runs, jobs, watch, phinets } = this.options;
    const job = jobs.start("train", id, async ({ signal }) => {
      try {
        await runCommand(words, { phinets, signal });
        return { run: id };
      } finally {
        runs.own.delete(id);
        watch.touch("run", id);
      }
    });
    runs.own.set(id, { job: job.id });
    return job;
  }
}
