/**
 * An in-memory server with the parts of S3's protocol for putting, getting, probing and deleting objects. It is written
 * from the "Amazon S3 API Reference" alone and checks requests' Signature Version 4 by its own computation.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface TestS3 {
  readonly url: string;
  /** Bytes by key, of the bucket. */
  readonly objects: Map<string, Buffer>;
  /** Method and path of every request, in order. */
  readonly asked: string[];
  /** Faults for the next requests: a status, or the number of bytes after which the answer breaks off. */
  readonly faults: ({ readonly status: number; readonly code: string } | { readonly breakAfter: number })[];
  /** Milliseconds by which the server's clock is ahead. */
  clockMs: number;
  close(): Promise<void>;
}

export const testS3 = {
  bucket: "shelf",
  region: "eu-test-1",
  accessKeyId: "AKIDTEST",
  secretAccessKey: "secret/of+the=key",
};
/** A known key without permissions. */
const denied = { accessKeyId: "AKIDDENIED", secretAccessKey: "other" };
export const deniedS3 = { ...testS3, ...denied };

/** Environment variables of a client. */
export const s3Environment = (
  url: string,
  { region, accessKeyId, secretAccessKey }: typeof testS3 = testS3,
): Record<string, string> => ({
  AWS_ENDPOINT_URL_S3: url,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
});

export interface SignedRequest {
  readonly method: string;
  /** Path with its query, as sent. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly signedHeaders: readonly string[];
  readonly region: string;
}

/**
 * Signature Version 4 of a request, as in the reference under "Signature calculations for the Authorization header".
 */
export function signatureOf(
  { method, path, headers, signedHeaders, region }: SignedRequest,
  secretAccessKey: string,
): string {
  const [where, query = ""] = path.split("?");
  const canonical = [
    method,
    where,
    query.split("&").sort().join("&"),
    ...signedHeaders.map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, " ")}`),
    "",
    signedHeaders.join(";"),
    String(headers["x-amz-content-sha256"]),
  ].join("\n");
  const time = String(headers["x-amz-date"]);
  const scope = [time.slice(0, 8), region, "s3", "aws4_request"];
  const toSign = ["AWS4-HMAC-SHA256", time, scope.join("/"), createHash("sha256").update(canonical).digest("hex")];
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of scope) key = createHmac("sha256", key).update(part).digest();
  return createHmac("sha256", key).update(toSign.join("\n")).digest("hex");
}

export async function startS3(): Promise<TestS3> {
  const server = createServer((request, answer) => {
    serve(request, answer, state).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const state: TestS3 = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: new Map(),
    asked: [],
    faults: [],
    clockMs: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return state;
}

async function serve(request: IncomingMessage, answer: ServerResponse, state: TestS3): Promise<void> {
  const { method = "", url = "" } = request;
  state.asked.push(`${method} ${url}`);
  const body = await bytesOf(request);
  const refuse = (status: number, code: string): void => {
    const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}.</Message></Error>`;
    answer.writeHead(status, { "Content-Type": "application/xml" }).end(method === "HEAD" ? undefined : text);
  };
  const fault = state.faults[0];
  if (fault !== undefined && "status" in fault) {
    state.faults.shift();
    return refuse(fault.status, fault.code);
  }
  const problem = problemOf(request, body, state);
  if (problem !== undefined) return refuse(...problem);
  const [, bucket, key] = /^\/([^/]+)\/(.+)$/.exec(url) ?? [];
  if (bucket !== testS3.bucket) return refuse(404, "NoSuchBucket");
  const found = state.objects.get(key);
  if (method === "PUT") {
    if (request.headers["if-none-match"] === "*" && found !== undefined) return refuse(412, "PreconditionFailed");
    state.objects.set(key, body);
    answer.writeHead(200).end();
  } else if (method === "DELETE") {
    state.objects.delete(key);
    answer.writeHead(204).end();
  } else if (found === undefined) refuse(404, "NoSuchKey");
  else {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const part = first === undefined ? found : found.subarray(Number(first), last ? Number(last) + 1 : undefined);
    answer.writeHead(first === undefined ? 200 : 206, { "Content-Length": part.length });
    if (method === "HEAD") answer.end();
    else if (fault !== undefined && "breakAfter" in fault) {
      state.faults.shift();
      answer.write(part.subarray(0, fault.breakAfter), () => setTimeout(() => answer.destroy(), 100));
    } else answer.end(part);
  }
}

/** The reason to refuse a request, before looking at its purpose. */
function problemOf(
  { method = "", url = "", headers }: IncomingMessage,
  body: Buffer,
  { clockMs }: TestS3,
): [status: number, code: string] | undefined {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, keyId, day, region, names, signature] = pattern.exec(headers.authorization ?? "") ?? [];
  if (signature === undefined) return [403, "AccessDenied"];
  const secret = [testS3, denied].find(({ accessKeyId }) => accessKeyId === keyId)?.secretAccessKey;
  if (secret === undefined) return [403, "InvalidAccessKeyId"];
  if (region !== testS3.region) return [400, "AuthorizationHeaderMalformed"];
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers["x-amz-date"])) ?? [];
  if (`${y}${mo}${d}` !== day) return [403, "AccessDenied"];
  if (Math.abs(Date.now() + clockMs - Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`)) > 15 * 60_000)
    return [403, "RequestTimeTooSkewed"];
  const signedHeaders = names.split(";");
  // The reference requires these headers to be signed.
  const amz = Object.keys(headers).filter((name) => name.startsWith("x-amz-"));
  if (!["host", ...amz].every((name) => signedHeaders.includes(name))) return [403, "AccessDenied"];
  const own = signatureOf({ method, path: url, headers, signedHeaders, region }, secret);
  if (!timingSafeEqual(Buffer.from(own), Buffer.from(signature))) return [403, "SignatureDoesNotMatch"];
  if (headers["x-amz-content-sha256"] !== createHash("sha256").update(body).digest("hex"))
    return [400, "XAmzContentSHA256Mismatch"];
  if (method === "PUT" && headers["content-length"] === undefined) return [411, "MissingContentLength"];
  if (keyId === denied.accessKeyId) return [403, "AccessDenied"];
  return undefined;
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
