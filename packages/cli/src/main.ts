/** Entry point of the `phinets` command. */
import { readFileSync } from "node:fs";
import { exitCodes, Interruption, runProgram } from "./program.js";

// A reader that closes the pipe early (`phinets ... | head`) is not an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    try {
      process.stderr.write(`error: cannot write the output: ${error.code}\n`);
    } finally {
      process.exit(exitCodes.failed);
    }
  });
}

const interruption = new AbortController();
process.on("SIGINT", () => {
  // The first signal asks the command to end at its next safe point, the second ends it at once.
  if (interruption.signal.aborted) process.exit(exitCodes.interrupted);
  process.stderr.write("\nstopping; Ctrl-C again to stop at once\n");
  interruption.abort(new Interruption("SIGINT"));
});
process.on("SIGTERM", () => interruption.abort(new Interruption("SIGTERM")));

// A process with an IPC channel was started by another phinets and ends with it.
if (process.channel) {
  process.once("disconnect", () => process.exit(exitCodes.terminated));
  process.channel.unref();
}

// An interrupted progress bar leaves the cursor hidden and line wrapping off: restore both.
process.on("exit", () => {
  if (process.stderr.isTTY) process.stderr.write("\u001b[?25h\u001b[?7h");
});

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};
process.exitCode = await runProgram(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
  version,
});
// Worker threads and child processes must not keep an interrupted command alive.
if (interruption.signal.aborted) process.exit();
