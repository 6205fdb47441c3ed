/** The page's connection: to the server of `phinets studio`, or none on a static site. */
import { computed, signal } from "@preact/signals";
import type { Job, PlaceChange, StudioEvents } from "../shared/events.js";
import type { PhoneStatus } from "../shared/phone.js";
import type { RunEntry, RunGone } from "../shared/runs.js";
import type { Session } from "../shared/session.js";
import type { SavedFrame } from "../shared/try.js";
import { addressOf, get, UserError } from "./api.js";

export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "server"; readonly session: Session }
  /** No server: everything runs in the page. */
  | { readonly kind: "static" }
  | { readonly kind: "refused"; readonly error: UserError };

export const connection = signal<Connection>({ kind: "connecting" });
/** By id. */
export const jobs = signal<ReadonlyMap<number, Job>>(new Map());
/** Run folders that have changed since the page was opened, by id. */
export const runs = signal<ReadonlyMap<string, RunEntry | RunGone>>(new Map());
/** State of the door for a phone, as the server last sent it; undefined before it was requested. */
export const phone = signal<PhoneStatus | undefined>(undefined);
/** The last picture that a phone added. */
export const captured = signal<SavedFrame | undefined>(undefined);
/** Shipped runs and sweeps that have changed since the page was opened, by kind and place. */
export const changes = signal<ReadonlyMap<string, PlaceChange>>(new Map());
/** Number of reconnections: events in between were missed. */
export const returns = signal(0);
/** Paths of the roots of places, for use in commands. */
export const places = computed((): Pick<Session, "path" | "project"> => {
  const { value } = connection;
  return value.kind === "server" ? value.session : { path: ".", project: "runs" };
});
/** False while the server does not answer. */
export const online = signal(true);

export async function connect(): Promise<void> {
  let session: Session;
  try {
    session = await get<Session>("session");
  } catch (error) {
    // A static host answers with its page for missing files.
    const refused = error instanceof UserError && /^studio\.(?!answer|gone)/.test(error.code);
    connection.value = refused ? { kind: "refused", error } : { kind: "static" };
    return;
  }
  if (typeof session?.version !== "string") {
    connection.value = { kind: "static" };
    return;
  }
  connection.value = { kind: "server", session };
  const events = new EventSource(addressOf("events"));
  events.onopen = () => {
    if (!online.value) returns.value++;
    online.value = true;
  };
  events.onerror = () => {
    online.value = false;
  };
  hear(events, "run", (run) => {
    runs.value = new Map(runs.value).set(run.id, run);
  });
  hear(events, "phone", notePhone);
  hear(events, "captured", (saved) => {
    captured.value = saved;
  });
  hear(events, "place", (change) => {
    changes.value = new Map(changes.value).set(`${change.kind} ${change.id}`, change);
  });
  hear(events, "job", (job) => {
    jobs.value = new Map(jobs.value).set(job.id, job);
  });
}

/** Accepts a state of the door, unless a newer one is known. */
export function notePhone(status: PhoneStatus): void {
  if (status.change >= (phone.peek()?.change ?? 0)) phone.value = status;
}

function hear<K extends keyof StudioEvents>(events: EventSource, name: K, on: (event: StudioEvents[K]) => void): void {
  events.addEventListener(name, ({ data }) => on(JSON.parse(data)));
}

/** The newest job of a kind with a given subject. */
export const jobAbout = (kind: Job["kind"], about: string): Job | undefined =>
  [...jobs.value.values()].findLast((job) => job.kind === kind && job.about === about);

/** Resolves when a job is done, rejects with its error. */
export function jobEnd(id: number): Promise<Job> {
  return new Promise((resolve, reject) => {
    const stop = jobs.subscribe((all) => {
      const job = all.get(id);
      if (job === undefined || job.state === "running") return;
      queueMicrotask(() => stop());
      if (job.state === "done") resolve(job);
      else reject(new UserError(job.error?.code ?? "studio.stopped", job.error?.message ?? "stopped"));
    });
  });
}
