/** Requests to the studio's server. The types of the answers are in shared/; a refusal is thrown as a `UserError`. */
import type { ErrorDocument } from "../shared/errors.js";

/** An error that the user can fix, in one line: a PhinetsError as data. */
export class UserError extends Error {
  override readonly name = "UserError";
  constructor(
    readonly code: string,
    message: string,
    readonly path?: string,
  ) {
    super(message);
  }
}

export type Query = Readonly<Record<string, string | number>>;

/** The address of a resource below api/, such as "data/thumbnail". */
export function addressOf(resource: string, query: Query = {}): string {
  const words = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `./api/${resource}${words.length > 0 ? `?${words.join("&")}` : ""}`;
}

export interface RequestOptions {
  readonly query?: Query;
  /** Bytes are sent unchanged, everything else as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export const get = <T>(resource: string, options?: RequestOptions): Promise<T> => request("GET", resource, options);
export const post = <T>(resource: string, options?: RequestOptions): Promise<T> => request("POST", resource, options);
export const remove = (resource: string): Promise<void> => request("DELETE", resource);

async function request<T>(method: string, resource: string, { query, body, signal }: RequestOptions = {}): Promise<T> {
  const isBytes = body instanceof Blob || body instanceof Uint8Array;
  const type = { "Content-Type": isBytes ? "application/octet-stream" : "application/json" };
  const sent = body === undefined ? {} : { body: isBytes ? (body as BodyInit) : JSON.stringify(body), headers: type };
  let response: Response;
  try {
    response = await fetch(addressOf(resource, query), { method, signal, ...sent });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new UserError("studio.gone", "the studio's server does not answer; start phinets studio again");
  }
  if (response.status === 204) return undefined as T;
  const document = await response.json().catch(() => undefined);
  if (response.ok) return document as T;
  const { error } = (document ?? {}) as Partial<ErrorDocument>;
  if (error === undefined) throw new UserError("studio.answer", `${resource}: the server answered ${response.status}`);
  throw new UserError(error.code, error.message, error.path);
}
