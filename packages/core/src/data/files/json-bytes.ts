/**
 * A JSON reader over bytes that visits requested values and skips the rest without creating objects, so that a label
 * file of half a gigabyte needs only the memory of its boxes. Errors are `FILE:LINE: problem`.
 */
import { PhinetsError } from "../../tensor/index.js";
import { mostJsonTextBytes } from "./limits.js";

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

const powersOfTen = Float64Array.from({ length: 23 }, (_, n) => Number(`1e${n}`));

const longestNumber = 2000;

/** Member names as bytes, for `members`. */
export function memberNames(...names: readonly string[]): readonly Uint8Array[] {
  return names.map((name) => Uint8Array.from(name, (letter) => letter.charCodeAt(0)));
}

export class JsonBytes {
  #at = 0;
  #counted = { at: 0, line: 1 };

  constructor(
    readonly bytes: Uint8Array,
    readonly file: string,
    readonly code: string,
  ) {
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3;
  }

  /** Position of the next value, for `fail`. */
  get at(): number {
    this.#space();
    return this.#at;
  }

  fail(problem: string, at = this.#at): never {
    throw new PhinetsError(this.code, `${this.where(at)}: ${problem}`, this.file);
  }

  /** `FILE:LINE` of a position. */
  where(at: number): string {
    // Counts on from the previous position, so that many positions in one file cost one pass over it.
    let { at: from, line } = at >= this.#counted.at ? this.#counted : { at: 0, line: 1 };
    for (; from < Math.min(at, this.bytes.length); from++) if (this.bytes[from] === 0x0a) line++;
    this.#counted = { at: from, line };
    return `${this.file}:${line}`;
  }

  /**
   * Reads an object: calls `on` with the index in `names` of each member found there, to read its value; skips other
   * members.
   */
  members(what: string, names: readonly Uint8Array[], on: (name: number) => void): void {
    if (this.#next() !== openBrace) this.#unexpected(`${what}, an object,`);
    this.#at++;
    if (this.#next() === closeBrace) {
      this.#at++;
      return;
    }
    for (;;) {
      if (this.#next() !== quote) this.#unexpected("a member's name");
      const name = this.#name(names);
      if (this.#next() !== colon) this.#unexpected("a colon");
      this.#at++;
      if (name < 0) this.skip();
      else on(name);
      const byte = this.#next();
      this.#at++;
      if (byte === closeBrace) return;
      if (byte !== comma) {
        this.#at--;
        this.#unexpected("a comma or }");
      }
    }
  }

  /** Reads a list: calls `on` with 0, 1, ... to read each element. */
  elements(what: string, on: (index: number) => void): void {
    if (this.#next() !== openBracket) this.#unexpected(`${what}, a list,`);
    this.#at++;
    if (this.#next() === closeBracket) {
      this.#at++;
      return;
    }
    for (let index = 0; ; index++) {
      on(index);
      const byte = this.#next();
      this.#at++;
      if (byte === closeBracket) return;
      if (byte !== comma) {
        this.#at--;
        this.#unexpected("a comma or ]");
      }
    }
  }

  /** First character of the next value: `{`, `[`, `"`, a digit... */
  peek(): string {
    return String.fromCharCode(this.#next());
  }

  /** Calls `read` at position `at`, which was skipped before, and then returns to the current position. */
  revisit<T>(at: number, read: () => T): T {
    const here = this.#at;
    this.#at = at;
    try {
      return read();
    } finally {
      this.#at = here;
    }
  }

  /** Reads true, false or null; returns undefined without reading if the next value is something else. */
  word(): boolean | null | undefined {
    const letter = this.#next();
    for (const [text, value] of [
      ["true", true],
      ["false", false],
      ["null", null],
    ] as const) {
      if (letter !== text.charCodeAt(0)) continue;
      for (let i = 0; i < text.length; i++) {
        if (this.bytes[this.#at + i] !== text.charCodeAt(i)) this.#unexpected(text);
      }
      this.#at += text.length;
      return value;
    }
    return undefined;
  }

  number(what: string): number {
    this.#next();
    const { bytes } = this;
    const start = this.#at;
    let at = start;
    const negative = bytes[at] === 0x2d;
    if (negative) at++;
    let mantissa = 0;
    let exponent = 0;
    let digits = 0;
    for (; bytes[at] >= 0x30 && bytes[at] <= 0x39; at++, digits++) mantissa = mantissa * 10 + bytes[at] - 0x30;
    if (digits === 0) this.#unexpected(`${what}, a number,`);
    if (bytes[at] === 0x2e) {
      const point = ++at;
      for (; bytes[at] >= 0x30 && bytes[at] <= 0x39; at++, digits++) mantissa = mantissa * 10 + bytes[at] - 0x30;
      exponent = point - at;
      if (exponent === 0) this.fail(`${what} has no digit after its point`, start);
    }
    const plain = (bytes[at] | 0x20) !== 0x65;
    if (!plain) {
      at++;
      if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
      const from = at;
      while (bytes[at] >= 0x30 && bytes[at] <= 0x39) at++;
      if (at === from) this.fail(`${what} has no digit in its exponent`, start);
    }
    this.#at = at;
    if (at - start > longestNumber) this.fail(`${what} has ${at - start} characters; no number has so many`, start);
    // With up to 15 digits and 22 decimals both parts are exact doubles, so their quotient is correctly rounded.
    if (plain && digits <= 15 && exponent >= -22) {
      const value = mantissa / powersOfTen[-exponent];
      return negative ? -value : value;
    }
    const value = Number(this.#ascii(start, at));
    if (!Number.isFinite(value))
      this.fail(`${what} is ${this.#ascii(start, Math.min(at, start + 40))}, too large`, start);
    return value;
  }

  /** Reads a string. */
  string(what: string): string {
    if (this.#next() !== quote) this.#unexpected(`${what}, a text,`);
    const start = this.#at;
    this.#skipString();
    if (this.#at - start > mostJsonTextBytes) {
      this.fail(`${what} has ${this.#at - start} bytes; at most ${mostJsonTextBytes} are read`, start);
    }
    // JSON.parse decodes the escapes, and percent encoding the UTF-8.
    const raw = this.#ascii(start, this.#at);
    try {
      return JSON.parse(/[\x80-\xff]/.test(raw) ? decodeURIComponent(escapeBytes(raw)) : raw) as string;
    } catch {
      return this.fail(`${what} is no JSON text`, start);
    }
  }

  numberOrText(what: string): number | string {
    if (this.#next() === quote) return this.string(what);
    const byte = this.bytes[this.#at];
    if (byte !== 0x2d && !(byte >= 0x30 && byte <= 0x39)) this.#unexpected(`${what}, a number or a text,`);
    return this.number(what);
  }

  /** Skips a value. */
  skip(): void {
    const { bytes } = this;
    let depth = 0;
    do {
      const byte = this.#next();
      if (byte === quote) this.#skipString();
      else if (byte === openBrace || byte === openBracket) {
        depth++;
        this.#at++;
      } else if (byte === closeBrace || byte === closeBracket) {
        if (depth === 0) this.#unexpected("a value");
        depth--;
        this.#at++;
      } else if (byte === comma || byte === colon) {
        if (depth === 0) this.#unexpected("a value");
        this.#at++;
      } else {
        const start = this.#at;
        // Skips a number or word: up to the first character that is not a letter, digit, sign or point.
        for (let next = bytes[this.#at]; isScalar(next); next = bytes[++this.#at]);
        if (this.#at === start) this.#unexpected("a value");
      }
    } while (depth > 0);
  }

  /** Throws if anything follows. */
  end(): void {
    this.#space();
    if (this.#at < this.bytes.length) this.#unexpected("the end of the file");
  }

  #space(): void {
    const { bytes } = this;
    for (let byte = bytes[this.#at]; byte === 0x20 || (byte >= 0x09 && byte <= 0x0d); byte = bytes[++this.#at]);
  }

  #next(): number {
    this.#space();
    if (this.#at >= this.bytes.length) this.fail("the file ends within the JSON; it was cut off");
    return this.bytes[this.#at];
  }

  #unexpected(wanted: string): never {
    let end = this.#at;
    while (end < this.bytes.length && end < this.#at + 20 && this.bytes[end] > 0x20) end++;
    return this.fail(`${wanted} was expected, got ${this.#ascii(this.#at, end) || "the end of the file"}`);
  }

  /** Skips the string at the cursor and returns its index in `names`, or -1. */
  #name(names: readonly Uint8Array[]): number {
    const start = this.#at + 1;
    this.#skipString();
    const length = this.#at - 1 - start;
    for (let n = 0; n < names.length; n++) {
      const name = names[n];
      if (name.length !== length) continue;
      let i = 0;
      while (i < length && name[i] === this.bytes[start + i]) i++;
      if (i === length) return n;
    }
    return -1;
  }

  #skipString(): void {
    const { bytes } = this;
    let at = this.#at + 1;
    for (let byte = bytes[at]; byte !== quote; byte = bytes[++at]) {
      if (at >= bytes.length) this.fail("a text does not end; the file was cut off");
      if (byte === backslash) at++;
    }
    this.#at = at + 1;
  }

  #ascii(from: number, to: number): string {
    let text = "";
    for (let i = from; i < to; i++) text += String.fromCharCode(this.bytes[i]);
    return text;
  }
}

function isScalar(byte: number): boolean {
  const letter = byte | 0x20;
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (letter >= 0x61 && letter <= 0x7a) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

/** Percent-encodes all characters that are not plain; one character per byte. */
function escapeBytes(text: string): string {
  return text.replace(/[%\x80-\xff]/g, (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
