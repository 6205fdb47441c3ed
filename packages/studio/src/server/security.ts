/**
 * Access control. The server can read the user's files, so other sites, other users of the machine and names that
 * resolve to loopback (DNS rebinding) must get nothing: every request must name one of our hosts, come from our own
 * page or the address bar, and carry the session's token.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { PhinetsError } from "@phinets/core/tensor";
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { contentSecurityPolicy } from "../shared/policy.js";
import { errorResponse } from "./errors.js";

export interface SecurityOptions {
  /** Host names, without ports, that requests may address. */
  readonly hosts: readonly string[];
  /** Undefined for an admitted request, else the reason for refusing it. */
  readonly admit: (context: Context) => PhinetsError | undefined;
  /**
   * Whether browsers consider the address trustworthy, as they do loopback and HTTPS. Default true. Elsewhere browsers
   * ignore the headers that isolate the page, and print warnings about them.
   */
  readonly isTrustworthy?: boolean;
}

/** Largest request body in bytes, unless a route has its own limit. */
export const mostBodyBytes = 16 * 1024 * 1024;

export const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

export function makeToken(): string {
  return randomBytes(24).toString("base64url");
}

export const policyHeader = "Content-Security-Policy";

/**
 * Policy for the report pages in runs, whose styles and pictures are inline. Whoever wrote the file, it runs no
 * scripts, loads nothing, and has an opaque origin, from which the server accepts no requests.
 */
export const reportPolicy =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

const headers: Readonly<Record<string, string>> = {
  [policyHeader]: contentSecurityPolicy,
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), serial=(self), display-capture=(self)",
};

/** Both headers are needed so that the page can share memory between threads. */
const isolation: Readonly<Record<string, string>> = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export function secured({ hosts, admit, isTrustworthy = true }: SecurityOptions): MiddlewareHandler {
  const all = Object.entries({ ...headers, ...(isTrustworthy && isolation) });
  return async (context, next) => {
    const refusal = refuse(context, hosts) ?? admit(context);
    if (refusal === undefined) await next();
    else context.res = errorResponse(context, refusal);
    const own = context.res.headers.get(policyHeader);
    for (const [name, value] of all) context.res.headers.set(name, value);
    if (own === reportPolicy) context.res.headers.set(policyHeader, own);
  };
}

function refuse({ req }: Context, hosts: readonly string[]): PhinetsError | undefined {
  const host = (req.header("host") ?? "").toLowerCase();
  if (!hosts.includes(host.replace(/:\d*$/, "")))
    return new PhinetsError("studio.host", `the studio is not served as ${JSON.stringify(host)}; open ${hosts[0]}`);
  const origin = req.header("origin");
  if (origin !== undefined && origin !== `http://${host}`)
    return new PhinetsError(
      "studio.origin",
      `${JSON.stringify(origin)} is another site; only the studio's page may ask`,
    );
  const site = req.header("sec-fetch-site");
  const isVisit = req.method === "GET" && req.header("sec-fetch-mode") === "navigate";
  if ((site === "cross-site" || site === "same-site") && !isVisit)
    return new PhinetsError("studio.origin", "another site asked; only the studio's page may");
  return undefined;
}

/** The cookie's name includes the port: all ports of a host share cookies, and two studios may be open. */
export function cookieName(of: "studio" | "phone", { req }: Context): string {
  return `phinets_${of}_${/:(\d+)$/.exec(req.header("host") ?? "")?.[1] ?? "80"}`;
}

/** The token is in the address of the first request, then in a cookie; programs send it in a header. */
export const withToken =
  (token: string) =>
  (context: Context): PhinetsError | undefined => {
    const { req } = context;
    const name = cookieName("studio", context);
    const bearer = /^Bearer (\S+)$/.exec(req.header("authorization") ?? "")?.[1];
    if (isSame(bearer, token) || isSame(getCookie(context, name), token)) return undefined;
    if (req.method === "GET" && req.path === "/" && isSame(req.query("token"), token)) {
      setCookie(context, name, token, { httpOnly: true, sameSite: "Strict", path: "/" });
      return undefined;
    }
    return new PhinetsError("studio.token", "this address needs its token; open the one that phinets studio printed");
  };

/** Compares in constant time. */
export function isSame(given: string | undefined, token: string): boolean {
  const [a, b] = [Buffer.from(given ?? ""), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
