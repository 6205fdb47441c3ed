/** --out: what phinets writes into is new, empty, or what it wrote before. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { exportMark } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import { runAround } from "@phinets/node/run";
import { bytesAt } from "./own-tracks.js";

/** What export writes, by name; each says in its bytes who made it. */
const ownFiles: readonly (readonly [name: RegExp, mark: RegExp])[] = [
  [/(?:^|_)model\.(?:h|tflite|onnx|safetensors|pth)$/, /phinets/i],
  [/^README\.md$/, new RegExp(exportMark)],
];

/** Throws PhinetsError `cli.out` where a folder holds what phinets did not write. */
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

/** Whether the first or the last bytes of a file of ours name us. */
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
