/** ffmpeg and ffprobe as child processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PhinetsError } from "@phinets/core/tensor";

export interface Tool {
  readonly child: ChildProcess;
  /** Resolves when the process has ended: its exit code, and its last line on stderr or the one that names a full disk. */
  readonly ended: Promise<{ readonly code: number | null; readonly lastLine: string; readonly diskFull: boolean }>;
}

/** Starts ffmpeg or ffprobe. Throws PhinetsError when it is not installed. */
export async function startTool(
  name: "ffmpeg" | "ffprobe",
  words: readonly string[],
  stdin: "pipe" | "ignore",
): Promise<Tool> {
  const child = spawn(name, ["-hide_banner", "-loglevel", "error", ...words], {
    stdio: [stdin, "pipe", "pipe"],
    // A group of its own: Ctrl-C reaches us only, and we end the tool when its file is whole.
    detached: true,
  });
  let tail = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-4000);
  });
  // A reader that has gone shows as the exit code below, with ffmpeg's reason; EPIPE itself says nothing.
  child.stdin?.on("error", () => {});
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...lastWords(tail) }));
  ended.catch(() => {});
  try {
    await once(child, "spawn");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new PhinetsError(
        "video.no-ffmpeg",
        `${name} is not installed, and video needs it; npm run setup installs it (or give a folder of pictures)`,
      );
    }
    throw error;
  }
  return { child, ended };
}

function lastWords(tail: string) {
  const lines = tail.split("\n").map((line) => line.trim().replace(/ @ 0x[0-9a-f]+/g, "")); // [codec @ address] -> [codec]
  const full = lines.find((line) => line.includes("No space left on device"));
  const last = lines.findLast((line) => line !== "" && !line.startsWith("Last message repeated"));
  return { lastLine: full ?? last ?? "", diskFull: full !== undefined };
}

/** A path as ffmpeg takes it: one that begins with - or has a : is not an option or a protocol. */
export function ffmpegPath(path: string): string {
  return `file:${path}`;
}
