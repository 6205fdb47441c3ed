/** ffmpeg and ffprobe as child processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PhinetsError } from "@phinets/core/tensor";

export interface Tool {
  readonly child: ChildProcess;
  /** Resolves when the process has ended: its exit code, and its last line on stderr or the one that names a full disk. */
  readonly ended: Promise<{ readonly code: number | null; readonly lastLine: string; readonly diskFull: boolean }>;
}

/**
 * Starts ffmpeg or ffprobe. Throws PhinetsError when it is not installed.
 * @param stdin also "inherit", our own, or a file descriptor
 * @param onInfo told what ffmpeg says that is no error, as how fast frames come
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
    // A group of its own: Ctrl-C reaches us only, and we end the tool when its file is whole. Windows would open a console.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  let tail = "";
  const take = (text: string) => {
    tail = (tail + text).slice(-4000);
  };
  child.stderr!.setEncoding("utf8").on("data", onInfo ? linesByLevel(take, onInfo) : take);
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

/** Sorts `[h264 @ 0x55] [error] text`: errors to `onError`, without the level, the rest to `onInfo`. */
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
  // What follows from a reason that came before, as a host that is not known, says less than that.
  const consequence = /Input\/output error$|^Error marking filters as finished|^Conversion failed!/;
  const last = said.findLast((line) => !consequence.test(line)) ?? said.at(-1);
  return { lastLine: full ?? last ?? "", diskFull: full !== undefined };
}

/** A path as ffmpeg takes it: one that begins with - or has a : is not an option or a protocol. */
export function ffmpegPath(path: string): string {
  return `file:${path}`;
}

/** The words that open a file to read: what is in it may name no other protocol, so nothing on the network. */
export function ffmpegInput(path: string): string[] {
  return ["-protocol_whitelist", "file", "-i", ffmpegPath(path)];
}
