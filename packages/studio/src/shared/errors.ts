/** A user error as the server sends it: a PhinetsError as data. */
export interface ErrorDocument {
  readonly error: { readonly code: string; readonly message: string; readonly path?: string };
}
