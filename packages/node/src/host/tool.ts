/** Runs the programs of the tool chain. */
import { spawn } from "node:child_process";
import { PhinetsError } from "@phinets/core/tensor";

export interface ToolResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolOptions {
  readonly cwd?: string;
  /** Time limit in milliseconds. Default: none. */
  readonly timeoutMs?: number;
  /** Ends the program when aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a program without a shell and waits for it; a failing exit code is not an error here. Throws PhinetsError when
 * the program is not installed (naming what installs it) and when it exceeds `timeoutMs`.
 */
export function runTool(command: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      stdio: ["ignore", "pipe", "pipe"],
      signal: options.signal,
      windowsHide: true,
    });
    let timedOut = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill("SIGKILL");
          }, options.timeoutMs);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(error.code === "ENOENT" ? missingTool(command) : error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (timedOut) {
        reject(
          new PhinetsError(
            "emulator.timeout",
            `${command}: still running after ${options.timeoutMs! / 1000} s; stopped`,
          ),
        );
      } else resolve({ exitCode: code ?? 128, stdout, stderr: signal === null ? stderr : `${stderr}\n${signal}` });
    });
  });
}

/** Whether a program is installed. */
export async function hasTool(command: string): Promise<boolean> {
  try {
    await runTool(command, ["--version"]);
    return true;
  } catch (error) {
    if (error instanceof PhinetsError && error.code === "emulator.tool") return false;
    throw error;
  }
}

export function missingTool(command: string): PhinetsError {
  return new PhinetsError("emulator.tool", `${command} is not installed; \`npm run setup\` installs it`);
}
