/** Mutated bytes of a serial line: the decoder must never throw. */
import { encodeWire, WireDecoder } from "@phinets/core/wire";
import { join } from "../lib/mutate.mjs";

const box = { x1: -1, y1: 0, x2: 40.5, y2: 7, class: 1, score: 0.5 };
const messages = [
  { type: "hello", name: "nuts", classes: ["nut", "bolt"], width: 48, height: 40, intervalUs: 40_000 },
  { type: "boxes", frame: 1, boxes: [box, { ...box, score: 1 }] },
  { type: "tracks", frame: 1, tracks: [{ id: 7, ...box }] },
  { type: "row", frame: 1, y: 3, width: 300, height: 4, pixels: "grey", data: new Uint8Array(300).fill(9) },
];

export const wire = [
  {
    name: "wire",
    samples: [{ "serial.bin": join(...messages.map(encodeWire)) }, { "row.bin": encodeWire(messages[3]) }],
    read: (files) => {
      try {
        return Object.values(files).flatMap((bytes) => new WireDecoder().push(bytes));
      } catch (error) {
        throw new TypeError(`the decoder threw: ${error.message}`); // never, not even what is refused elsewhere
      }
    },
    again(read) {
      const bytes = join(...read.map(encodeWire), new Uint8Array(0));
      if (JSON.stringify(new WireDecoder().push(bytes)) !== JSON.stringify(read)) throw new TypeError("other messages");
    },
  },
];
