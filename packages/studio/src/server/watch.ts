/**
 * Watches the folders that rooms show, whichever process changes them: one walk for all kinds, only while a page
 * listens. Pages are told of changes and then request the data, so they need no polling.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { runHolder } from "@phinets/node/run";
import type { Jobs } from "./jobs.js";
import type { Place, Places } from "./places.js";

export interface WatchedKind {
  /** Tests whether a folder is of the kind, judging by its own entries. */
  readonly isOne: (path: string) => boolean;
  /** Files whose times and sizes show a change. */
  readonly files: readonly string[];
  /** Tells the pages about a change; a `stamp` of "" means that the folder is no longer of the kind. */
  readonly tell: (place: Place, stamp: string) => void;
}

const watchEveryMs = 700;
/** With very many folders a look takes long: looks take at most one part in this many of the server's time. */
const leastRest = 5;

export class Watch {
  readonly #kinds: Readonly<Record<string, WatchedKind>>;
  readonly #walk: () => Record<string, Place[]>;
  /** By kind, then by the place's id. */
  readonly #known = new Map<string, Map<string, { readonly place: Place; stamp: string }>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    places: Places,
    readonly jobs: Jobs,
    kinds: Readonly<Record<string, WatchedKind>>,
  ) {
    this.#kinds = kinds;
    for (const kind of Object.keys(kinds)) this.#known.set(kind, new Map());
    this.#walk = places.walk(Object.fromEntries(Object.entries(kinds).map(([kind, { isOne }]) => [kind, isOne])));
    this.#lookAfter(watchEveryMs);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #lookAfter(ms: number): void {
    this.#timer = setTimeout(() => {
      const begun = performance.now();
      this.look();
      this.#lookAfter(Math.max(watchEveryMs, (leastRest - 1) * (performance.now() - begun)));
    }, ms);
    this.#timer.unref();
  }

  /** Reports what has changed since the last look. Reads nothing where no page listens. */
  look(): void {
    if (!this.jobs.isHeard) return;
    for (const [kind, found] of Object.entries(this.#walk())) {
      const [known, { files, tell }] = [this.#known.get(kind)!, this.#kinds[kind]];
      const there = new Set(found.map(({ id }) => id));
      for (const [id, { place }] of known) {
        if (there.has(id)) continue;
        known.delete(id);
        tell(place, "");
      }
      for (const place of found) {
        const stamp = stampOf(place.path, files);
        if (known.get(place.id)?.stamp === stamp) continue;
        known.set(place.id, { place, stamp });
        tell(place, stamp);
      }
    }
  }

  /** Reports a change that does not show in the folder's files. */
  touch(kind: string, id: string): void {
    const known = this.#known.get(kind)?.get(id);
    if (known !== undefined) known.stamp = "";
    this.look();
  }
}

/** A text that changes with the files, and with the process that works in the folder. */
export function stampOf(path: string, files: readonly string[]): string {
  const times = files.map((name) => {
    const stats = statSync(join(path, name), { throwIfNoEntry: false });
    return stats === undefined ? "" : `${stats.size}.${Math.round(stats.mtimeMs)}`;
  });
  // A killed process leaves its lock, so whether it lives is not visible in the files.
  return [...times, runHolder(path)?.work ?? ""].join(" ");
}
