/** Label sets on disk: files are written atomically, never through a link, and only in the opened folder. */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { type LabelHost, LabelSet } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "../files/regular-file.js";
import { writeFileAtomic } from "../host/atomic.js";
import { pictureSizeOf } from "../picture/decode.js";
import { addToYaml } from "../text/yaml-names.js";
import type { OpenedDataset } from "./open.js";
import { openToLabel } from "./open-to-label.js";

export interface LabelSetOptions {
  /** Folder outside of which nothing is written. Default: the data set's own. */
  readonly within?: string;
}

/** Opens the label set of a folder. Throws PhinetsError as `openToLabel` and `labelSetOf` do. */
export async function openLabelSet(path: string, options?: LabelSetOptions): Promise<LabelSet> {
  return labelSetOf(await openToLabel(path), options);
}

/** The label set of an opened data set. Throws PhinetsError `data.edit` where its labels cannot be changed in place. */
export async function labelSetOf(opened: OpenedDataset, { within }: LabelSetOptions = {}): Promise<LabelSet> {
  const { sets } = opened;
  const [set] = sets;
  const { path } = set;
  // Joined data sets share no label file.
  const tree = { ...set, places: sets.length > 1 ? undefined : set.places };
  const made = await LabelSet.of(tree, diskHost(within ?? path), path);
  if (!existsSync(path) || !lstatSync(realpathSync(path)).isDirectory())
    throw new PhinetsError("data.edit", `${path}: is an archive, which is not changed; unpack it into a folder`, path);
  return made;
}

/** @param within path of a folder outside of which nothing is written */
function diskHost(within: string): LabelHost {
  const root = realpathSync.native(within);
  return {
    pictureSize: pictureSizeOf,
    read: (file, most) =>
      lstatSync(file, { throwIfNoEntry: false }) === undefined ? undefined : readRegularSync(file, { most }),
    requirePlace: (file) => requirePlace(file, root),
    write: writeFileAtomic,
    digest: (bytes) => createHash("sha256").update(bytes).digest("base64url").slice(0, 27),
    addToYaml,
    inTurn,
  };
}

/** Writes of all label sets of this process run one after another, because a folder may be opened twice. */
let last: Promise<unknown> = Promise.resolve();

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const next = last.then(work);
  last = next.catch(() => undefined);
  return next;
}

/** Requires that a file is not a link, not write-protected, and in the opened folder once links are resolved. */
function requirePlace(file: string, root: string): void {
  const refuse = (problem: string): never => {
    throw new PhinetsError("data.edit", `${file}: ${problem}`, file);
  };
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink()) refuse("is a link, which is not followed; put the file itself there");
  if (stats !== undefined && (stats.mode & 0o222) === 0)
    refuse("is read-only; allow writing it, and it is saved again");
  let folder = dirname(resolve(file));
  while (!existsSync(folder)) folder = dirname(folder);
  const below = relative(root, realpathSync.native(folder));
  if (below === ".." || below.startsWith(`..${sep}`) || resolve(root, below) !== realpathSync.native(folder))
    refuse(`lies outside ${root}, where nothing is written; open a folder that holds it too`);
}
