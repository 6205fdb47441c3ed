/**
 * Temporary folders, deleted after a campaign. They are in memory where the system has a memory file system, because
 * writing many small files to a disk is slow.
 */
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const memory = "/dev/shm";
/** Approximate maximum size of a campaign's folders and objects. */
const neededBytes = 2 ** 30;

/** Creates an empty folder with a unique name, readable by other users. */
export function makeScratch(prefix) {
  const folder = mkdtempSync(join(hasRoom() ? memory : tmpdir(), prefix));
  chmodSync(folder, 0o755);
  if (runsPrograms(folder)) return folder;
  rmSync(folder, { recursive: true });
  return mkdtempSync(join(tmpdir(), prefix));
}

function hasRoom() {
  if (!existsSync(memory)) return false;
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize >= neededBytes;
}

/** Whether programs in the folder can be executed; containers may mount memory file systems without that permission. */
function runsPrograms(folder) {
  const file = join(folder, "program");
  writeFileSync(file, "", { mode: 0o755 });
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(file);
  }
}

/** Removes the folder; files that faults left in its `work` move to that of `folder`. */
export function endScratch(scratch, folder) {
  const left = join(scratch, "work");
  if (existsSync(left)) cpSync(left, join(folder, "work"), { recursive: true, verbatimSymlinks: true });
  rmSync(scratch, { recursive: true, force: true });
}
