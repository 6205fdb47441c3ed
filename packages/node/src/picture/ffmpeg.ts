/** Decodes JPEG 2000 and TGA by ffmpeg. Each picture takes a process, so this suits single pictures, not data sets. */
import { availableParallelism } from "node:os";
import { PhinetsError } from "@phinets/core/tensor";
import { startTool } from "../host/ffmpeg.js";
import type { Bands } from "./bands.js";
import { mostPixels } from "./limits.js";
import { readNetpbm } from "./netpbm.js";

const most = availableParallelism();
let running = 0;
const waiting: (() => void)[] = [];

/** Decodes a picture. Throws Error with the reason. The bytes go through a pipe, so they cannot name other files. */
export async function decodeWithFfmpeg(bytes: Uint8Array, kind: "jpeg2000" | "tga"): Promise<Bands> {
  if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await decode(bytes, kind);
  } finally {
    running--;
    waiting.shift()?.();
  }
}

async function decode(bytes: Uint8Array, kind: "jpeg2000" | "tga"): Promise<Bands> {
  const input =
    kind === "jpeg2000"
      ? ["-f", "j2k_pipe"]
      : ["-f", "image2pipe", "-frame_size", String(bytes.length), "-c:v", "targa"];
  // PAM keeps depth and alpha.
  const output = ["-frames:v", "1", "-f", "image2pipe", "-c:v", "pam", "pipe:1"];
  const words = ["-protocol_whitelist", "pipe", "-max_pixels", String(mostPixels), ...input, "-i", "pipe:0", ...output];
  const { child, ended } = await startTool("ffmpeg", words, "pipe").catch((error) => {
    if (error instanceof PhinetsError && error.code === "video.no-ffmpeg")
      throw new Error("needs ffmpeg, which is not installed; npm run setup installs it, or save the picture as PNG");
    throw error;
  });
  child.stdin!.end(bytes);
  const parts: Buffer[] = [];
  for await (const part of child.stdout!) parts.push(part);
  const { code, lastLine } = await ended;
  if (code !== 0 || parts.length === 0)
    throw new Error(`is truncated or damaged (${lastLine || `ffmpeg ended with ${code}`})`);
  return readNetpbm(Buffer.concat(parts));
}

/** Size in the header of a JPEG 2000 file or code stream. Throws Error with the reason. */
export function jpeg2000Size(bytes: Uint8Array): { readonly width: number; readonly height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // ISO 15444-1: the SIZ segment follows the start of the code stream, 0xff4f; size minus offset in each direction.
  for (let at = 0; at + 24 <= bytes.length; at++) {
    if (view.getUint32(at) !== 0xff4fff51) continue;
    const [right, bottom, left, top] = [0, 4, 8, 12].map((offset) => view.getUint32(at + 8 + offset));
    return { width: right - left, height: bottom - top };
  }
  throw new Error("is truncated or damaged");
}

/** Size in a TGA's header. */
export function tgaSize(bytes: Uint8Array): { readonly width: number; readonly height: number } {
  return { width: bytes[12] | (bytes[13] << 8), height: bytes[14] | (bytes[15] << 8) };
}
