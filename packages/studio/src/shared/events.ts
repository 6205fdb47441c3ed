/** Events that the server sends to every listening page, and the state of long-running work. */
import type { ErrorDocument } from "./errors.js";
import type { PhoneStatus } from "./phone.js";
import type { RunEntry, RunGone } from "./runs.js";
import type { SavedFrame } from "./try.js";

/** Result by kind of job; a new kind of job adds its entry here. */
export interface JobResults {
  readonly doctor: import("@phinets/core/data").DoctorReport;
  readonly train: { readonly run: string };
  readonly firmware: import("./try.js").FirmwareOutput;
  readonly ship: { readonly run: string };
  readonly sweep: { readonly sweep: string };
  /** As from `nearCopyGroups`: groups of the pictures' numbers in the catalogue. */
  readonly copies: readonly (readonly number[])[];
  readonly frames: import("./labels.js").WrittenFrames;
}

export type JobKind = keyof JobResults;

/** Long-running work on the server, as the page sees it. */
export interface Job {
  readonly id: number;
  readonly kind: JobKind;
  /** What it works on, as a title. */
  readonly about: string;
  readonly state: "running" | "done" | "failed" | "stopped";
  readonly done: number;
  /** 0 while it is unknown. */
  readonly total: number;
  readonly error?: ErrorDocument["error"];
}

/** A change of a shipped run or a sweep: pages that show it must request it again. */
export interface PlaceChange {
  readonly kind: "ship" | "sweep";
  /** Id of its place. */
  readonly id: string;
  /** "running": a process works in it; "gone": it no longer exists. */
  readonly state: "running" | "done" | "stopped" | "gone";
  /** Changes whenever its files change. */
  readonly stamp: string;
}

/** By name of the SSE event. */
export interface StudioEvents {
  readonly job: Job;
  readonly run: RunEntry | RunGone;
  readonly phone: PhoneStatus;
  /** A picture that a phone added through the door. */
  readonly captured: SavedFrame;
  readonly place: PlaceChange;
}
