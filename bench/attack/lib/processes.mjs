/** Child processes, and the folders they work in. */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { describe } from "./faults.mjs";

const mostOutput = 200_000;

/**
 * Runs a program and returns `{ code, signal, stdout, stderr, late }`; `late` if it was killed after `seconds`.
 * @param onStart receives the child process, so that it can be killed at any moment
 */
export function run(command, args, { cwd, seconds = 300, env = process.env, onStart } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const written = { stdout: "", stderr: "" };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child.pid);
    }, 1000 * seconds);
    for (const name of ["stdout", "stderr"])
      child[name].on("data", (text) => {
        if (written[name].length < mostOutput) written[name] += text;
      });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, late, ...written });
    });
    onStart?.(child);
  });
}

/** Sends SIGKILL to a program and all its children. */
export function endGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Works in a folder, which is kept if there was a fault. Anything thrown is a fault. */
export async function outcomeOf(folder, work) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let result;
  try {
    result = await work();
  } catch (error) {
    result = { outcome: "fault", problem: describe(error) };
  }
  if (result.outcome !== "fault") rmSync(folder, { recursive: true, force: true });
  return result;
}
