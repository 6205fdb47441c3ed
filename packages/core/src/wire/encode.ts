/** Encodes messages as packets, as a board does, for recordings and for tests without a board. */
import { PhinetsError, utf8Encode } from "../tensor/index.js";
import {
  type WireBox,
  type WireMessage,
  wireChecksum,
  wirePacketBytes,
  wirePixels,
  wireScoreSteps,
  wireStepsPerPixel,
  wireTextBytes,
  wireTypes,
  wireVersion,
} from "./messages.js";

/**
 * The packet of a message, including its closing zero. Coordinates and scores are rounded to the format's steps as the
 * firmware rounds them, halves upwards. Throws PhinetsError `wire.message` for values that the format cannot represent.
 */
export function encodeWire(message: WireMessage): Uint8Array {
  const bytes: number[] = [wireVersion, wireTypes[message.type]];
  const put = (value: number, count: number, what: string): void => {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** count)
      throw refused(`${message.type}: ${what} ${value} is not an integer of 0..${256 ** count - 1}`);
    for (let i = 0; i < count; i++) bytes.push(Math.floor(value / 256 ** i) % 256);
  };
  const putText = (text: string, what: string): void => {
    const encoded = utf8Encode(text);
    if (encoded.length > wireTextBytes || encoded.includes(0))
      throw refused(`${what} ${JSON.stringify(text)} has more than ${wireTextBytes} bytes, or a zero; shorten it`);
    bytes.push(encoded.length, ...encoded);
  };
  const putBox = (box: WireBox): void => {
    put(box.class, 2, "class");
    put(stepsOf(box.score * wireScoreSteps, 0, wireScoreSteps), 2, "score");
    for (const corner of [box.x1, box.y1, box.x2, box.y2])
      put(stepsOf(corner * wireStepsPerPixel, -32768, 32767) & 0xffff, 2, "corner");
  };
  switch (message.type) {
    case "hello":
      put(message.width, 2, "width");
      put(message.height, 2, "height");
      put(message.intervalUs, 4, "interval");
      putText(message.name, "name");
      put(message.classes.length, 1, "number of classes");
      for (const name of message.classes) putText(name, "class");
      break;
    case "boxes":
      put(message.frame, 4, "frame");
      put(message.boxes.length, 2, "number of boxes");
      for (const box of message.boxes) putBox(box);
      break;
    case "tracks":
      put(message.frame, 4, "frame");
      put(message.tracks.length, 2, "number of tracks");
      for (const track of message.tracks) {
        put(track.id, 4, "id");
        putBox(track);
      }
      break;
    case "row": {
      const { width, height, y, data } = message;
      const format = wirePixels.findIndex(({ pixels }) => pixels === message.pixels);
      if (data.length !== width * wirePixels[format].bytes || y >= height)
        throw refused(`row ${y} of ${width} x ${height} ${message.pixels} pixels has ${data.length} bytes`);
      put(message.frame, 4, "frame");
      put(y, 2, "row");
      put(width, 2, "width");
      put(height, 2, "height");
      bytes.push(format, ...data);
    }
  }
  if (bytes.length + 2 > wirePacketBytes)
    throw refused(`${message.type}: ${bytes.length + 2} bytes are more than a packet's ${wirePacketBytes}`);
  const crc = wireChecksum(Uint8Array.from(bytes));
  return stuffed([...bytes, crc & 255, crc >> 8]);
}

function refused(problem: string): PhinetsError {
  return new PhinetsError("wire.message", `wire ${problem}`);
}

function stepsOf(steps: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, Math.floor(steps + 0.5)));
}

/** COBS: each block starts with the distance to the next zero; a zero ends the packet. */
function stuffed(bytes: readonly number[]): Uint8Array {
  const out: number[] = [];
  let block: number[] = [];
  const flush = (): void => {
    out.push(block.length + 1, ...block);
    block = [];
  };
  for (const byte of bytes) {
    if (byte === 0) flush();
    else {
      if (block.length === 254) flush();
      block.push(byte);
    }
  }
  flush();
  return Uint8Array.from([...out, 0]);
}
