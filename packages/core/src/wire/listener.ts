/** Listens to a serial line: returns frames as they complete and counts losses. */
import { WireDecoder, type WireErrors } from "./decoder.js";
import { type WireFrame, WireFrames } from "./frames.js";
import type { WireHello } from "./messages.js";

export interface WireLosses {
  /** Frames whose numbers were skipped. */
  readonly frames: number;
  /** Bytes of invalid packets. */
  readonly bytes: number;
  /** Invalid packets, by reason. */
  readonly packets: Readonly<WireErrors>;
}

export class WireListener {
  readonly #decoder = new WireDecoder();
  readonly #frames = new WireFrames();
  #hello: WireHello | undefined;

  /** Accepts bytes in pieces of any length and returns the frames that they complete. Never throws. */
  push(bytes: Uint8Array): WireFrame[] {
    return this.#decoder.push(bytes).flatMap((message) => {
      if (message.type === "hello") this.#hello = message;
      return this.#frames.push(message);
    });
  }

  /** The board's latest hello; undefined before the first one. */
  get hello(): WireHello | undefined {
    return this.#hello;
  }

  get losses(): WireLosses {
    return { frames: this.#frames.lost, bytes: this.#decoder.lostBytes, packets: { ...this.#decoder.errors } };
  }
}
