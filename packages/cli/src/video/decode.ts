/** Video files to frames. */
import { existsSync, statSync } from "node:fs";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { ffmpegPath, startTool } from "./tools.js";

export interface VideoInfo {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** As the container says; undefined when it does not. A guess where the duration had to be used. */
  readonly frames?: number;
}

/** Size, rate and length of the first video stream. Throws PhinetsError for what is not a video. */
export async function probeVideo(path: string): Promise<VideoInfo> {
  if (!existsSync(path)) throw new PhinetsError("video.missing", `${path}: no such file`, path);
  if (!statSync(path).isFile()) throw new PhinetsError("video.missing", `${path}: a folder, not a video file`, path);
  const entries = "stream=width,height,avg_frame_rate,r_frame_rate,nb_frames,duration:format=duration";
  const words = ["-select_streams", "v:0", "-show_entries", entries, "-of", "json", ffmpegPath(path)];
  const { child, ended } = await startTool("ffprobe", words, "ignore");
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  const { code, lastLine } = await ended;
  const fail = (reason: string): never => {
    throw new PhinetsError("video.probe", `${path}: not a video that ffmpeg reads: ${reason}`, path);
  };
  if (code !== 0) fail(lastLine.replace(`${ffmpegPath(path)}: `, "") || `ffprobe ended with ${code}`);
  const probe = JSON.parse(text) as { streams?: Record<string, string | number>[]; format?: Record<string, string> };
  const stream = probe.streams?.[0];
  if (!stream || !(Number(stream.width) > 0)) return fail("it has no picture");
  const framesPerSecond = [stream.avg_frame_rate, stream.r_frame_rate].map(rate).find((value) => value > 0) ?? 25;
  const counted = Number(stream.nb_frames);
  const seconds = Number(stream.duration ?? probe.format?.duration);
  const frames = counted > 0 ? counted : seconds > 0 ? Math.round(seconds * framesPerSecond) : undefined;
  return { width: Number(stream.width), height: Number(stream.height), framesPerSecond, frames };
}

/** "30000/1001" -> 29.97; 0 for "0/0". */
function rate(text: unknown): number {
  const [above, below = "1"] = String(text ?? "").split("/");
  const value = Number(above) / Number(below);
  return Number.isFinite(value) && value > 0 && value < 1000 ? value : 0;
}

export interface DecodeOptions {
  /** Scales every frame to this size; default: as it is. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly signal?: AbortSignal;
}

/**
 * Every frame of a video once, in order, upright, as RGB. The decoder waits while the caller works; leaving the loop
 * early ends it. Throws PhinetsError when ffmpeg fails or there is no frame.
 */
export async function* decodeVideo(
  path: string,
  options: DecodeOptions = {},
): AsyncGenerator<Picture, void, undefined> {
  const { size, signal } = options;
  const scale = size ? ["-vf", `scale=${size.width}:${size.height}:flags=bicubic`] : [];
  // PPM carries its size with each frame, so turned or changing frames need no guess. passthrough: no frame twice.
  const output = ["-fps_mode", "passthrough", "-an", "-sn", "-f", "image2pipe", "-c:v", "ppm", "pipe:1"];
  const { child, ended } = await startTool(
    "ffmpeg",
    ["-nostdin", "-i", ffmpegPath(path), "-map", "0:v:0", ...scale, ...output],
    "ignore",
  );
  const stop = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop);
  let finished = false;
  try {
    let frames = 0;
    for await (const picture of parsePpm(child.stdout!)) {
      signal?.throwIfAborted();
      frames++;
      yield picture;
    }
    const { code, lastLine } = await ended;
    finished = true;
    signal?.throwIfAborted();
    if (code !== 0 || frames === 0) {
      const reason = lastLine || (code === 0 ? "it has no frames" : `ffmpeg ended with ${code}`);
      throw new PhinetsError("video.decode", `${path}: cannot decode after ${frames} frames: ${reason}`, path);
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    if (!finished) {
      stop();
      await ended;
    }
  }
}

/** Splits a stream of binary PPM pictures (P6, 8 bits), each with a buffer of its own. A cut last picture is dropped. */
export async function* parsePpm(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Picture, void, undefined> {
  let head = "";
  let picture: { width: number; height: number; channels: 3; data: Uint8Array } | undefined;
  let filled = 0;
  for await (const chunk of chunks) {
    let position = 0;
    while (position < chunk.length) {
      if (!picture) {
        head += String.fromCharCode(chunk[position++]);
        const match = /^P6\s(\d+)\s(\d+)\s255\s$/.exec(head);
        if (match) {
          const [width, height] = [Number(match[1]), Number(match[2])];
          picture = { width, height, channels: 3, data: new Uint8Array(width * height * 3) };
          filled = 0;
          head = "";
        } else if (head.length > 40) throw new Error(`not a PPM header: ${JSON.stringify(head)}`);
        continue;
      }
      const count = Math.min(chunk.length - position, picture.data.length - filled);
      picture.data.set(chunk.subarray(position, position + count), filled);
      filled += count;
      position += count;
      if (filled === picture.data.length) {
        yield picture;
        picture = undefined;
      }
    }
  }
}
