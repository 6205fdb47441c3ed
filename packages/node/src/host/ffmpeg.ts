/** Runs ffmpeg and ffprobe as child processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PhinetsError } from "@phinets/core/tensor";

export interface Tool {
  readonly child: ChildProcess;
  /**
   * Resolves when the process has ended, with its exit code and its last line on stderr, or the line that reports a
   * full disk.
   */
  readonly ended: Promise<{ readonly code: number | null; readonly lastLine: string; readonly diskFull: boolean }>;
}

/**
 * Starts ffmpeg or ffprobe. Throws PhinetsError when it is not installed.
 * @param stdin also "inherit", for this process's own, or a file descriptor
 * @param onInfo receives ffmpeg's messages that are not errors, such as the frame rate
 */
export async function startTool(
  name: "ffmpeg" | "ffprobe",
  words: readonly string[],
  stdin: "pipe" | "ignore" | "inherit" | number,
  onInfo?: (line: string) => void,
): Promise<Tool> {
  const level = onInfo ? ["-nostats", "-loglevel", "level+info"] : ["-loglevel", "error"];
  const child = spawn(name, ["-hide_banner", ...level, ...words], {
    stdio: [stdin, "pipe", "pipe"],
    // In a process group of its own, so that Ctrl-C reaches only this process, which ends the tool once its file is
    // complete. Windows would open a console.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  let tail = "";
  const take = (text: string) => {
    tail = (tail + text).slice(-4000);
  };
  child.stderr!.setEncoding("utf8").on("data", onInfo ? linesByLevel(take, onInfo) : take);
  // If the reader has exited, the exit code below reports it with ffmpeg's reason; EPIPE itself says nothing.
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

/**
 * Separates lines such as `[h264 @ 0x55] [error] text`: errors go to `onError`, without the level, the rest to
 * `onInfo`.
 */
function linesByLevel(onError: (line: string) => void, onInfo: (line: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const error = /\[(?:error|fatal|panic)\] /.exec(line);
      if (error) onError(`${line.replace(error[0], "")}\n`);
      else onInfo(line);
    }
  };
}

function lastWords(tail: string) {
  const lines = tail.split("\n").map((line) => line.trim().replace(/ @ 0x[0-9a-f]+/g, "")); // [codec @ address] -> [codec]
  const full = lines.find((line) => line.includes("No space left on device"));
  const said = lines.filter((line) => line !== "" && !line.startsWith("Last message repeated"));
  // These messages follow from an earlier, more specific one, such as an unknown host.
  const consequence = /Input\/output error$|^Error marking filters as finished|^Conversion failed!/;
  const last = said.findLast((line) => !consequence.test(line)) ?? said.at(-1);
  return { lastLine: full ?? last ?? "", diskFull: full !== undefined };
}

/** A path for ffmpeg: the prefix keeps it from being read as an option (leading -) or a protocol (a colon). */
export function ffmpegPath(path: string): string {
  return `file:${path}`;
}

/**
 * The arguments that open a file for reading. Playlists inside the file cannot name other protocols, and thus nothing
 * on the network.
 */
export function ffmpegInput(path: string): string[] {
  return ["-protocol_whitelist", "file", "-i", ffmpegPath(path)];
}
