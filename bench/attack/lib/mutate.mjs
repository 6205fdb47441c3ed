/**
 * Mutates valid files: changes bytes anywhere, replaces numbers in a text or header by extreme ones, rebuilds JSON with
 * a changed node, swaps files of a folder. Every draw comes from the given generator, so a mutant can be reproduced
 * from its key alone.
 */
/** Numbers at the edges of what bytes, floats, counts and our own limits hold. */
const numbers = [
  ..."0 -0 1 -1 2 3 0.5 1e-9 7 8 127 128 255 256 -128 32767 65535 65536 99999 100001 1000001 10000001".split(" "),
  ..."2147483646 2147483647 2147483648 -2147483648 4294967295 4294967296 9007199254740991 9007199254740993".split(" "),
  ..."1e15 1e21 1e99 1e300 1e308 1e309 -1e309 5e-324 NaN Infinity -Infinity nan inf 0x10 1_000 00 01 +5 .5 5. 1e 1,5".split(
    " ",
  ),
];
/** Strings with a special meaning somewhere. */
const words = [
  "",
  " ",
  "\t",
  "\n",
  "\r\n",
  "\0",
  "\ufeff",
  "\u2028",
  "\ud800",
  "é",
  "e\u0301",
  "İ",
  "💥",
  "null",
  "true",
  "__proto__",
  "constructor",
  "toString",
  "length",
  "hasOwnProperty",
  "..",
  "../../x",
  "/",
  "/etc/passwd",
  "C:\\x",
  "a/../..",
  "*x",
  "&a",
  "<<",
  "- ",
  ": ",
  "#",
  '"',
  "'",
  "`id`",
  "$(touch x)",
  "=1+1",
  "<!DOCTYPE x [<!ENTITY a 'b'>]>",
  "<![CDATA[",
  "&#x110000;",
  "&lt;",
  "]]>",
  "<",
  ">",
  ",",
  ";",
  "{",
  "}",
  "[",
  "]",
  "x".repeat(300),
  "9".repeat(400),
];
const bytes8 = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x20, 0x0a, 0x22, 0x2e];
const words32 = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe];

const pick = (draws, list) => list[draws.integer(list.length)];

/** Makes one to three changes to bytes. `other`: a second valid file to take parts from. */
export function mutateBytes(draws, bytes, other = bytes) {
  let out = bytes;
  for (let n = draws.integer(3); n >= 0; n--) out = changeBytes(draws, out, other);
  return out;
}

function changeBytes(draws, bytes, other) {
  const at = draws.integer(bytes.length + 1);
  const length = Math.min(1 + draws.integer(draws.integer(4) === 0 ? 64 : 8), bytes.length - at);
  const copy = Uint8Array.from(bytes);
  switch (draws.integer(10)) {
    case 0:
      if (at < copy.length) copy[at] ^= 1 << draws.integer(8);
      return copy;
    case 1:
      if (at < copy.length) copy[at] = pick(draws, bytes8);
      return copy;
    case 2:
      return bytes.slice(0, at);
    case 3:
      return join(bytes.subarray(0, at), bytes.subarray(at + length));
    case 4:
      return join(bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at));
    case 5: {
      const size = pick(draws, [1, 2, 4, 8]);
      if (at + size > copy.length) return copy;
      const value = pick(draws, words32);
      const big = draws.integer(2) === 1;
      for (let n = 0; n < size; n++) copy[at + (big ? size - 1 - n : n)] = n < 4 ? value >>> (8 * n) : 0;
      return copy;
    }
    case 6: {
      const from = draws.integer(other.length + 1);
      return join(bytes.subarray(0, at), other.subarray(from, from + draws.integer(200)), bytes.subarray(at + length));
    }
    case 7:
      for (let n = at; n < at + length; n++) copy[n] = draws.integer(256);
      return copy;
    case 8:
      return join(bytes.subarray(0, at), utf8(pick(draws, words)), bytes.subarray(at));
    default: {
      const to = draws.integer(bytes.length + 1);
      copy.copyWithin(to, at, at + length);
      return copy;
    }
  }
}

/** Changes numbers, words and lines of a text. */
export function mutateText(draws, bytes, other = bytes) {
  let text = latin1(bytes);
  for (let n = draws.integer(3); n >= 0; n--) text = changeText(draws, text, other);
  return fromLatin1(text);
}

const tokens = /-?\d+(?:\.\d+)?|[A-Za-z_]+|[^\sA-Za-z0-9_]/g;
const digits = /-?\d+(?:\.\d+)?/g;

/**
 * The first match of `pattern` (global) at or after a random position, else the first of all; undefined if there is
 * none.
 */
function tokenOf(draws, text, pattern = tokens) {
  let at = draws.integer(text.length + 1);
  // Moves back to the start of a word or number.
  while (at > 0 && /[\w.-]/.test(text[at - 1])) at--;
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (found !== null) return found;
  pattern.lastIndex = 0;
  return pattern.exec(text) ?? undefined;
}

const replaced = (text, token, by) =>
  token === undefined ? text : text.slice(0, token.index) + by + text.slice(token.index + token[0].length);

function changeText(draws, text, other) {
  const kind = draws.integer(9);
  switch (kind) {
    case 0:
    case 1:
      return replaced(text, tokenOf(draws, text, digits) ?? tokenOf(draws, text), pick(draws, numbers));
    case 2:
      return replaced(text, tokenOf(draws, text), binary(pick(draws, words)));
    case 3:
      return replaced(text, tokenOf(draws, text), tokenOf(draws, text)?.[0] ?? "");
    case 4:
      return text.replaceAll("\n", pick(draws, ["\r\n", "\r", "\n\n", " ", "\n \t"]));
    default: {
      const lines = text.split("\n");
      changeLines(draws, kind, lines, other);
      return lines.join("\n");
    }
  }
}

function changeLines(draws, kind, lines, other) {
  const line = draws.integer(lines.length);
  if (kind === 5) lines.splice(line, 1);
  else if (kind === 6) lines.splice(line, 0, lines[draws.integer(lines.length)]);
  else if (kind === 7) lines.splice(line, 0, pick(draws, latin1(other).split("\n")));
  else if (lines[line].length < 200) lines[line] = lines[line].repeat(1 + draws.integer(50));
}

/** Replaces, removes, renames, duplicates or wraps a node of a JSON document. Invalid JSON is changed as text. */
export function mutateJson(draws, bytes, other = bytes) {
  const document = parse(bytes);
  if (document === undefined) return mutateText(draws, bytes, other);
  const box = { root: document };
  for (let n = draws.integer(3); n >= 0; n--) changeNode(draws, box, other);
  let text = JSON.stringify(box.root) ?? "null";
  if (box.raw !== undefined) text = text.replace('"RAW"', () => box.raw);
  return utf8(text);
}

const tooDeep = "[".repeat(1000);

function changeNode(draws, box, other) {
  const [parent, key] = pick(draws, placesOf(box));
  const isList = Array.isArray(parent);
  switch (draws.integer(9)) {
    case 0:
      parent[key] = pick(draws, [null, true, false, [], {}, "", [[]], [null], { a: 1 }, [0, 0], -1, 0, 1e300, "x"]);
      return;
    case 1: {
      box.raw = pick(draws, [
        ...numbers,
        "[".repeat(5000) + "]".repeat(5000),
        `${'{"a":'.repeat(200)}1${"}".repeat(200)}`,
      ]);
      parent[key] = "RAW";
      return;
    }
    case 2:
      if (isList) parent.splice(key, 1);
      else delete parent[key];
      return;
    case 3:
      if (!isList) parent[pick(draws, [`${key}s`, "__proto__x", ...words])] = parent[key];
      return;
    case 4: {
      const [from, name] = pick(draws, placesOf({ root: parse(other) }));
      parent[key] = structuredClone(from[name]);
      return;
    }
    case 5:
      if (isList)
        parent.splice(key, 0, ...Array.from({ length: 1 + draws.integer(20) }, () => structuredClone(parent[key])));
      return;
    case 6:
      parent[key] = draws.integer(2) === 0 ? [parent[key]] : { [key]: parent[key] };
      return;
    case 7:
      parent[key] = pick(draws, words);
      return;
    default: {
      const leaf = parent[key];
      if (typeof leaf === "number")
        parent[key] = pick(draws, [
          -leaf,
          leaf + 1,
          leaf - 1,
          leaf * 2,
          leaf / 3,
          leaf * 1e6,
          String(leaf),
          Math.trunc(leaf),
        ]);
      else parent[key] = pick(draws, [0, 1, 2 ** 31, -(2 ** 31), 2 ** 53, 1e-320, 255, 65536]);
    }
  }
}

function placesOf(box) {
  const places = [[box, "root"]];
  for (let n = 0; n < places.length && places.length < 5000; n++) {
    const value = places[n][0][places[n][1]];
    if (typeof value === "object" && value !== null)
      for (const key of Object.keys(value)) places.push([value, Array.isArray(value) ? Number(key) : key]);
  }
  return places;
}

/** Changes a safetensors file: its header as JSON with the correct length, or its bytes. */
export function mutateSafetensors(draws, bytes, other = bytes) {
  const length = bytes.length >= 8 ? Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)) : 0;
  if (draws.integer(4) === 0 || length === 0 || 8 + length > bytes.length) return mutateBytes(draws, bytes, other);
  const header = mutateJson(draws, bytes.subarray(8, 8 + length));
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(header.length), true);
  const data = bytes.subarray(8 + length);
  return join(size, header, draws.integer(3) === 0 ? mutateBytes(draws, data) : data);
}

/** Changes a file according to its name; one in six is changed as bytes regardless. */
export function mutateFile(draws, name, bytes, other = bytes) {
  if (draws.integer(6) === 0) return mutateBytes(draws, bytes, other);
  if (/\.(json|labels|ipynb)$/.test(name))
    return draws.integer(5) === 0 ? mutateText(draws, bytes, other) : mutateJson(draws, bytes, other);
  if (/\.safetensors$/.test(name)) return mutateSafetensors(draws, bytes, other);
  if (/\.(txt|csv|xml|yaml|yml|names|data|ini|jsonl|pbm|pgm|ppm|pam|md)$/.test(name))
    return mutateText(draws, bytes, other);
  return mutateBytes(draws, bytes, other);
}

/**
 * Changes one or two files of a folder (given by path); sometimes removes, renames, copies or swaps files.
 * @param other files of another valid folder of the same target
 */
export function mutateFiles(draws, files, other = files) {
  const out = { ...files };
  for (let n = draws.integer(2); n >= 0; n--) {
    const names = Object.keys(out);
    if (names.length === 0) break;
    const name = pick(draws, names);
    const [stranger, content] = pick(draws, Object.entries(other));
    if (names.length === 1 || draws.integer(8) > 0) {
      out[name] = mutateFile(draws, name, out[name], content);
      continue;
    }
    const next = pick(draws, names);
    switch (draws.integer(5)) {
      case 0:
        delete out[name];
        break;
      case 1:
        out[`${name.replace(/[^/]*$/, "")}${pick(draws, words).replace(/\0|^\/+/g, "") || "x"}`] = out[name];
        break;
      case 2:
        [out[name], out[next]] = [out[next], out[name]];
        break;
      case 3:
        out[stranger] = content;
        break;
      default:
        out[next.replace(/[^/]*$/, name.replace(/^.*\//, ""))] = out[name];
    }
  }
  return out;
}

export function join(...parts) {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const encoder = new TextEncoder();
/** A text's UTF-8; lone surrogates become U+FFFD. */
export const utf8 = (text) => encoder.encode(text);
const latin1 = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
const fromLatin1 = (text) => new Uint8Array(Buffer.from(text, "latin1"));
/** UTF-8 of a text as one character per byte. */
const binary = (text) => latin1(utf8(text));

/** Parses JSON; undefined if it is invalid or nested too deeply to be serialised on every stack. */
function parse(bytes) {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  if (text.includes(tooDeep)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
