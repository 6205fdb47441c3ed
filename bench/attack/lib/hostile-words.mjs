/**
 * Strings that would execute, lead to other paths or break out of quotation, in every language that the program writes.
 */
import { mutateFile, utf8 } from "./mutate.mjs";

const pick = (draws, list) => list[draws.integer(list.length)];

/** @param canary a path that must never be created */
export const hostileWords = (canary) => [
  `$(touch ${canary})`,
  `\`touch ${canary}\``,
  `"; touch ${canary}; "`,
  `'; touch ${canary}; '`,
  `x\n\t$(shell touch ${canary})\n`,
  `$(shell touch ${canary})`,
  `x)\nexecute_process(COMMAND touch ${canary})\nset(y`,
  `\${CMAKE_COMMAND} -E touch ${canary}`,
  `*/ int x; /*`,
  `\\"; system("touch ${canary}"); //`,
  `"\n#include "/etc/passwd"\n`,
  `\n INCLUDE ${canary} \n`,
  `<script>alert(1)</script>`,
  `"><img src=x onerror=alert(1)>`,
  `=HYPERLINK("http://x","y")`,
  `@SUM(1)`,
  `![x](file:///etc/passwd)`,
  "../../PWNED",
  canary,
  `${canary}/x`,
  "..",
  ".",
  "",
  " ",
  "-rf",
  "--out=/",
  "%s%s%n",
  "*",
  "~root",
  "con",
  "a\0b",
  "a\rb",
  "\u202eflip",
  "\ud800",
  "__proto__",
  "constructor",
  "y".repeat(5000),
];

const numbers = [0, -1, 1e300, 2 ** 31, 2 ** 53, 0.5, -1e-9, 4096, 65536];
const others = [null, true, [], {}, [[1]], "x"];

const freeText =
  /title|name|label|file|path|clip|reason|version|machine|compiler|words|command|^(?:fpu|simd|clockHz|regions|flashBytes)$/i;

/** Makes a document hostile: all its strings, or some fields of any kind, or its names. */
export function hostileDocument(draws, document, words) {
  const copy = structuredClone(document);
  const places = placesOf({ root: copy }).slice(1);
  if (places.length === 0) return copy;
  switch (draws.integer(6)) {
    case 0:
    case 1: {
      // Strings without constraints: names, titles, paths.
      const free = places.filter(
        ([parent, key]) => typeof parent[key] === "string" && (Array.isArray(parent) || freeText.test(key)),
      );
      for (const [parent, key] of free) if (draws.uniform() < 0.7) parent[key] = pick(draws, words);
      return copy;
    }
    case 2: {
      const share = pick(draws, [1, 1, 0.5]);
      for (const [parent, key] of places)
        if (typeof parent[key] === "string" && draws.uniform() < share) parent[key] = pick(draws, words);
      return copy;
    }
    case 3:
      for (const [parent, key] of places)
        if (typeof parent[key] === "number" && draws.uniform() < 0.5) parent[key] = pick(draws, numbers);
      return copy;
    case 4: {
      const [parent, key] = pick(draws, places);
      if (!Array.isArray(parent)) {
        parent[pick(draws, words)] = parent[key];
        if (draws.integer(2) === 0) delete parent[key];
      }
      return copy;
    }
    default:
      for (let n = draws.integer(3); n >= 0; n--) {
        const [parent, key] = pick(draws, places);
        parent[key] = pick(draws, [...words, ...numbers, ...others]);
      }
      return copy;
  }
}

function placesOf(box) {
  const places = [[box, "root"]];
  for (let n = 0; n < places.length && places.length < 3000; n++) {
    const value = places[n][0][places[n][1]];
    if (typeof value === "object" && value !== null) for (const key of Object.keys(value)) places.push([value, key]);
  }
  return places;
}

/** Makes a file's content hostile: its fields if it is JSON, else its bytes. */
export function hostileFile(draws, name, bytes, words) {
  if (draws.integer(5) > 0) {
    const text = Buffer.from(bytes).toString();
    if (name.endsWith(".json") || name.endsWith(".lock"))
      try {
        return utf8(JSON.stringify(hostileDocument(draws, JSON.parse(text), words)));
      } catch {
        // Not JSON, so its bytes are changed.
      }
    if (/\.(yaml|txt|csv|xml|jsonl|md)$/.test(name)) {
      const lines = text.split("\n");
      for (let n = draws.integer(3); n >= 0; n--) {
        const line = draws.integer(lines.length);
        const value = name.endsWith(".yaml") ? JSON.stringify(pick(draws, words)) : pick(draws, words);
        lines[line] = lines[line].replace(/(?<=[:,\s>])\s*[^:,\s<>]+\s*$|^[^:,\s]+$|(?<=,)[^,]*/, () => value);
      }
      return utf8(lines.join("\n"));
    }
  }
  return mutateFile(draws, name, bytes);
}
