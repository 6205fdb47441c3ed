/**
 * One interface for frames of a video or animation, a folder of pictures, a MOTChallenge sequence, a camera or a
 * stream.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { readRegularSync } from "../files/regular-file.js";
import { type Animation, openAnimation } from "../picture/animation.js";
import type { PixelRange } from "../picture/bands.js";
import { isPictureFile, listPictures, pictureExtensions, readPicture } from "../picture/files.js";
import { pictureKind } from "../picture/kinds.js";
import { type DecodeOptions, decodeInput, decodeVideo, probeVideo, type VideoInfo } from "./decode.js";
import { newest, type RawFrames, type Stream, streamOf } from "./streams.js";

export interface Frame {
  /** From 1, as in MOTChallenge; the number of a frame that cannot be read is skipped. */
  readonly number: number;
  readonly picture: Picture;
  /** The picture file that it was read from. */
  readonly file?: string;
}

export interface FrameSource {
  /** Name that may be shown and stored: the path, or the URL without its password. */
  readonly name: string;
  /** Name for files. */
  readonly label: string;
  /** Total number of frames; undefined where it is unknown. */
  readonly count?: number;
  readonly framesPerSecond: number;
  /** A camera, a stream or standard input: ending it by an abort is not an error. */
  readonly stream: boolean;
  /** Whether frames arrive in real time, so that some may be skipped. */
  readonly live: boolean;
  readonly frames: AsyncIterable<Frame>;
  /** Ends reading, also while it waits for a frame; a file's `frames` then throw AbortError. */
  stop(): void;
  /** Returns a frame's pixel buffer, which must no longer be in use, for later frames; this avoids garbage. */
  reuse(picture: Picture): void;
}

/** Number of returned pixel buffers to keep. */
const mostSpare = 4;

export interface FramesOptions {
  /** When aborted, files throw AbortError and streams end. */
  readonly signal?: AbortSignal;
  /** Most frames to read. Default: all. */
  readonly maxFrames?: number;
  /** Pixel values that map to 0 and 255. */
  readonly pixelRange?: PixelRange;
  /** Format of raw frames on standard input. */
  readonly raw?: RawFrames;
  /** Standard input's file descriptor. Default: the process's own. */
  readonly stdin?: number;
  /** Called with notes on damaged frames, which are skipped, and on depth. Absent: damage is an error. */
  readonly onNote?: (message: string) => void;
}

/** Kinds of sources of `predict` and `track`. */
export type SourceKind = "stream" | "folder" | "picture" | "clip";

/**
 * The kind of a path. A file is a picture by its name or by its content; a GIF or WebP only if it has a single picture.
 */
export async function sourceKind(path: string): Promise<Exclude<SourceKind, "stream">> {
  const stats = statSync(path);
  if (stats.isDirectory()) return "folder";
  if (!stats.isFile()) return "clip"; // a pipe must not be read twice
  const kind = kindOfHead(path);
  if (kind === "gif" || kind === "webp") return (await animationOf(path)) ? "clip" : "picture";
  if (isPictureFile(path)) return "picture";
  // A file of concatenated JPEGs begins like a JPEG; TGA has no signature.
  return kind === undefined || kind === "tga" || /^\.mjpe?g$/i.test(extname(path)) ? "clip" : "picture";
}

/** As `openAnimation`, but other files, which may be large or a pipe, are not read. */
async function animationOf(path: string): Promise<Animation | undefined> {
  if (!statSync(path).isFile()) return undefined;
  const kind = kindOfHead(path);
  return kind === "gif" || kind === "webp" ? openAnimation(path) : undefined;
}

/** Also undefined for a file that cannot be read: the decoder reports why. */
function kindOfHead(path: string): ReturnType<typeof pictureKind> {
  const head = Buffer.alloc(1024);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    return pictureKind(head.subarray(0, readSync(descriptor, head)));
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Opens a video file, an animation, a folder of pictures (in natural order; for a MOTChallenge folder its `img1`, at
 * the rate in its seqinfo.ini, else 25 per second), or a stream (see `streamOf`). Throws PhinetsError where there is
 * nothing to read.
 */
export async function framesOf(path: string, options: FramesOptions = {}): Promise<FrameSource> {
  const ending = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
  const spare: Uint8Array<ArrayBuffer>[] = [];
  const reuse = ({ data }: Picture) => {
    const { buffer } = data;
    if (spare.length < mostSpare && buffer instanceof ArrayBuffer && buffer.byteLength === data.byteLength)
      spare.push(new Uint8Array(buffer));
  };
  return { ...(await openSource(path, { ...options, signal, spare })), stop: () => ending.abort(), reuse };
}

type OpenOptions = FramesOptions & Pick<DecodeOptions, "spare">;
type OpenSource = Omit<FrameSource, "stop" | "reuse">;

async function openSource(path: string, options: OpenOptions): Promise<OpenSource> {
  const stream = await streamOf(path, options);
  if (stream) return openStream(stream, options);
  if (!existsSync(path)) throw new PhinetsError("video.missing", `${path}: no such file or folder`, path);
  const file = { name: path, label: basename(path, extname(path)), stream: false, live: false };
  const first = (count: number | undefined) => atMost(count, options.maxFrames);
  const kind = await sourceKind(path);
  if (kind === "picture") return { ...file, count: 1, framesPerSecond: 25, frames: pictures(path, [path], options) };
  if (kind === "clip") {
    const animation = await animationOf(path);
    if (animation) {
      const { count, framesPerSecond } = animation;
      return { ...file, count: first(count), framesPerSecond, frames: animated(path, animation, options) };
    }
    const info = await probeVideo(path);
    const { framesPerSecond, frames: count } = info;
    return { ...file, count: first(count), framesPerSecond, frames: filmed(path, info, options) };
  }
  const inner = existsSync(join(path, "img1")) ? join(path, "img1") : path;
  const files = listPictures(inner);
  if (files.length === 0) {
    throw new PhinetsError(
      "video.empty",
      `${inner}: no pictures (${pictureExtensions.join(" ")}) in the folder`,
      inner,
    );
  }
  const info = [join(path, "seqinfo.ini"), join(path, "../seqinfo.ini")].find(existsSync);
  const text = info && Buffer.from(readRegularSync(info, { most: mostInfoBytes })).toString("utf8");
  const rate = text ? Number(/^[ \t]*frameRate[ \t]*=[ \t]*([\d.]+)/im.exec(text)?.[1]) : 25;
  return {
    ...file,
    count: first(files.length),
    framesPerSecond: rate > 0 ? rate : 25,
    frames: pictures(inner, files.slice(0, options.maxFrames), options),
  };
}

/** A normal seqinfo.ini has ten lines. */
const mostInfoBytes = 65536;

function atMost(count: number | undefined, most: number | undefined): number | undefined {
  return count === undefined || most === undefined ? (most ?? count) : Math.min(count, most);
}

async function* numbered(pictures: AsyncIterable<Picture>, most = Number.POSITIVE_INFINITY) {
  let number = 0;
  for await (const picture of pictures) {
    yield { number: ++number, picture };
    if (number >= most) return;
  }
}

async function* filmed(path: string, info: VideoInfo, { signal, maxFrames, pixelRange, spare, onNote }: OpenOptions) {
  const expected = info.counted ? info.frames : undefined;
  const deep = /^gray(?:9|1\d)/.test(info.pixelFormat);
  let seen = 0;
  let number = 0;
  let reason: string | undefined;
  const onDamage = onNote && ((why: string) => (reason = why));
  // Frame numbers come from times, so that unreadable frames in the middle do not shift the others.
  let before = info.startSeconds - 1 / info.framesPerSecond;
  const onTime = (seconds: number) => {
    const step = Math.round((seconds - before) * info.framesPerSecond);
    if (step > 1 && number + step <= info.frames!) number += step - 1;
    before = seconds;
  };
  const times = info.steady ? { onTime } : {};
  const decoded = decodeVideo(path, { signal, pixelRange, deep, spare, onHint: onNote, onDamage, ...times });
  for await (const picture of decoded) {
    yield { number: ++number, picture };
    if (++seen >= (maxFrames ?? Number.POSITIVE_INFINITY)) break;
  }
  const whole = seen === maxFrames || expected === undefined || seen >= expected;
  if (reason === undefined && whole) return;
  const used = expected === undefined ? `${seen} frames used` : `${seen} of ${expected} frames used`;
  onNote?.(`${path}: ${whole ? "damaged" : "cut or damaged"}; ${used}${reason === undefined ? "" : ` (${reason})`}`);
}

async function* animated(path: string, animation: Animation, { signal, maxFrames, onNote }: FramesOptions) {
  let seen = 0;
  try {
    for await (const frame of numbered(animation.frames(), maxFrames)) {
      signal?.throwIfAborted();
      yield frame;
      seen++;
    }
  } catch (error) {
    if (!(error instanceof PhinetsError) || error.code !== "video.decode" || !onNote || seen === 0) throw error;
    onNote(`${path}: cut or damaged; ${seen} of ${animation.count} frames used`);
  }
}

async function* pictures(
  folder: string,
  files: readonly string[],
  { signal, pixelRange, onNote }: FramesOptions,
): AsyncGenerator<Frame, void, undefined> {
  let hinted = false;
  const onHint = (hint: string) => {
    if (!hinted) onNote?.(hint);
    hinted = true;
  };
  const read = (file: string) => readPicture(file, { pixelRange, onHint });
  const damaged: number[] = [];
  // The next picture is decoded while the caller works on the current one.
  let next = files.length > 0 ? read(files[0]) : undefined;
  for (const [i, file] of files.entries()) {
    signal?.throwIfAborted();
    const current = next!;
    next = i + 1 < files.length ? read(files[i + 1]) : undefined;
    next?.catch(() => {}); // thrown when the reader reaches it
    let picture: Picture;
    try {
      picture = await current;
    } catch (error) {
      // A bad frame is skipped; where all frames are bad, the last one's error is thrown.
      const last = damaged.length + 1 === files.length;
      if (!(error instanceof PhinetsError) || error.code !== "data.picture" || !onNote || last) throw error;
      damaged.push(i + 1);
      onNote(`frame ${i + 1} is left out: ${error.message}`);
      continue;
    }
    yield { number: i + 1, picture, file };
  }
  if (damaged.length === 0) return;
  const which = damaged.length === 1 ? `frame ${damaged[0]} is` : `frames ${shortList(damaged)} are`;
  onNote?.(`${folder}: ${which} damaged; ${files.length - damaged.length} of ${files.length} used`);
}

function shortList(numbers: readonly number[]): string {
  return numbers.length > 10
    ? `${numbers.slice(0, 10).join(", ")} and ${numbers.length - 10} more`
    : numbers.join(", ");
}

/** Opens a stream and waits for its first frame, so that problems are reported at once. */
async function openStream(stream: Stream, options: OpenOptions): Promise<OpenSource> {
  const { signal, maxFrames, pixelRange, raw, spare, onNote } = options;
  const stop = new AbortController();
  const end = () => stop.abort();
  if (signal?.aborted) end();
  signal?.addEventListener("abort", end);
  let framesPerSecond = raw?.framesPerSecond;
  const onInfo = (line: string) => {
    // The first stream that ffmpeg lists with a rate is the one that it reads.
    framesPerSecond ??= Number(/Stream #0:\d.*Video:.*?([\d.]+) fps/.exec(line)?.[1]) || undefined;
  };
  const onDamage = (reason: string, frames: number) =>
    onNote?.(`${stream.name}: damaged; ${frames} frames used (${reason})`);
  const decoded = decodeInput(
    { ...stream, onInfo },
    { signal: stop.signal, pixelRange, spare, onHint: onNote, onDamage },
  );
  const chosen = stream.live ? newest(decoded, end) : decoded;
  let first: IteratorResult<Picture, void>;
  try {
    first = await chosen.next();
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof PhinetsError) || error.code !== "video.decode") throw error;
    const reason = error.message.replace(/^.*after 0 frames: /s, "");
    throw new PhinetsError("video.stream", `${stream.name}: cannot be opened: ${reason}`, stream.name);
  }
  const all = async function* () {
    try {
      if (first.done) return;
      yield first.value;
      yield* chosen;
    } catch (error) {
      if (!signal?.aborted) throw error; // Ctrl-C is the normal end of a stream
    } finally {
      signal?.removeEventListener("abort", end);
      end();
    }
  };
  return {
    name: stream.name,
    label: stream.label,
    count: maxFrames,
    framesPerSecond: framesPerSecond ?? 25,
    stream: true,
    live: stream.live,
    frames: numbered(all(), maxFrames),
  };
}
