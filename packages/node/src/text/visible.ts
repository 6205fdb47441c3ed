/** Makes text from files (names of pictures and classes) safe to show in a terminal. */

/** Line ends and other control characters, marks that reorder or hide text, lone surrogates. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const invisible = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Surrogate}/gu;

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** One line, with invisible and control characters escaped as in JSON. */
export function visible(text: string): string {
  return text.replace(
    invisible,
    (letter) => short[letter] ?? `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** As `visible`, but line ends are kept. */
export function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}
