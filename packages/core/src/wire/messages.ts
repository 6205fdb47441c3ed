/**
 * The messages that a board sends over a serial line, as specified in docs/wire-format.md; firmware/wire sends the same
 * bytes.
 */

/** Version byte of every packet. */
export const wireVersion = 1;
/** Largest packet before COBS, in bytes, including version, type and checksum. */
export const wirePacketBytes = 4096;
/** Coordinates are sent as integers in steps of 1/16 pixel. */
export const wireStepsPerPixel = 16;
/** Scores are sent as integers in steps of 1/10000. */
export const wireScoreSteps = 10000;
/** Maximum UTF-8 bytes of the network's name and of a class name. */
export const wireTextBytes = 63;

export const wireTypes = { hello: 1, boxes: 2, tracks: 3, row: 4 } as const;

/** Pixel formats by their number on the wire, and bytes per pixel. RGB565 has the high byte first. */
export const wirePixels = [
  { pixels: "grey", bytes: 1 },
  { pixels: "rgb888", bytes: 3 },
  { pixels: "rgb565", bytes: 2 },
] as const;

export type WirePixels = (typeof wirePixels)[number]["pixels"];

/** Sent at the start and repeated from time to time. */
export interface WireHello {
  readonly type: "hello";
  /** Name of the network. */
  readonly name: string;
  /** Class names by index. A box may have a class without a name if the names do not all fit in a packet. */
  readonly classes: readonly string[];
  /** Size in pixels of the picture that box coordinates refer to. */
  readonly width: number;
  readonly height: number;
  /** Microseconds between frames; 0 if unknown. */
  readonly intervalUs: number;
}

/** Corners in pixels of the hello's picture, multiples of 1/16. A track's box may extend past the picture. */
export interface WireBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** Index into the hello's classes. */
  readonly class: number;
  /** 0..1, a multiple of 1/10000. */
  readonly score: number;
}

export interface WireTrack extends WireBox {
  readonly id: number;
}

/** A frame's boxes, best first. */
export interface WireBoxes {
  readonly type: "boxes";
  /** Frame number, from 0. */
  readonly frame: number;
  readonly boxes: readonly WireBox[];
}

/** A frame's tracks, youngest first. They follow the frame's boxes, which a board may omit. */
export interface WireTracks {
  readonly type: "tracks";
  readonly frame: number;
  readonly tracks: readonly WireTrack[];
}

/** One row of a frame's picture, `width` pixels. */
export interface WireRow {
  readonly type: "row";
  readonly frame: number;
  readonly y: number;
  /** Size of the whole picture, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly pixels: WirePixels;
  readonly data: Uint8Array;
}

export type WireMessage = WireHello | WireBoxes | WireTracks | WireRow;

/** CRC-16/IBM-3740 over all bytes: polynomial 0x1021, initial value 0xffff; 0x29B1 for "123456789". */
export function wireChecksum(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
