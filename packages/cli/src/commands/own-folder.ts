/** --out: phinets writes only into a folder that is new, empty, or written by phinets before. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { exportMark } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import { runAround } from "@phinets/node/run";
import { bytesAt } from "./own-tracks.js";

/** Files that export writes, by name, with the text by which their bytes identify phinets. */
const ownFiles: readonly (readonly [name: RegExp, mark: RegExp])[] = [
  [/(?:^|_)model\.(?:h|tflite|onnx|safetensors|pth)$/, /phinets/i],
  [/^README\.md$/, new RegExp(exportMark)],
];

/** Throws PhinetsError `cli.out` where a folder has contents and phinets did not write it. */
export function requireOwnFolder(folder: string): void {
  const fail = (problem: string): never => {
    throw new PhinetsError("cli.out", `${folder}: ${problem}; name a new folder with --out`, folder);
  };
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined || runAround(folder) !== undefined) return;
  if (!stats.isDirectory()) fail("is a file, not a folder");
  const names = readdirSync(folder);
  if (names.length === 0 || names.some((name) => isOwn(folder, name))) return;
  fail("holds files that phinets did not write, and might lose some of them");
}

/** Whether the first or last bytes of a file identify it as written by phinets. */
function isOwn(folder: string, name: string): boolean {
  const file = join(folder, name);
  return ownFiles.some(([names, mark]) => {
    if (!names.test(name)) return false;
    const stats = statSync(file);
    if (!stats.isFile()) return false;
    const { size } = stats;
    const length = Math.min(size, 65536);
    return [0, size - length].some((from) => mark.test(bytesAt(file, from, length)));
  });
}
