/** Encodes frames to an mp4 (H.264, yuv420p, which plays everywhere). */
import { once } from "node:events";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, extname } from "node:path";
import type { Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError, temporaryPath } from "../host/atomic.js";
import { ffmpegPath, startTool, type Tool } from "../host/ffmpeg.js";

export interface VideoOptions {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /**
   * Frames are timed by when they are written, for a live source; `framesPerSecond` is then an estimate. Default false.
   */
  readonly wallClock?: boolean;
  /** x264's constant rate factor: 0 lossless, 51 worst. Default 23. */
  readonly quality?: number;
}

/** Writes a video frame by frame; the file gets its final name when it is complete. Always call `close` or `abort`. */
export class VideoWriter {
  #frames = 0;
  #ended = false;
  /** Resolves when the encoder has accepted what was written, or has ended. */
  #taken: Promise<unknown> = Promise.resolve();
  private constructor(
    readonly path: string,
    readonly options: VideoOptions,
    readonly temporary: string,
    readonly tool: Tool,
  ) {
    tool.ended.then(() => {
      this.#ended = true;
    });
  }

  static async open(path: string, options: VideoOptions): Promise<VideoWriter> {
    const { width, height, framesPerSecond, wallClock = false, quality = 23 } = options;
    const temporary = extname(path) === ".mp4" ? temporaryPath(path) : `${temporaryPath(path)}.mp4`;
    try {
      mkdirSync(dirname(path), { recursive: true });
    } catch (error) {
      throw describeWriteError(error, path);
    }
    const rate = String(framesPerSecond);
    const pace = wallClock ? ["-use_wallclock_as_timestamps", "1", "-framerate", rate] : ["-r", rate];
    const input = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, ...pace, "-i", "pipe:0"];
    // Chroma has half the resolution in both directions, so sides must be even: an odd side gets a black row or column.
    const output = [
      "-vf",
      "pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p",
      "-c:v",
      "libx264",
      "-preset",
      "veryfast",
      "-crf",
      String(quality),
      ...(wallClock ? ["-fps_mode", "vfr", "-enc_time_base", "1:1000"] : []),
    ];
    const container = ["-movflags", "+faststart", "-f", "mp4", "-y", ffmpegPath(temporary)];
    return new VideoWriter(
      path,
      options,
      temporary,
      await startTool("ffmpeg", [...input, ...output, ...container], "pipe"),
    );
  }

  /**
   * Adds a frame once the encoder has accepted the earlier ones; one frame may wait while the caller makes the next.
   * `picture.data` must not change afterwards.
   */
  async write(picture: Picture): Promise<void> {
    const { width, height } = this.options;
    if (picture.width !== width || picture.height !== height || picture.channels !== 3) {
      throw new PhinetsError(
        "video.size",
        `${this.path}: frame ${this.#frames + 1} is ${picture.width}x${picture.height} with ${picture.channels} channels, the video ${width}x${height} RGB; all frames have one size`,
        this.path,
      );
    }
    await this.#taken;
    if (this.#ended) await this.#fail();
    this.#frames++;
    const stdin = this.tool.child.stdin!;
    if (stdin.write(picture.data)) return;
    const waiting = new AbortController();
    const drained = once(stdin, "drain", { signal: waiting.signal }).catch(() => {});
    this.#taken = Promise.race([drained, this.tool.ended]).finally(() => waiting.abort());
  }

  /**
   * Completes the file. Throws PhinetsError with ffmpeg's reason, and leaves no file, where it could not be written.
   */
  async close(): Promise<void> {
    this.tool.child.stdin!.end();
    const { code, diskFull } = await this.tool.ended;
    // Where only the last bytes do not fit on the disk, ffmpeg reports it and still exits with 0.
    if (code !== 0 || diskFull) await this.#fail();
    if (this.#frames === 0) {
      rmSync(this.temporary, { force: true });
      throw new PhinetsError("video.empty", `${this.path}: no frames to write`, this.path);
    }
    try {
      renameSync(this.temporary, this.path);
    } catch (error) {
      rmSync(this.temporary, { force: true });
      throw describeWriteError(error, this.path);
    }
  }

  /** Ends the encoder and removes the file. */
  async abort(): Promise<void> {
    this.tool.child.kill("SIGKILL");
    await this.tool.ended;
    rmSync(this.temporary, { force: true });
  }

  async #fail(): Promise<never> {
    const { code, lastLine, diskFull } = await this.tool.ended;
    rmSync(this.temporary, { force: true });
    if (diskFull) throw describeWriteError({ code: "ENOSPC" }, this.path);
    const reason = lastLine.replace(this.temporary, this.path) || `ffmpeg ended with ${code}`;
    throw new PhinetsError("video.encode", `${this.path}: cannot write the video: ${reason}`, this.path);
  }
}
