/** What the routes share: the opened folder and what was made of it. */
import type { Session } from "../shared/session.js";
import { Datasets } from "./datasets.js";
import { Jobs } from "./jobs.js";
import { Models } from "./models.js";
import { OpenedFolder } from "./opened-folder.js";
import { type DoorTimes, PhoneDoor } from "./phone/door.js";
import { Places } from "./places.js";
import { Runs } from "./runs.js";
import { Thumbnails } from "./thumbnails.js";
import { Trainings } from "./trainings.js";

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
  /** Program and first arguments that are the command `phinets`. */
  readonly phinets: readonly string[];
}

export interface OpenStudioOptions {
  /** The folder, as the user named it. */
  readonly path: string;
  readonly version: string;
  /** Folder of all runs, as the user named it; it need not be there yet. */
  readonly project: string;
  /** Program and first arguments that are the command `phinets`. */
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
  const runs = new Runs(places, jobs);
  const thumbnails = new Thumbnails();
  return {
    session: { version, folder: folder.name, path, project },
    folder,
    places,
    datasets,
    thumbnails,
    jobs,
    models: new Models(folder),
    runs,
    trainings: new Trainings({ datasets, runs, jobs, phinets }),
    phone: new PhoneDoor({
      ...{ datasets, thumbnails, page, times: phoneTimes },
      onChange: (status) => jobs.tell("phone", status),
      onPicture: (saved) => jobs.tell("captured", saved),
    }),
    phinets,
  };
}
