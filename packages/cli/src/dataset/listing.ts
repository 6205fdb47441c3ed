import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isPictureFile } from "../picture/files.js";

/**
 * Pictures in a folder and all folders below it: paths relative to it, with `/`, in the order of their code units (the
 * same on every machine). Hidden files and folders are left out.
 */
export function listPicturesBelow(folder: string): string[] {
  const found: string[] = [];
  const walk = (below: string) => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (isPictureFile(entry.name)) found.push(path);
    }
  };
  walk("");
  return found.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
