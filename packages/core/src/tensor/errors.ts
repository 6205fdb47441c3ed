/**
 * An error that a user can act on. `code` is stable (`room.problem`), `path` names the wrong file or field, and
 * `message` is one line: what was wrong, the value, and what to do. Front ends print only the message; any other error
 * is a bug of ours and keeps its stack.
 */
export class PhinetsError extends Error {
  override readonly name = "PhinetsError";
  constructor(
    readonly code: string,
    message: string,
    readonly path?: string,
  ) {
    super(oneLine(message, path));
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what files hold gets into messages
const control = /[\u0000-\u001f\u007f\u2028\u2029]/g;

const longest = 2000;
const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Joins the lines of a tool's output into one. Line ends inside `path` and other control characters are escaped as in
 * JSON.
 */
function oneLine(text: string, path = ""): string {
  // A file's text may have any length; the advice is at the end. Truncate first, because the search for blanks is
  // quadratic.
  const most = text.length <= longest ? text : `${text.slice(0, 1200)}...${text.slice(-600)}`;
  const joined = /[\r\n]/.test(path) ? most : most.replace(/\s*[\r\n]+\s*/g, " ");
  return joined.replace(
    control,
    (letter) => short[letter] ?? `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
