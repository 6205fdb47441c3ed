/** Workers of a queue as a user starts them: processes of the built command line, in folders of their own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The built command line: plain Node does not read TypeScript. */
export const bin = fileURLToPath(new URL("../packages/cli/bin/phinets.js", import.meta.url));

/** Whether the build that workers need exists. */
export const workersBuilt = existsSync(fileURLToPath(new URL("../packages/queue/dist/index.js", import.meta.url)));

export interface TestWorker {
  readonly child: ChildProcess;
  readonly work: string;
  said(): string;
}

/** Starts a worker whose folder shares nothing with the sweep or command. */
export function startWorker(
  folder: string,
  { queue, words = [] }: { readonly queue: string; readonly words?: readonly string[] },
  env: NodeJS.ProcessEnv = process.env,
): TestWorker {
  mkdirSync(folder, { recursive: true });
  const work = join(folder, "work");
  const all = [bin, "worker", "--queue", queue, "--work", work, "--workers", "1", ...words];
  const child = spawn(process.execPath, all, { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return { child, work, said: () => stderr };
}

export async function endWorker({ child }: Pick<TestWorker, "child">, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

/** Processes that a worker has started whose command lines contain `program`. */
export const processesOf = ({ work }: Pick<TestWorker, "work">, program: string): string[] =>
  execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(program) && line.includes(work));

export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 2400) throw new Error(`${what}: not within four minutes`);
    await setTimeout(100);
  }
}
