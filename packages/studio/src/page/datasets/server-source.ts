/** Data sets of the folder that the server opened. */
import type { DoctorReport } from "@phinets/core/data";
import type { Catalogue, DatasetEntry } from "../../shared/data.js";
import type { Job, JobResults } from "../../shared/events.js";
import { addressOf, get, post, remove } from "../api.js";
import { jobEnd, jobs } from "../connection.js";
import { serverLabels } from "./server-labels.js";
import type { DataSource, PictureWork } from "./source.js";

/** @param folder path of the opened folder, for use in commands */
export function serverSource(folder: string): DataSource {
  return {
    labels: serverLabels(folder),
    commandPath: (set) => (set === "" ? folder : `${folder.replace(/\/$/, "")}/${set}`),
    list: () => get<DatasetEntry[]>("data"),
    open: (set) => get<Catalogue>("data/catalogue", { query: { set } }),
    reload: () => post("data/reload"),
    thumbnail: async (set, n) => addressOf("data/thumbnail", { set, n }),
    picture: async (set, n) => addressOf("data/picture", { set, n }),
    examine: (set, work) => jobOn<DoctorReport>("data/doctor", set, work),
    nearCopies: (set, work) => jobOn<JobResults["copies"]>("data/copies", set, work),
  };
}

/** Starts a job on a data set; resolves with its result. */
async function jobOn<T>(resource: string, set: string, { signal, onProgress }: PictureWork): Promise<T> {
  const { id } = await post<Job>(resource, { query: { set } });
  signal.addEventListener("abort", () => void remove(`jobs/${id}`));
  const stop = jobs.subscribe((all) => {
    const job = all.get(id);
    if (job !== undefined) onProgress(job.done, job.total);
  });
  try {
    await jobEnd(id);
  } finally {
    stop();
  }
  return get<T>(`jobs/${id}`);
}
