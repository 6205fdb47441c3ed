/** What a board says of one frame, put together from its messages. */
import type { Picture } from "../data/index.js";
import type { WireBox, WireMessage, WireRow, WireTrack } from "./messages.js";

export interface WireFrame {
  /** 0, 1, ... as the board counts. */
  readonly frame: number;
  /** Undefined where they were left out or lost. */
  readonly boxes?: readonly WireBox[];
  readonly tracks?: readonly WireTrack[];
  /** Of the frame, where all its rows came. */
  readonly picture?: Picture;
}

/** Larger pictures are left out: a line that sends rubbish takes no memory. */
const mostPixels = 1 << 20;

/** Rows of one picture. */
interface Rows {
  readonly frame: number;
  readonly pixels: WireRow["pixels"];
  readonly picture: Picture;
  readonly seen: Set<number>;
}

/** A frame is complete with its tracks; what came of one without them is given when a message of another comes. */
export class WireFrames {
  /** Frames whose numbers did not come, since the first one. */
  lost = 0;
  #last: number | undefined;
  #rows: Rows | undefined;
  #boxes: { readonly frame: number; readonly boxes: readonly WireBox[] } | undefined;

  /** Frames that the message completes: none, one, or two. */
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
    // A board that was started again counts from 0.
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

/** Colours 0..255 of RGB565, the high byte first; the highest bits stand again below, so that white is 255. */
function coloursOf(data: Uint8Array): Uint8Array {
  const colours = new Uint8Array((data.length / 2) * 3);
  for (let i = 0; 2 * i < data.length; i++) {
    const pixel = (data[2 * i] << 8) | data[2 * i + 1];
    const [r, g, b] = [pixel >> 11, (pixel >> 5) & 63, pixel & 31];
    colours.set([(r << 3) | (r >> 2), (g << 2) | (g >> 4), (b << 3) | (b >> 2)], 3 * i);
  }
  return colours;
}
