/** Quotes command lines so that a POSIX shell splits them into the same words. (cmd.exe has no equivalent quoting.) */

/** Words that need no quotes. */
const plain = /^[A-Za-z0-9_@%+:,./=-]+$/;
/** Characters that are invisible, or that reorder the line in which they are shown. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const invisible = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

/** A line that a shell splits into these words. */
export function shellQuote(words: readonly string[]): string {
  // Lone surrogates cannot be encoded, and no shell passes them on.
  return words.map((word, i) => quoteWord(word.replace(/\p{Cs}/gu, "\ufffd"), i === 0)).join(" ");
}

function quoteWord(word: string, isFirst: boolean): string {
  // A word with = before the command sets a variable.
  if (plain.test(word) && !(isFirst && word.includes("="))) return word;
  // The shell drops trailing line ends from printf's output.
  if (!invisible.test(word) || word.endsWith("\n")) return `'${word.replaceAll("'", "'\\''")}'`;
  const bytes = (text: string): string =>
    Array.from(new TextEncoder().encode(text), (byte) => `\\0${byte.toString(8).padStart(3, "0")}`).join("");
  const shown = Array.from(word, (character) => {
    if (character === "\\") return "\\\\";
    if (character === "'") return "'\\''";
    return invisible.test(character) ? bytes(character) : character;
  }).join("");
  return `"$(printf %b '${shown}')"`;
}
