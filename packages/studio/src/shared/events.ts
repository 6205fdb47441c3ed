/** What the server tells every page that listens, and what it says of long work. */
import type { ErrorDocument } from "./errors.js";
import type { PhoneStatus } from "./phone.js";
import type { RunEntry, RunGone } from "./runs.js";
import type { SavedFrame } from "./try.js";

/** What a job does; who adds one adds its name and the type of its result. */
export interface JobResults {
  readonly doctor: import("@phinets/core/data").DoctorReport;
  /** Id of the run. */
  readonly train: { readonly run: string };
  readonly firmware: import("./try.js").FirmwareOutput;
  readonly ship: { readonly run: string };
  readonly sweep: { readonly sweep: string };
  /** As of `nearCopyGroups`: numbers of pictures in the catalogue. */
  readonly copies: readonly (readonly number[])[];
  readonly frames: import("./labels.js").WrittenFrames;
}

export type JobKind = keyof JobResults;

/** Long work on the server, as the page sees it. */
export interface Job {
  readonly id: number;
  readonly kind: JobKind;
  /** What it works on, for people. */
  readonly about: string;
  readonly state: "running" | "done" | "failed" | "stopped";
  readonly done: number;
  /** 0 while it is not known. */
  readonly total: number;
  readonly error?: ErrorDocument["error"];
}

/** A shipped run or a sweep that has changed: what is shown of it is to be asked for again. */
export interface PlaceChange {
  readonly kind: "ship" | "sweep";
  /** Name of its place. */
  readonly id: string;
  /** "running": a process works in it; "gone": it is none any more. */
  readonly state: "running" | "done" | "stopped" | "gone";
  /** Changes with its files. */
  readonly stamp: string;
}

/** By name of the SSE event. */
export interface StudioEvents {
  readonly job: Job;
  readonly run: RunEntry | RunGone;
  readonly phone: PhoneStatus;
  /** A picture that came into a data set by the door for a telephone. */
  readonly captured: SavedFrame;
  readonly place: PlaceChange;
}
