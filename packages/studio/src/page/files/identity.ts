import { type FileTree, Survey } from "@phinets/core/data";
import { sha256 } from "./digest.js";

/**
 * Identifies a data set whenever it is opened again: by its name and its first picture, so that labelling does not
 * change it.
 */
export async function identityOf(tree: FileTree): Promise<string> {
  const [first] = (await Survey.of(tree)).pictures;
  const digest = first === undefined ? "" : await sha256(await tree.read(first));
  return `${tree.name} ${digest.slice(0, 32)}`;
}
