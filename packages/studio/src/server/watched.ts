/** The watched kinds "shipped run" and "sweep": pages are told that one has changed, and its state. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runHolder } from "@phinets/node/run";
import { isShipped, shipViewFiles } from "@phinets/node/steps";
import { sweepDocument } from "@phinets/node/sweep";
import type { PlaceChange } from "../shared/events.js";
import type { Jobs } from "./jobs.js";
import type { WatchedKind } from "./watch.js";

export const isShipDone = (path: string): boolean => existsSync(join(path, "ship.json"));
export const isSweep = (path: string): boolean => existsSync(join(path, "journal.jsonl"));
export const isSweepDone = (path: string): boolean => existsSync(sweepDocument(path));

const told =
  (jobs: Jobs, kind: PlaceChange["kind"], isDone: (path: string) => boolean): WatchedKind["tell"] =>
  ({ id, path }, stamp) => {
    const state = stamp === "" ? "gone" : runHolder(path) !== undefined ? "running" : isDone(path) ? "done" : "stopped";
    jobs.tell("place", { kind, id, state, stamp });
  };

export const shippedRuns = (jobs: Jobs): WatchedKind => ({
  isOne: isShipped,
  files: [...shipViewFiles, "network.json", "args.yaml", "report.html"],
  tell: told(jobs, "ship", isShipDone),
});

export const sweeps = (jobs: Jobs): WatchedKind => ({
  isOne: isSweep,
  files: ["journal.jsonl", "sweep.json", "sweep.html"],
  tell: told(jobs, "sweep", isSweepDone),
});
