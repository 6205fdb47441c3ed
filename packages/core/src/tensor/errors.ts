/**
 * An error a user can act on. `code` is stable (`room.problem`), `path` names the file or field that was wrong, and
 * `message` is one line: what was wrong, the value, and what to do. Renderers print the message only; anything that is
 * not a PhinetsError is a bug of ours and keeps its stack.
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

/** Lines of a tool's words become one; a line end that is part of a name, and other control characters, are shown as JSON's. */
function oneLine(text: string, path = ""): string {
  // A file's text may be of any length; what to do about it stands at the end. Cut first: blanks are searched in square time.
  const most = text.length <= longest ? text : `${text.slice(0, 1200)}...${text.slice(-600)}`;
  const joined = /[\r\n]/.test(path) ? most : most.replace(/\s*[\r\n]+\s*/g, " ");
  return joined.replace(
    control,
    (letter) => short[letter] ?? `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
