/** What a board sends over a serial line, as docs/wire-format.md describes it; firmware/wire sends the same bytes. */

/** Of the packets. */
export const wireVersion = 1;
/** Bytes of a packet before COBS, version, type and checksum included. */
export const wirePacketBytes = 4096;
/** Coordinates are integers of this many steps a pixel. */
export const wireStepsPerPixel = 16;
/** Scores are integers of this many steps. */
export const wireScoreSteps = 10000;
/** Bytes of the network's name and of a class's, UTF-8. */
export const wireTextBytes = 63;

export const wireTypes = { hello: 1, boxes: 2, tracks: 3, row: 4 } as const;

/** Names of a row's pixels by their number, and bytes a pixel. RGB565 has the high byte first. */
export const wirePixels = [
  { pixels: "grey", bytes: 1 },
  { pixels: "rgb888", bytes: 3 },
  { pixels: "rgb565", bytes: 2 },
] as const;

export type WirePixels = (typeof wirePixels)[number]["pixels"];

/** At the start, and every now and then. */
export interface WireHello {
  readonly type: "hello";
  /** Of the network. */
  readonly name: string;
  /** By index; a box's class may have no name where there are more than a packet holds. */
  readonly classes: readonly string[];
  /** Of the picture that boxes are told in, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Microseconds between frames; 0: not known. */
  readonly intervalUs: number;
}

/** Corners in pixels of the hello's picture, multiples of 1/16. A track's may lie outside of it. */
export interface WireBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** Index of the hello's classes. */
  readonly class: number;
  /** 0..1, a multiple of 1/10000. */
  readonly score: number;
}

export interface WireTrack extends WireBox {
  readonly id: number;
}

/** Best first. */
export interface WireBoxes {
  readonly type: "boxes";
  /** 0, 1, ... */
  readonly frame: number;
  readonly boxes: readonly WireBox[];
}

/** Youngest first; they come after the frame's boxes, which some may leave out. */
export interface WireTracks {
  readonly type: "tracks";
  readonly frame: number;
  readonly tracks: readonly WireTrack[];
}

/** One row of a frame's picture, [width] pixels. */
export interface WireRow {
  readonly type: "row";
  readonly frame: number;
  readonly y: number;
  /** Of the whole picture, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly pixels: WirePixels;
  readonly data: Uint8Array;
}

export type WireMessage = WireHello | WireBoxes | WireTracks | WireRow;

/** CRC-16/IBM-3740: polynomial 0x1021, begun with all ones, of all bytes; 0x29B1 for "123456789". */
export function wireChecksum(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
