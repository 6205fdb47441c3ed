import { expect, it } from "vitest";
import { utf8Decode, utf8Encode, utf8Length } from "./utf8.js";

it.each(["", "bolt", "Schraube größer", "\u{1f529} nut", "a\ud800b", "\udc00", "\ud83d"])(
  "%j as TextEncoder has it",
  (text) => {
    const bytes = utf8Encode(text);
    expect([...bytes]).toEqual([...new TextEncoder().encode(text)]);
    expect(utf8Length(text)).toBe(bytes.length);
    expect(utf8Decode(bytes)).toBe(new TextDecoder().decode(new TextEncoder().encode(text)));
  },
);
