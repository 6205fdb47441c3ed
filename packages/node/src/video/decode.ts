/** Decodes video files and streams to frames. */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { ffmpegInput, ffmpegPath, startTool } from "../host/ffmpeg.js";
import { type Bands, bandsToPicture, type PixelRange } from "../picture/bands.js";
import { mostPixels } from "../picture/limits.js";
import { bigEndian16 } from "../picture/netpbm.js";

export interface VideoInfo {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** Number of frames stated in the container, or an estimate from the duration; undefined where neither is known. */
  readonly frames?: number;
  /** Whether `frames` is stated, not estimated. */
  readonly counted: boolean;
  /** Whether the frame rate is constant, so that a frame's time gives its number. */
  readonly steady: boolean;
  /** Time of the first frame in seconds, on the clock of `onTime`. */
  readonly startSeconds: number;
  /** ffmpeg's name of the pixel format, such as yuv420p10le. */
  readonly pixelFormat: string;
}

/** Size, rate and length of the first video stream. Throws PhinetsError where the file is not a video. */
export async function probeVideo(path: string): Promise<VideoInfo> {
  if (!existsSync(path)) throw new PhinetsError("video.missing", `${path}: no such file`, path);
  if (!statSync(path).isFile()) {
    const what = statSync(path).isDirectory() ? "a folder" : "no regular file; pipe it into standard input (-)";
    throw new PhinetsError("video.missing", `${path}: not a video file: ${what}`, path);
  }
  const fail = (reason: string): never => {
    throw new PhinetsError("video.probe", `${path}: not a video that ffmpeg reads: ${reason}`, path);
  };
  if (isPlaylist(path)) fail("it is a playlist, which names other files; give one of those");
  const ofStream = "stream=width,height,avg_frame_rate,r_frame_rate,nb_frames,duration,start_time,pix_fmt";
  const entries = `${ofStream}:format=duration,start_time`;
  const words = ["-select_streams", "v:0", "-show_entries", entries, "-of", "json", ...ffmpegInput(path)];
  const { child, ended } = await startTool("ffprobe", words, "ignore");
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  const { code, lastLine } = await ended;
  if (code !== 0) fail(lastLine.replace(`${ffmpegPath(path)}: `, "") || `ffprobe ended with ${code}`);
  const probe = JSON.parse(text) as { streams?: Record<string, string | number>[]; format?: Record<string, string> };
  const stream = probe.streams?.[0];
  if (!stream || !(Number(stream.width) > 0)) return fail("it has no picture");
  const framesPerSecond = [stream.avg_frame_rate, stream.r_frame_rate].map(rate).find((value) => value > 0) ?? 25;
  const counted = Number(stream.nb_frames);
  const seconds = Number(stream.duration ?? probe.format?.duration);
  const frames = counted > 0 ? counted : seconds > 0 ? Math.round(seconds * framesPerSecond) : undefined;
  const pixelFormat = String(stream.pix_fmt ?? "");
  const { width, height } = stream;
  if (Number(width) * Number(height) > mostPixels)
    fail(`its frames are ${width}x${height}, more than the ${mostPixels} pixels that are decoded`);
  return {
    width: Number(width),
    height: Number(height),
    framesPerSecond,
    frames,
    counted: counted > 0,
    steady: counted > 0 && rate(stream.avg_frame_rate) > 0 && stream.avg_frame_rate === stream.r_frame_rate,
    startSeconds: (Number(stream.start_time) || 0) - (Number(probe.format?.start_time) || 0),
    pixelFormat,
  };
}

/** Whether a file is a playlist, by its first bytes: ffmpeg would open the files that it names. */
function isPlaylist(path: string): boolean {
  const head = Buffer.alloc(64);
  try {
    const descriptor = openSync(path, "r");
    readSync(descriptor, head);
    closeSync(descriptor);
  } catch {} // ffprobe reports why it cannot be read
  return /^(?:\ufeff|\xef\xbb\xbf)?\s*(?:#EXTM3U|ffconcat version|<\?xml[^>]*>\s*<MPD|<MPD)/.test(
    head.toString("latin1"),
  );
}

/** A frame rate: "30000/1001" -> 29.97; 0 for "0/0". */
function rate(text: unknown): number {
  const [above, below = "1"] = String(text ?? "").split("/");
  const value = Number(above) / Number(below);
  return Number.isFinite(value) && value > 0 && value < 1000 ? value : 0;
}

export interface DecodeOptions {
  /** Size to scale every frame to; default: its own. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly signal?: AbortSignal;
  /**
   * Pixel values that map to 0 and 255, in stored values; values of 9 to 15 bits are shifted up to 16 bits. Default:
   * the full range.
   */
  readonly pixelRange?: PixelRange;
  /** Read frames at their full depth, to give a hint where they use little of it. */
  readonly deep?: boolean;
  readonly onHint?: (message: string) => void;
  /** Called before each frame with its time in seconds; NaN where it is unknown. */
  readonly onTime?: (seconds: number) => void;
  /** Buffers that are no longer in use; later frames are written into them. */
  readonly spare?: Uint8Array<ArrayBuffer>[];
  /** Called with ffmpeg's complaint where some frames were decoded; absent: it is an error when ffmpeg fails. */
  readonly onDamage?: (reason: string, frames: number) => void;
}

/**
 * Every frame of a video once, in order, upright, as RGB. The decoder waits while the caller works; leaving the loop
 * early ends it. Throws PhinetsError when ffmpeg fails or there are no frames.
 */
export function decodeVideo(path: string, options: DecodeOptions = {}): AsyncGenerator<Picture, void, undefined> {
  return decodeInput({ name: path, words: ffmpegInput(path) }, options);
}

export interface FfmpegInput {
  /** Name for errors. */
  readonly name: string;
  readonly words: readonly string[];
  /** Default "ignore". */
  readonly stdin?: "ignore" | "inherit" | number;
  /** Called with ffmpeg's messages that are not errors. */
  readonly onInfo?: (line: string) => void;
}

/** As `decodeVideo`, from any input. */
export async function* decodeInput(
  { name, words, stdin = "ignore", onInfo }: FfmpegInput,
  options: DecodeOptions = {},
): AsyncGenerator<Picture, void, undefined> {
  const { size, signal, pixelRange, deep = false, spare, onHint, onTime, onDamage } = options;
  const clock = onTime && new FrameClock();
  const filters = [
    ...(clock ? ["showinfo=checksum=0"] : []),
    ...(size ? [`scale=${size.width}:${size.height}:flags=bicubic`] : []),
  ];
  const scale = filters.length > 0 ? ["-vf", filters.join(",")] : [];
  const info = clock ? (line: string) => (clock.read(line) ? undefined : onInfo?.(line)) : onInfo;
  // Both formats state the size of each frame, so rotated frames need no special case. PAM keeps 16-bit values.
  const coder = deep || pixelRange ? ["-c:v", "pam"] : ["-c:v", "ppm", "-pix_fmt", "rgb24"];
  // passthrough: no frame is duplicated.
  const output = ["-fps_mode", "passthrough", "-an", "-sn", "-f", "image2pipe", ...coder, "pipe:1"];
  const all = ["-nostdin", "-max_pixels", String(mostPixels), ...words, "-map", "0:v:0", ...scale, ...output];
  const { child, ended } = await startTool("ffmpeg", all, stdin, info);
  void ended.then(() => clock?.end());
  const stop = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop);
  let finished = false;
  try {
    let frames = 0;
    for await (const bands of parseFrames(child.stdout!, spare)) {
      signal?.throwIfAborted();
      const hint = frames === 0 ? onHint : undefined; // only the first frame gives a hint
      if (clock) onTime?.(await clock.timeOf(frames));
      frames++;
      const { width, height, channels, white, data } = bands;
      const ready = channels === 3 && white === 255 && pixelRange === undefined && data instanceof Uint8Array;
      yield ready ? { width, height, channels, data } : bandsToPicture(bands, name, { pixelRange, onHint: hint });
    }
    const { code, lastLine } = await ended;
    finished = true;
    signal?.throwIfAborted();
    const reason = lastLine || (code === 0 ? "" : `ffmpeg ended with ${code}`);
    if (frames === 0 || (code !== 0 && !onDamage)) {
      const why = (reason || "it has no frames").replace(`${words.at(-1)}: `, "");
      throw new PhinetsError("video.decode", `${name}: cannot decode after ${frames} frames: ${why}`, name);
    }
    if (reason) onDamage?.(reason, frames);
  } finally {
    signal?.removeEventListener("abort", stop);
    if (!finished) {
      stop();
      await ended;
    }
  }
}

/** Times of frames, from the messages of ffmpeg's filter showinfo; they arrive on another channel than the frames. */
class FrameClock {
  readonly #times: number[] = [];
  #wake = () => {};
  #ended = false;

  /** Parses a line of ffmpeg; true where it comes from showinfo. */
  read(line: string): boolean {
    const frame = /\] n: *(\d+) pts: *\S+ +pts_time: *(\S+)/.exec(line);
    if (frame) {
      this.#times[Number(frame[1])] = Number(frame[2]);
      this.#wake();
    }
    return /^\[Parsed_showinfo/.test(line);
  }

  async timeOf(frame: number): Promise<number> {
    while (this.#times[frame] === undefined && !this.#ended)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#times[frame] ?? Number.NaN;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }
}

/**
 * Splits a stream of binary PPM (P6, 8 bits) and PAM pictures (P7, 8 or 16 bits). Each picture gets its own buffer: one
 * of `spare` with the right size, or a new one. An incomplete last picture is dropped.
 */
export async function* parseFrames(
  chunks: AsyncIterable<Uint8Array>,
  spare: Uint8Array<ArrayBuffer>[] = [],
): AsyncGenerator<Bands, void, undefined> {
  let head = "";
  let frame: { header: FrameHeader; data: Uint8Array } | undefined;
  let filled = 0;
  for await (const chunk of chunks) {
    let position = 0;
    while (position < chunk.length) {
      if (!frame) {
        head += String.fromCharCode(chunk[position++]);
        const header = frameHeader(head);
        if (header) {
          const { width, height, channels, white } = header;
          const size = width * height * channels * (white > 255 ? 2 : 1);
          const fitting = spare.findIndex(({ length }) => length === size);
          frame = { header, data: fitting < 0 ? new Uint8Array(size) : spare.splice(fitting, 1)[0] };
          filled = 0;
          head = "";
        } else if (head.length > 200) throw new Error(`not a PPM or PAM header: ${JSON.stringify(head)}`);
        continue;
      }
      const { header, data } = frame;
      const count = Math.min(chunk.length - position, data.length - filled);
      data.set(chunk.subarray(position, position + count), filled);
      filled += count;
      position += count;
      if (filled === data.length) {
        const { channels, white } = header;
        const colours = channels >= 3 ? 3 : 1;
        yield { ...header, colours, alpha: channels > colours, data: white > 255 ? bigEndian16(data) : data };
        frame = undefined;
      }
    }
  }
}

type FrameHeader = Pick<Bands, "width" | "height" | "channels" | "white">;

function frameHeader(head: string): FrameHeader | undefined {
  // Called for every byte: only a line end can complete a header.
  if (!head.endsWith("\n")) return undefined;
  const ppm = /^P6\s(\d+)\s(\d+)\s255\s$/.exec(head);
  if (ppm) return { width: Number(ppm[1]), height: Number(ppm[2]), channels: 3, white: 255 };
  const pam = /^P7\nWIDTH (\d+)\nHEIGHT (\d+)\nDEPTH (\d)\nMAXVAL (\d+)\nTUPLTYPE \w+\nENDHDR\n$/.exec(head);
  if (!pam) return undefined;
  const [width, height, channels, white] = pam.slice(1).map(Number);
  return { width, height, channels, white };
}
