/**
 * What changes in the folders that rooms show, whoever works in them: one walk for all kinds, while a page listens. Pages
 * hear of a change and ask; none asks again and again.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { runHolder } from "@phinets/node/run";
import type { Jobs } from "./jobs.js";
import type { Place, Places } from "./places.js";

export interface WatchedKind {
  /** Whether a folder is of the kind, as its own entries say. */
  readonly isOne: (path: string) => boolean;
  /** Files that tell by their times and sizes that something happened. */
  readonly files: readonly string[];
  /** Says to the pages what has changed, or with a stamp of "" that the folder is none any more. */
  readonly tell: (place: Place, stamp: string) => void;
}

const watchEveryMs = 700;
/** Of very many folders a look takes long: at most one part in so many of the server's time. */
const leastRest = 5;

export class Watch {
  readonly #kinds: Readonly<Record<string, WatchedKind>>;
  readonly #walk: () => Record<string, Place[]>;
  /** By kind, then by the place's name. */
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

  /** Tells what has changed since it was told last. Nothing is read where no page listens. */
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

  /** Tells the pages that something changed which a folder's files do not show. */
  touch(kind: string, id: string): void {
    const known = this.#known.get(kind)?.get(id);
    if (known !== undefined) known.stamp = "";
    this.look();
  }
}

/** Changes with the files, and with who works in the folder. */
export function stampOf(path: string, files: readonly string[]): string {
  const times = files.map((name) => {
    const stats = statSync(join(path, name), { throwIfNoEntry: false });
    return stats === undefined ? "" : `${stats.size}.${Math.round(stats.mtimeMs)}`;
  });
  // A killed process leaves its lock: whether it lives is no matter of files.
  return [...times, runHolder(path)?.work ?? ""].join(" ");
}
