/** Where label files that the page writes go: the folder that was picked, or the browser's own storage. */
import type { FileTree } from "@phinets/core/data";
import type { ReadonlySignal } from "@preact/signals";

/** What is kept in the browser, until it is where the set is. */
export interface KeptLabels {
  /** Label files that differ from what was opened. */
  readonly count: ReadonlySignal<number>;
  /** How many of them differ from what they were made of, as somebody else has changed that. */
  readonly outdated: ReadonlySignal<number>;
  /** A .zip: the whole set where it was one, else the files that differ. */
  download(): Promise<void>;
  /** From now on the set is as it was opened. */
  discard(): Promise<void>;
}

/** Paths are those of `tree`. */
export interface LabelStorage {
  /** Names what was opened, and does so again after the page was loaded anew. */
  readonly identity: string;
  /** What was opened, with what was written since. */
  readonly tree: FileTree;
  readonly kept?: KeptLabels;
  /** Sees what others wrote meanwhile. */
  refresh(): Promise<void>;
  /** Asks the user for what writing needs. Throws PhinetsError `data.edit` where it was refused. */
  begin(): Promise<void>;
  /** Undefined where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** As a whole or not at all. */
  write(path: string, bytes: Uint8Array): Promise<void>;
}
