/** State that the routes share: the opened folder and everything made from it. */
import type { Session } from "../shared/session.js";
import { Datasets } from "./datasets.js";
import { Jobs } from "./jobs.js";
import { Models } from "./models.js";
import { OpenedFolder } from "./opened-folder.js";
import { type DoorTimes, PhoneDoor } from "./phone/door.js";
import { Places } from "./places.js";
import { isRun, Runs, runFiles } from "./runs.js";
import { Sweepings } from "./sweepings.js";
import { Thumbnails } from "./thumbnails.js";
import { Trainings } from "./trainings.js";
import { Watch } from "./watch.js";
import { shippedRuns, sweeps } from "./watched.js";

export interface Studio {
  readonly session: Session;
  readonly folder: OpenedFolder;
  readonly places: Places;
  readonly datasets: Datasets;
  readonly thumbnails: Thumbnails;
  readonly jobs: Jobs;
  readonly models: Models;
  readonly runs: Runs;
  readonly trainings: Trainings;
  readonly phone: PhoneDoor;
  readonly sweepings: Sweepings;
  readonly watch: Watch;
  /** Program and first arguments that start the command `phinets`. */
  readonly phinets: readonly string[];
}

export interface OpenStudioOptions {
  /** Path of the folder, as the user named it. */
  readonly path: string;
  readonly version: string;
  /** Folder of all runs, as the user named it; it may not exist yet. */
  readonly project: string;
  /** Program and first arguments that start the command `phinets`. */
  readonly phinets: readonly string[];
  /** Folder of the built page. */
  readonly page: string;
  readonly phoneTimes?: Partial<DoorTimes>;
}

export function openStudio({ path, version, project, phinets, page, phoneTimes }: OpenStudioOptions): Studio {
  const folder = new OpenedFolder(path);
  const datasets = new Datasets(folder);
  const jobs = new Jobs();
  const places = new Places(folder, project);
  const thumbnails = new Thumbnails();
  const runs = new Runs(places);
  const watch = new Watch(places, jobs, {
    run: {
      isOne: isRun,
      files: runFiles,
      tell: (place, stamp) => jobs.tell("run", stamp === "" ? { id: place.id, gone: true } : runs.entry(place, stamp)),
    },
    ship: shippedRuns(jobs),
    sweep: sweeps(jobs),
  });
  const session: Session = { version, folder: folder.name, path, project };
  return {
    session,
    folder,
    places,
    datasets,
    thumbnails,
    jobs,
    models: new Models(folder),
    runs,
    trainings: new Trainings({ datasets, runs, jobs, watch, phinets }),
    sweepings: new Sweepings({ places, jobs, session, phinets }),
    watch,
    phone: new PhoneDoor({
      ...{ datasets, thumbnails, page, times: phoneTimes },
      onChange: (status) => jobs.tell("phone", status),
      onPicture: (saved) => jobs.tell("captured", saved),
    }),
    phinets,
  };
}
