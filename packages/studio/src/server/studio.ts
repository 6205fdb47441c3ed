/** What the routes share: the opened folder and what was made of it. */
import type { Session } from "../shared/session.js";
import { Datasets } from "./datasets.js";
import { Jobs } from "./jobs.js";
import { OpenedFolder } from "./opened-folder.js";
import { Thumbnails } from "./thumbnails.js";

export interface Studio {
  readonly session: Session;
  readonly folder: OpenedFolder;
  readonly datasets: Datasets;
  readonly thumbnails: Thumbnails;
  readonly jobs: Jobs;
}

/** @param path the folder, as the user named it */
export function openStudio(path: string, version: string): Studio {
  const folder = new OpenedFolder(path);
  return {
    session: { version, folder: folder.name, path },
    folder,
    datasets: new Datasets(folder),
    thumbnails: new Thumbnails(),
    jobs: new Jobs(),
  };
}
