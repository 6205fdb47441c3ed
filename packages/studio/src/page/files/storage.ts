/** Interface of the storage for label files that the page writes: the picked folder, or the browser's own storage. */
import type { FileTree } from "@phinets/core/data";
import type { ReadonlySignal } from "@preact/signals";

/** Files kept in the browser until they are part of the data set. */
export interface KeptLabels {
  /** Number of label files that differ from those opened. */
  readonly count: ReadonlySignal<number>;
  /** Number of those whose original has been changed by somebody else. */
  readonly outdated: ReadonlySignal<number>;
  /** Offers a .zip: the whole data set where it was a .zip, else the differing files. */
  download(): Promise<void>;
  /** Discards the files, so that the data set is as it was opened. */
  discard(): Promise<void>;
}

/** Paths are those of `tree`. */
export interface LabelStorage {
  /** Identifies what was opened, also after the page is reloaded. */
  readonly identity: string;
  /** What was opened, with the files written since. */
  readonly tree: FileTree;
  readonly kept?: KeptLabels;
  /** Takes in what others have written in the meantime. */
  refresh(): Promise<void>;
  /** Asks the user for the permission to write. Throws PhinetsError `data.edit` where it is refused. */
  begin(): Promise<void>;
  /** Undefined where the file does not exist. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Writes a file atomically. */
  write(path: string, bytes: Uint8Array): Promise<void>;
}
