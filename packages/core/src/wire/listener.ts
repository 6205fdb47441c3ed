/** A serial line heard: frames as they complete, and what was lost on the way. */
import { WireDecoder, type WireErrors } from "./decoder.js";
import { type WireFrame, WireFrames } from "./frames.js";
import type { WireHello } from "./messages.js";

export interface WireLosses {
  /** Frames whose numbers did not come. */
  readonly frames: number;
  /** Bytes of packets that were none. */
  readonly bytes: number;
  /** Packets that were none, by reason. */
  readonly packets: Readonly<WireErrors>;
}

export class WireListener {
  readonly #decoder = new WireDecoder();
  readonly #frames = new WireFrames();
  #hello: WireHello | undefined;

  /** Takes bytes as they come, in pieces of any length, and returns the frames that they complete. Never throws. */
  push(bytes: Uint8Array): WireFrame[] {
    return this.#decoder.push(bytes).flatMap((message) => {
      if (message.type === "hello") this.#hello = message;
      return this.#frames.push(message);
    });
  }

  /** The board's, as it said it last; undefined before it did. */
  get hello(): WireHello | undefined {
    return this.#hello;
  }

  get losses(): WireLosses {
    return { frames: this.#frames.lost, bytes: this.#decoder.lostBytes, packets: { ...this.#decoder.errors } };
  }
}
