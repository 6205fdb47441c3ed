import { describe, expect, it, vi } from "vitest";
import { utf8Decode, utf8Encode, utf8Length } from "./utf8.js";

const texts = ["", "bolt", "Schraube größer", "\u{1f529} nut", "a\ud800b", "\udc00", "\ud83d"];

it.each(texts)("%j as TextEncoder has it", (text) => {
  const bytes = utf8Encode(text);
  expect([...bytes]).toEqual([...new TextEncoder().encode(text)]);
  expect(utf8Length(text)).toBe(bytes.length);
  expect(utf8Decode(bytes)).toBe(new TextDecoder().decode(new TextEncoder().encode(text)));
});

it("reads a text after one that it refused", () => {
  for (const bytes of [[0xe2], [0x41, 0xe2, 0x82], [0xf0, 0x9f], [0xff]]) {
    expect(() => utf8Decode(Uint8Array.from(bytes))).toThrow("not a text in UTF-8");
    expect(utf8Decode(Uint8Array.of(0x41))).toBe("A");
  }
});

describe("where there is neither TextEncoder nor TextDecoder", async () => {
  const [Encoder, Decoder] = [TextEncoder, TextDecoder];
  vi.stubGlobal("TextEncoder", undefined);
  vi.stubGlobal("TextDecoder", undefined);
  vi.resetModules();
  const without = await import("./utf8.js");
  vi.unstubAllGlobals();
  it.each(texts)("%j is the same", (text) => {
    const bytes = without.utf8Encode(text);
    expect([...bytes]).toEqual([...new Encoder().encode(text)]);
    expect(without.utf8Decode(bytes)).toBe(new Decoder().decode(bytes));
  });
});
