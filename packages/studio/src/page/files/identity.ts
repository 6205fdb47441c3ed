import { type FileTree, Survey } from "@phinets/core/data";
import { sha256 } from "./digest.js";

/**
 * Names a set that was given to the page, the same whenever it is given again: by its own name and its first picture, so
 * that it stays itself when it is labelled.
 */
export async function identityOf(tree: FileTree): Promise<string> {
  const [first] = (await Survey.of(tree)).pictures;
  const digest = first === undefined ? "" : await sha256(await tree.read(first));
  return `${tree.name} ${digest.slice(0, 32)}`;
}
