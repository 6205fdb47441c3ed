/** Colours for a terminal; the identity everywhere else. */

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

/** Whether a stream takes colours: a terminal, unless NO_COLOR is set (no-color.org) or TERM is dumb. */
export function wantsColours(stream: { readonly isTTY?: boolean }, environment = process.env): boolean {
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
}

export function makeColours(enabled: boolean): Colours {
  const entries = Object.entries(codes).map(([name, [on, off]]) => [
    name,
    enabled ? (text: string) => `\u001b[${on}m${text}\u001b[${off}m` : (text: string) => text,
  ]);
  return Object.fromEntries(entries) as unknown as Colours;
}
