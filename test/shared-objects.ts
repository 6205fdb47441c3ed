/** Shares the objects of the firmware's kernels among all tests: each is compiled once, not once per test file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "phinets-objects-"));
  process.env.PHINETS_OBJECTS = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
