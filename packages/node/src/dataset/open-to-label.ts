/** Opens data sets for labelling: pictures without labels are included, even where none has any. */
import { statSync } from "node:fs";
import { openBare } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { FolderTree } from "./folder-tree.js";
import { type OpenedDataset, openDataset } from "./open.js";

/**
 * As `openDataset` of one data set with its own splits; bad files and rows are left out. A folder of pictures without
 * labels opens too.
 * @param path a folder or archive
 * @param within nothing outside this folder is read, as in `openDataset`
 */
export async function openToLabel(path: string, { within }: { readonly within?: string } = {}): Promise<OpenedDataset> {
  try {
    return await openDataset([path], { bad: "leave out", complete: false, keepUnlabelled: true, within });
  } catch (error) {
    const isUnknown = error instanceof PhinetsError && error.code === "data.kind" && statSync(path).isDirectory();
    const bare = isUnknown ? await openBare(new FolderTree(path, within)) : undefined;
    if (bare === undefined) throw error;
    const { task, classes, splits } = bare;
    return { task, classes, splits, sets: [{ ...bare, path }] };
  }
}
