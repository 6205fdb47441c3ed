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
    super(message);
  }
}
