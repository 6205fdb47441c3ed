/** Assembles a board's messages into frames. */
import type { Picture } from "../data/index.js";
import type { WireBox, WireMessage, WireRow, WireTrack } from "./messages.js";

export interface WireFrame {
  /** The board's frame number, from 0. */
  readonly frame: number;
  /** Undefined if they were omitted or lost. */
  readonly boxes?: readonly WireBox[];
  readonly tracks?: readonly WireTrack[];
  /** The frame's picture, if all its rows arrived. */
  readonly picture?: Picture;
}

/** Larger pictures are ignored, so that a line that sends garbage cannot exhaust memory. */
const mostPixels = 1 << 20;

/** The rows of one picture. */
interface Rows {
  readonly frame: number;
  readonly pixels: WireRow["pixels"];
  readonly picture: Picture;
  readonly seen: Set<number>;
}

/**
 * A frame is complete when its tracks arrive. A frame without tracks is returned when a message of another frame
 * arrives.
 */
export class WireFrames {
  /** Frame numbers skipped since the first frame. */
  lost = 0;
  #last: number | undefined;
  #rows: Rows | undefined;
  #boxes: { readonly frame: number; readonly boxes: readonly WireBox[] } | undefined;

  /** The frames that the message completes: none, one, or two. */
  push(message: WireMessage): WireFrame[] {
    if (message.type === "hello") return [];
    const { frame } = message;
    const before = this.#boxes !== undefined && this.#boxes.frame !== frame ? [this.#end(this.#boxes.frame)] : [];
    switch (message.type) {
      case "row":
        this.#addRow(message);
        return before;
      case "boxes":
        this.#boxes = message;
        return before;
      case "tracks":
        return [...before, { ...this.#end(frame), tracks: message.tracks }];
    }
  }

  #end(frame: number): WireFrame {
    // A board that restarts counts from 0 again.
    if (this.#last !== undefined && frame > this.#last) this.lost += frame - this.#last - 1;
    this.#last = frame;
    const boxes = this.#boxes?.frame === frame ? this.#boxes.boxes : undefined;
    const rows = this.#rows?.frame === frame ? this.#rows : undefined;
    const whole = rows !== undefined && rows.seen.size === rows.picture.height;
    this.#boxes = undefined;
    if (rows !== undefined) this.#rows = undefined;
    return { frame, ...(boxes && { boxes }), ...(whole && { picture: rows.picture }) };
  }

  #addRow({ frame, y, width, height, pixels, data }: WireRow): void {
    const known = this.#rows;
    const goesOn =
      known?.frame === frame &&
      known.pixels === pixels &&
      known.picture.width === width &&
      known.picture.height === height;
    if (!goesOn) {
      this.#rows = undefined;
      if (width < 1 || width * height > mostPixels) return;
      const channels = pixels === "grey" ? 1 : 3;
      const picture = { width, height, channels, data: new Uint8Array(width * height * channels) } as const;
      this.#rows = { frame, pixels, picture, seen: new Set() };
    }
    const { picture, seen } = this.#rows!;
    seen.add(y);
    picture.data.set(pixels === "rgb565" ? coloursOf(data) : data, y * width * picture.channels);
  }
}

/** RGB565 (high byte first) as colours 0..255. The high bits are repeated in the low bits, so that white is 255. */
function coloursOf(data: Uint8Array): Uint8Array {
  const colours = new Uint8Array((data.length / 2) * 3);
  for (let i = 0; 2 * i < data.length; i++) {
    const pixel = (data[2 * i] << 8) | data[2 * i + 1];
    const [r, g, b] = [pixel >> 11, (pixel >> 5) & 63, pixel & 31];
    colours.set([(r << 3) | (r >> 2), (g << 2) | (g >> 4), (b << 3) | (b >> 2)], 3 * i);
  }
  return colours;
}
