/** Colours for a terminal; elsewhere the functions return their text unchanged. */

export interface Colours {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  blue(text: string): string;
}

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
} as const;

/**
 * Whether a stream takes colours: a terminal does, unless NO_COLOR is set (no-color.org) or TERM is dumb. FORCE_COLOR
 * overrides all of these, as in Node: 0 or false for none, anything else for colours.
 */
export function wantsColours(stream: { readonly isTTY?: boolean }, environment = process.env): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: none, TERM: term } = environment;
  if (forced !== undefined) return forced !== "0" && forced.toLowerCase() !== "false";
  return stream.isTTY === true && !none && term !== "dumb";
}

export function makeColours(enabled: boolean): Colours {
  const entries = Object.entries(codes).map(([name, [on, off]]) => [
    name,
    enabled ? (text: string) => `\u001b[${on}m${text}\u001b[${off}m` : (text: string) => text,
  ]);
  return Object.fromEntries(entries) as unknown as Colours;
}

/** Colours the first word of a line about a problem. */
export function colourLine(line: string, colours: Colours): string {
  return line
    .replace(/^error:/, (word) => colours.bold(colours.red(word)))
    .replace(/^warning:/, (word) => colours.yellow(word));
}

/** Prints a table's titles, which stand above a rule, in bold. */
export function colourHeadings(text: string, { bold }: Colours): string {
  return text.replace(/^(.*\S.*)\n(?=\u2500[\u2500 ]*(?:\n|$))/gm, (_, titles) => `${bold(titles)}\n`);
}
