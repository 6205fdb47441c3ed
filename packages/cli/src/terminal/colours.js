/** Colours for a terminal; the identity everywhere else. */
const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
};
/** Whether a stream takes colours: a terminal, unless NO_COLOR is set (no-color.org) or TERM is dumb. */
export function wantsColours(stream, environment = process.env) {
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
}
export function makeColours(enabled) {
  const entries = Object.entries(codes).map(([name, [on, off]]) => [
    name,
    enabled ? (text) => `\u001b[${on}m${text}\u001b[${off}m` : (text) => text,
  ]);
  return Object.fromEntries(entries);
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
const escapes = /\u001b\[[0-9;]*m/g;
/** Text without colour codes. */
export function stripColours(text) {
  return text.replace(escapes, "");
}
//# sourceMappingURL=colours.js.map
