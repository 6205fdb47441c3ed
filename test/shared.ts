import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Reference outputs and real data are kept beside the checkout, never in it; tests that need them are skipped where
 * they are absent.
 */
function folder(name: string): string | undefined {
  const path = process.env.PHINETS_SHARED
    ? `${process.env.PHINETS_SHARED}/${name}`
    : fileURLToPath(new URL(`../../shared/${name}`, import.meta.url));
  if (existsSync(path)) return path;
  console.warn(`skipped: ${path} is absent; set PHINETS_SHARED to the folder that holds goldens/ and data/`);
  return undefined;
}

/** Folder of reference outputs, or undefined. */
export const goldens = folder("goldens");
/** Folder of real data sets, or undefined. */
export const sharedData = folder("data");
/** Folder of small sample inputs by kind (data/, ...), or undefined. */
export const sharedCases = folder("cases");
