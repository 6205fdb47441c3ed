/** The files of a network: of a run on the server, or of a folder or .zip that was opened in the page. */
import { baseName, type FileTree, folderOf } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import type { RunEntry } from "../../shared/runs.js";
import { addressOf, UserError } from "../api.js";
import type { GivenFile } from "./given-files.js";
import { treeOf } from "./open.js";

export type NetworkFiles = Readonly<Record<string, Uint8Array>>;

const names = ["network.json", "quantized.json", "quantized.safetensors", "weights/best.safetensors"];
/** Size limit of each file. */
const mostBytes = 512 * 1024 * 1024;
/** Number of folders to search in a tree. */
const mostFolders = 1000;

export async function filesOfRun({ id, hasInt8, hasWeights }: RunEntry): Promise<NetworkFiles> {
  const wanted = names.filter(
    (name) => (hasInt8 || !name.startsWith("quantized")) && (hasWeights || !name.startsWith("weights")),
  );
  const contents = await Promise.all(
    wanted.map(async (name) => {
      const response = await fetch(addressOf("runs/file", { run: id, name }));
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      const { error } = await response.json();
      throw new UserError(error.code, error.message, error.path);
    }),
  );
  return Object.fromEntries(wanted.map((name, n) => [name, contents[n]]));
}

/** Files of the first run folder among the given ones. Throws PhinetsError where there is none. */
export async function filesOfTree(given: readonly GivenFile[]): Promise<NetworkFiles> {
  const tree = await treeOf(given);
  const folder = await runIn(tree);
  if (folder === undefined)
    throw new PhinetsError(
      "run.missing",
      `${tree.locate("").replace(/\/$/, "")}: has no network.json; choose a run folder, for example runs/detect/train`,
    );
  const found: Record<string, Uint8Array> = {};
  for (const name of names) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const entries = await tree.list(folderOf(path));
    if (entries?.files.includes(baseName(path))) found[name] = await tree.read(path, { most: mostBytes });
  }
  return found;
}

/** The run folder nearest to the top. */
async function runIn(tree: FileTree): Promise<string | undefined> {
  const folders = [""];
  for (let n = 0; n < Math.min(folders.length, mostFolders); n++) {
    const entries = await tree.list(folders[n]);
    if (entries?.files.includes("network.json")) return folders[n];
    folders.push(...(entries?.folders ?? []).map((name) => (folders[n] === "" ? name : `${folders[n]}/${name}`)));
  }
  return undefined;
}
