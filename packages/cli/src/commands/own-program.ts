/** The command line of this program, for starting it as a child process. */
import { fileURLToPath } from "node:url";

/** Program and first arguments that start the command `phinets`. */
export const ownProgram: readonly string[] = [
  process.execPath,
  fileURLToPath(new URL("../../bin/phinets.js", import.meta.url)),
];
