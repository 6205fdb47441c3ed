/**
 * The wire format: encoded messages are decoded whatever pieces they arrive in and whatever garbage precedes them, and
 * no input throws.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8Encode } from "../tensor/index.js";
import { encodeWire, WireDecoder, type WireFrame, WireFrames, type WireMessage, wireChecksum } from "./index.js";

const name = fc.string({ maxLength: 15, unit: fc.constantFrom("a", "Z", " ", "ö", "螺", "🔩") });
const corner = fc.integer({ min: -32768, max: 32767 }).map((steps) => steps / 16);
const box = fc.record({
  ...{ x1: corner, y1: corner, x2: corner, y2: corner, class: fc.nat(65535) },
  score: fc.nat(10000).map((steps) => steps / 10000),
});
const frame = fc.nat(2 ** 32 - 1);
const row = fc
  .record({ frame, width: fc.integer({ min: 0, max: 1300 }), height: fc.integer({ min: 1, max: 65535 }) })
  .chain(({ width, ...rest }) =>
    fc.constantFrom(["grey", 1] as const, ["rgb888", 3] as const, ["rgb565", 2] as const).chain(([pixels, bytes]) =>
      fc.record({
        ...{ type: fc.constant("row" as const), width: fc.constant(width), pixels: fc.constant(pixels) },
        ...{ frame: fc.constant(rest.frame), height: fc.constant(rest.height), y: fc.nat(rest.height - 1) },
        // Zeros, and long stretches without one, are the special cases of COBS.
        data: fc.uint8Array({ minLength: width * bytes, maxLength: width * bytes, max: 2 }),
      }),
    ),
  );
const message: fc.Arbitrary<WireMessage> = fc.oneof(
  fc.record({
    ...{ type: fc.constant("hello" as const), name, classes: fc.array(name, { maxLength: 60 }) },
    ...{ width: fc.nat(65535), height: fc.nat(65535), intervalUs: frame },
  }),
  fc.record({ type: fc.constant("boxes" as const), frame, boxes: fc.array(box, { maxLength: 256 }) }),
  fc.record({
    ...{ type: fc.constant("tracks" as const), frame },
    tracks: fc.array(
      fc.tuple(frame, box).map(([id, rest]) => ({ id, ...rest })),
      { maxLength: 128 },
    ),
  }),
  row,
);

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

describe("messages", () => {
  test("come out as they went in, whatever the pieces", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.integer({ min: 1, max: 300 }), (messages, size) => {
        const bytes = joined(messages.map(encodeWire));
        const decoder = new WireDecoder();
        const read: WireMessage[] = [];
        for (let at = 0; at < bytes.length; at += size) read.push(...decoder.push(bytes.subarray(at, at + size)));
        expect(read).toEqual(messages);
        expect(decoder.errors).toEqual({ damaged: 0, long: 0, version: 0, malformed: 0 });
      }),
      { numRuns: 60 },
    );
  });

  test("after lost, changed or foreign bytes the next packet is read", () => {
    const next: WireMessage = { type: "tracks", frame: 7, tracks: [] };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (rubbish) => {
        const decoder = new WireDecoder();
        expect(decoder.push(joined([rubbish, Uint8Array.of(0), encodeWire(next)])).at(-1)).toEqual(next);
      }),
    );
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, change) => {
        const bytes = encodeWire(one);
        bytes[at % (bytes.length - 1)] ^= change;
        const decoder = new WireDecoder();
        const read = decoder.push(joined([bytes, encodeWire(next)]));
        // A byte that became zero splits the packet in two; each part passes as a packet in one of 65536 cases.
        expect(read).toEqual([next]);
        expect(decoder.errors.damaged).toBeGreaterThan(0);
      }),
      { numRuns: 60, seed: 1 },
    );
  });
});

test("the bytes are these", () => {
  expect(wireChecksum(utf8Encode("123456789"))).toBe(0x29b1);
  const tracks = [{ id: 258, class: 1, score: 0.5, x1: -1, y1: 0, x2: 2047, y2: 1.5 }];
  const body = [1, 3, 9, 0, 0, 0, 1, 0, 2, 1, 0, 0, 1, 0, 0x88, 0x13, 0xf0, 0xff, 0, 0, 0xf0, 0x7f, 0x18, 0];
  const crc = wireChecksum(Uint8Array.from(body));
  const bytes = encodeWire({ type: "tracks", frame: 9, tracks });
  expect([...bytes.subarray(0, 5)]).toEqual([4, 1, 3, 9, 1]);
  // COBS replaces each zero with the distance to the next one.
  expect(bytes.length).toBe(body.length + 2 + 2);
  expect(bytes.indexOf(0)).toBe(bytes.length - 1);
  expect([...bytes.subarray(-4, -1)]).toEqual([3, crc & 255, crc >> 8]);
});

test("errors are counted by kind, and what has no end takes no memory", () => {
  const decoder = new WireDecoder();
  const of = (body: readonly number[]): Uint8Array => {
    const crc = wireChecksum(Uint8Array.from(body));
    const bytes = [...body, crc & 255, crc >> 8];
    expect(bytes).not.toContain(0);
    return Uint8Array.of(bytes.length + 1, ...bytes, 0);
  };
  expect(decoder.push(of([2, 3]))).toEqual([]);
  expect(decoder.push(of([1, 9]))).toEqual([]);
  expect(decoder.push(of([1, 2, 1, 1, 1, 1, 1, 1]))).toEqual([]); // claims 257 boxes that are missing
  expect(decoder.push(utf8Encode("2 person 46 91\r\n\0"))).toEqual([]);
  for (let i = 0; i < 100; i++) expect(decoder.push(new Uint8Array(100_000).fill(7))).toEqual([]);
  decoder.push(Uint8Array.of(0));
  expect(decoder.errors).toEqual({ version: 1, malformed: 2, damaged: 1, long: 1 });
  expect(decoder.lostBytes).toBe(6 + 6 + 12 + 17 + 10_000_001);
});

test("what the format has no room for is refused by the encoder", () => {
  const none = { type: "boxes", frame: 0, boxes: [] } as const;
  const box = { x1: 0, y1: 0, x2: 1, y2: 1, class: 0, score: 1 };
  expect(() => encodeWire({ ...none, frame: 2 ** 32 })).toThrow("frame 4294967296 is not an integer of 0..4294967295");
  expect(() => encodeWire({ ...none, boxes: new Array(400).fill(box) })).toThrow("more than a packet's 4096");
  const hello = { type: "hello", name: "x".repeat(64), classes: [], width: 1, height: 1, intervalUs: 0 } as const;
  expect(() => encodeWire(hello)).toThrow("has more than 63 bytes");
  const row = { type: "row", frame: 0, y: 0, width: 2, height: 1, pixels: "rgb888", data: new Uint8Array(5) } as const;
  expect(() => encodeWire(row)).toThrow("row 0 of 2 x 1 rgb888 pixels has 5 bytes");
});

describe("frames", () => {
  const box = { x1: 0, y1: 0, x2: 8, y2: 8, class: 0, score: 0.5 };
  const boxes = (frame: number): WireMessage => ({ type: "boxes", frame, boxes: [box] });
  const tracks = (frame: number): WireMessage => ({ type: "tracks", frame, tracks: [{ id: 1, ...box }] });
  const row = (frame: number, y: number, data: number[], pixels: "grey" | "rgb888" | "rgb565"): WireMessage => ({
    ...{ type: "row", frame, y, width: 2, height: 2, pixels },
    data: Uint8Array.from(data),
  });
  const all = (messages: readonly WireMessage[]): { found: WireFrame[]; lost: number } => {
    const frames = new WireFrames();
    return { found: messages.flatMap((each) => frames.push(each)), lost: frames.lost };
  };

  test("have the boxes, tracks and rows of their number", () => {
    const { found, lost } = all([row(3, 1, [5, 6], "grey"), row(3, 0, [1, 2], "grey"), boxes(3), tracks(3)]);
    const picture = { width: 2, height: 2, channels: 1, data: Uint8Array.of(1, 2, 5, 6) };
    expect(found).toEqual([{ frame: 3, boxes: [box], tracks: [{ id: 1, ...box }], picture }]);
    expect(lost).toBe(0);
  });

  test("of which a part was lost have the others, and those that did not come are counted", () => {
    const messages = [row(0, 0, [1, 2], "grey"), boxes(0), tracks(0), boxes(1), row(4, 0, [1, 2], "grey"), tracks(4)];
    const { found, lost } = all([...messages, boxes(5), tracks(5), boxes(0), tracks(0)]);
    expect(found.map(({ frame, ...rest }) => [frame, ...Object.keys(rest)])).toEqual([
      [0, "boxes", "tracks"],
      [1, "boxes"],
      [4, "tracks"],
      [5, "boxes", "tracks"],
      [0, "boxes", "tracks"],
    ]);
    expect(lost).toBe(2);
  });

  test("of a camera's colours are of 8 bits each", () => {
    const colours = [row(0, 0, [0xff, 0xff, 0xf8, 0], "rgb565"), row(0, 1, [0x07, 0xe0, 0, 0x1f], "rgb565"), tracks(0)];
    expect(all(colours).found[0].picture?.data).toEqual(Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255));
  });

  test("that claim to be huge take no memory", () => {
    const huge: WireMessage = { ...(row(0, 0, [], "grey") as object), width: 1300, height: 65535 } as WireMessage;
    expect(all([{ ...huge, data: new Uint8Array(1300) } as WireMessage, tracks(0)]).found[0].picture).toBeUndefined();
  });
});
