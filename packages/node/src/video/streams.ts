/**
 * Sources other than files: cameras, network streams, standard input. User input never becomes an ffmpeg option, and a
 * stream's content cannot make ffmpeg open a file, or a protocol that its scheme does not need.
 */
import { existsSync, readdirSync } from "node:fs";
import { PhinetsError } from "@phinets/core/tensor";
import { startTool } from "../host/ffmpeg.js";
import { mostPixels } from "../picture/limits.js";
import type { FfmpegInput } from "./decode.js";

export interface Stream extends FfmpegInput {
  /** Whether frames arrive in real time: if they are processed too slowly, some are skipped. */
  readonly live: boolean;
  /** Name for files: "camera0", "stream", "stdin". */
  readonly label: string;
}

/** Format of raw frames on standard input. */
export interface RawFrames {
  readonly width: number;
  readonly height: number;
  /** ffmpeg's name of the pixel format. */
  readonly pixelFormat: string;
  readonly framesPerSecond: number;
}

const rawFormats = ["rgb24", "bgr24", "rgba", "bgra", "gray", "gray16le", "gray16be", "yuv420p", "nv12", "yuyv422"];

/**
 * Parses "640x480", "160x120:gray16le", "640x480:bgr24@30": width x height, pixel format (default rgb24), frames per
 * second (default 25).
 */
export function parseRawFrames(text: string): RawFrames {
  const match = /^(\d{1,5})x(\d{1,5})(?::(\w+))?(?:@(\d+(?:\.\d+)?))?$/.exec(text.trim());
  const [width, height, framesPerSecond] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[4] ?? 25)];
  const pixelFormat = match?.[3] ?? "rgb24";
  if (width * height > mostPixels) {
    throw new PhinetsError("cli.usage", `--raw is ${text}; frames of at most ${mostPixels} pixels are read`);
  }
  if (!(width > 0 && height > 0 && framesPerSecond > 0) || !rawFormats.includes(pixelFormat)) {
    throw new PhinetsError(
      "cli.usage",
      `--raw is ${text}; it is WIDTHxHEIGHT[:FORMAT][@FPS], as 640x480:bgr24@30, the format one of ${rawFormats.join(", ")}`,
    );
  }
  return { width, height, pixelFormat, framesPerSecond };
}

/** Microseconds without data after which a stream counts as ended. */
const silence = "15000000";

/**
 * Protocols that each scheme needs. `file` is never among them, so a playlist from the network cannot read local files.
 */
const schemes: Readonly<Record<string, { readonly protocols: string; readonly words: readonly string[] }>> = {
  rtsp: { protocols: "rtp,udp,tcp", words: ["-rtsp_flags", "prefer_tcp", "-timeout", silence] },
  rtsps: { protocols: "rtp,udp,tcp,tls", words: ["-rtsp_flags", "prefer_tcp", "-timeout", silence] },
  rtmp: { protocols: "rtmp,tcp", words: ["-rw_timeout", silence] },
  rtmps: { protocols: "rtmps,tls,tcp", words: ["-rw_timeout", silence] },
  http: { protocols: "http,https,tls,tcp,crypto", words: ["-rw_timeout", silence] },
  https: { protocols: "http,https,tls,tcp,crypto", words: ["-rw_timeout", silence] },
};

export interface StreamOptions {
  readonly raw?: RawFrames;
  /** File descriptor of standard input. Default: the process's own. */
  readonly stdin?: number;
}

/**
 * Interprets `source` as a stream: "-", a camera's number (where no file has that name) or device, a URL. Undefined for
 * anything else, which is a path. Throws PhinetsError for an unsupported scheme, a missing camera, or a terminal as
 * input.
 */
export async function streamOf(source: string, options: StreamOptions = {}): Promise<Stream | undefined> {
  const { raw } = options;
  if (source === "-") return standardInput(options);
  if (raw) throw new PhinetsError("cli.usage", "--raw is only for frames on standard input; give - as the source");
  if (/^\d{1,3}$/.test(source) && !existsSync(source)) return camera(Number(source));
  const device = /^\/dev\/video(\d{1,3})$/.exec(source);
  if (device && process.platform === "linux") return camera(Number(device[1]));
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1].toLowerCase();
  return scheme === undefined ? undefined : networkStream(source, scheme);
}

function standardInput({ raw, stdin }: StreamOptions): Stream {
  if (stdin === undefined && process.stdin.isTTY) {
    throw new PhinetsError(
      "video.stdin",
      "standard input is the keyboard; pipe a video into it, as cat clip.mp4 | phinets predict - --model RUN",
      "-",
    );
  }
  const { width, height, pixelFormat, framesPerSecond } = raw ?? {};
  const size = `${width}x${height}`;
  const format = [
    "-f",
    "rawvideo",
    "-pixel_format",
    `${pixelFormat}`,
    "-video_size",
    size,
    "-framerate",
    `${framesPerSecond}`,
  ];
  const words = ["-protocol_whitelist", "pipe", ...(raw ? format : []), "-i", "pipe:0"];
  return { name: "standard input", label: "stdin", words, stdin: stdin ?? "inherit", live: false };
}

function networkStream(source: string, scheme: string): Stream {
  const known = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  let url: URL | undefined;
  try {
    url = new URL(source);
  } catch {} // reported below
  if (!known || !url?.hostname || /[\s\0]/.test(source)) {
    const what = known ? "is no URL" : `has the scheme ${scheme}`;
    throw new PhinetsError(
      "video.url",
      `${withoutPassword(source)}: ${what}; a stream is ${Object.keys(schemes).join("://HOST/..., ")}://HOST/...`,
      source,
    );
  }
  const { protocols, words } = known;
  return {
    name: withoutPassword(source),
    label: "stream",
    words: ["-protocol_whitelist", protocols, ...words, "-i", url.href],
    live: !scheme.startsWith("http"),
  };
}

/** A URL that may be shown and stored. */
function withoutPassword(url: string): string {
  return url.replace(/^([a-z0-9+.-]+:\/\/)[^/?#]*@/i, "$1***@");
}

async function camera(number: number): Promise<Stream> {
  const stream = (words: readonly string[]): Stream => ({
    name: `camera ${number}`,
    label: `camera${number}`,
    words,
    live: true,
  });
  const missing = (found: readonly string[]) => {
    const remedy =
      found.length > 0 ? `there are ${found.join(", ")}` : "connect one, or give a video, a folder or a URL";
    throw new PhinetsError("video.camera", `camera ${number}: no such camera; ${remedy}`, String(number));
  };
  if (process.platform === "darwin") return stream(["-f", "avfoundation", "-framerate", "30", "-i", `${number}:none`]);
  if (process.platform === "win32") {
    const cameras = await directShowCameras();
    if (number >= cameras.length) missing(cameras.map((name, i) => `${i} (${name})`));
    return stream(["-f", "dshow", "-i", `video=${cameras[number]}`]);
  }
  const device = `/dev/video${number}`;
  if (!existsSync(device))
    missing(existsSync("/dev") ? readdirSync("/dev").filter((name) => /^video\d+$/.test(name)) : []);
  return stream(["-f", "v4l2", "-i", device]);
}

/**
 * Names of DirectShow's cameras, by number. Names with a colon are skipped: ffmpeg would read the rest as a second
 * device.
 */
async function directShowCameras(): Promise<string[]> {
  const lines: string[] = [];
  const words = ["-list_devices", "true", "-f", "dshow", "-i", "dummy"];
  const { ended } = await startTool("ffmpeg", words, "ignore", (line) => lines.push(line));
  await ended;
  return parseDirectShowCameras(lines);
}

/** `[dshow @ 0x1] [info] "Integrated Camera" (video)` -> Integrated Camera */
export function parseDirectShowCameras(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /"([^":]+)" \((?:video|none)\)/.exec(line)?.[1] ?? []);
}

/**
 * Yields the newest item whenever one is requested; earlier ones that were not requested are skipped.
 * @param stop ends `items`, which may wait forever for its next item
 */
export async function* newest<T>(items: AsyncIterable<T>, stop: () => void): AsyncGenerator<T, void, undefined> {
  let held: { readonly item: T } | undefined;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let wake = () => {};
  const pump = (async () => {
    try {
      for await (const item of items) {
        held = { item };
        wake();
      }
    } catch (error) {
      failure = { error };
    }
    ended = true;
    wake();
  })();
  try {
    for (;;) {
      if (held) {
        const { item } = held;
        held = undefined;
        yield item;
      } else if (ended) {
        break;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    if (failure) throw (failure as { error: unknown }).error;
  } finally {
    if (!ended) stop();
    await pump;
  }
}
