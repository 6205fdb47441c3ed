/** Runs the command `phinets` as a child process: a button of the page runs the command line that the page shows. */
import { PhinetsError } from "@phinets/core/tensor";
import { runChild } from "@phinets/node/host";

/**
 * Runs a command line, whose first word is "phinets". Resolves when the command has ended; on abort the command is
 * asked to stop at its next safe point.
 * @param phinets program and arguments that start the command
 * @throws PhinetsError with the command's error
 */
export async function runCommand(
  words: readonly string[],
  { phinets, signal }: { readonly phinets: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  const { end, stderr } = await runChild({ phinets, words: words.slice(1), signal });
  signal.throwIfAborted();
  if (end === 0) return;
  const said = stderr.split("\n").findLast((line) => line.startsWith("error: "));
  throw new PhinetsError(
    "studio.command",
    said?.slice("error: ".length) ??
      `phinets ${words[1]} ${typeof end === "string" ? `was ended by ${end}` : `ended with ${end}`}; its run folder has what it did`,
  );
}
