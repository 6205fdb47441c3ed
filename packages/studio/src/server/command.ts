/** The command `phinets` as a child process: what a button of the page does is the line that it shows. */
import { PhinetsError } from "@phinets/core/tensor";
import { runChild } from "@phinets/node/host";

/**
 * Runs the words of a line, "phinets" first. Ends when the command has; aborted, it is asked to stop at its next safe point.
 * @param phinets program and arguments that are the command
 * @throws PhinetsError with what the command says went wrong
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
