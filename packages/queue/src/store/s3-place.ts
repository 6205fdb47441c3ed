/** Parses `s3://BUCKET/PREFIX`; the keys come from AWS's usual environment variables. */
import { PhinetsError, showValue } from "@phinets/core/tensor";

export interface S3Place {
  /** As the user wrote it. */
  readonly name: string;
  /** Prefix of object addresses: an object's key is appended. */
  readonly base: URL;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export const isS3Place = (place: string): boolean => /^s3:/i.test(place);

const usage = "it is s3://BUCKET/PREFIX, and may have ?endpoint=https://HOST:PORT&region=NAME behind it";

/**
 * Addresses on AWS have the bucket in the host name; on other endpoints, and where the bucket's name has dots, it is in
 * the path.
 * @throws PhinetsError `store.s3` for anything else, and where a key is missing
 */
export function s3Place(place: string, env: Readonly<Record<string, string | undefined>> = process.env): S3Place {
  const fail = (problem: string): never => {
    throw new PhinetsError("store.s3", problem);
  };
  const [, bucket, prefix = "", query = ""] = /^s3:\/\/([^/?#@]*)(?:\/([^?#]*))?(?:\?(.*))?$/i.exec(place) ?? [];
  // A key in the address would appear in every process list.
  if (/^s3:\/\/[^/]*@/i.test(place))
    return fail("--store has a key in its address; put it into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  if (bucket === undefined || !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    return fail(`--store is ${showValue(place)}; ${usage}`);
  const parts = prefix.split("/").filter((part) => part !== "");
  if (!parts.every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part)))
    return fail(`--store has the prefix ${showValue(prefix)}; letters, digits, - _ . and / are taken`);
  const asked = new URLSearchParams(query);
  for (const name of asked.keys())
    if (!["endpoint", "region"].includes(name)) return fail(`--store has ${showValue(name)} behind its ?; ${usage}`);
  const region = asked.get("region") ?? set(env.AWS_REGION) ?? set(env.AWS_DEFAULT_REGION) ?? "us-east-1";
  if (!/^[a-z0-9-]{1,40}$/.test(region)) return fail(`the region is ${showValue(region)}; it is as us-east-1`);
  const endpoint = asked.get("endpoint") ?? set(env.AWS_ENDPOINT_URL_S3) ?? set(env.AWS_ENDPOINT_URL);
  const [accessKeyId, secretAccessKey] = [set(env.AWS_ACCESS_KEY_ID), set(env.AWS_SECRET_ACCESS_KEY)];
  if (accessKeyId === undefined || secretAccessKey === undefined)
    return fail("--store s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment; set both");
  const path = [...parts, ""].join("/");
  return {
    name: `s3://${[bucket, ...parts].join("/")}`,
    base: baseOf(bucket, path, { endpoint, region }, fail),
    ...{ region, accessKeyId, secretAccessKey, sessionToken: set(env.AWS_SESSION_TOKEN) },
  };
}

/** An empty variable counts as unset. */
const set = (value: string | undefined): string | undefined => (value === "" ? undefined : value);

function baseOf(
  bucket: string,
  path: string,
  { endpoint, region }: { readonly endpoint?: string; readonly region: string },
  fail: (problem: string) => never,
): URL {
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  if (endpoint === undefined)
    return bucket.includes(".")
      ? new URL(`https://s3.${region}.${domain}/${bucket}/${path}`)
      : new URL(`https://${bucket}.s3.${region}.${domain}/${path}`);
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol) || /[?#@]/.test(endpoint))
    return fail(`the endpoint is ${showValue(endpoint)}; it is https://HOST:PORT`);
  return new URL(`${endpoint.replace(/\/+$/, "")}/${bucket}/${path}`);
}
