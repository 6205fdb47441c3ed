/** Command lines as text that a POSIX shell reads as the same words. (cmd.exe has no such quoting; none is pretended.) */

/** Words that no shell changes. */
const plain = /^[A-Za-z0-9_@%+:,./=-]+$/;
/** What would not be seen, or would turn the line around, where it is shown. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const invisible = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

/** The line that a shell splits into these words again. */
export function shellQuote(words: readonly string[]): string {
  // Half a character is no text, and no shell passes it on.
  return words.map((word, i) => quoteWord(word.replace(/\p{Cs}/gu, "\ufffd"), i === 0)).join(" ");
}

function quoteWord(word: string, isFirst: boolean): string {
  // A word with = before the command sets a variable.
  if (plain.test(word) && !(isFirst && word.includes("="))) return word;
  // The shell drops line ends from what printf gives.
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
