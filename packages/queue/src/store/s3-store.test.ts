import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { deniedS3, s3Environment, signatureOf, startS3, type TestS3, testS3 } from "../../../../test/s3-server.js";
import { openS3Identity, readS3Identity } from "./identity.js";
import { s3Place } from "./s3-place.js";
import { S3Store } from "./s3-store.js";
import { digestFile } from "./store.js";

const root = mkdtempSync(join(tmpdir(), "phinets-s3-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let server: TestS3;
beforeEach(async () => {
  server = await startS3();
});
afterEach(() => server.close());

let names = 0;
const fresh = (): string => join(root, String(names++));
function fileOf(bytes: Uint8Array): string {
  const path = fresh();
  writeFileSync(path, bytes);
  return path;
}

const open = (keys = testS3, place = `s3://${testS3.bucket}/a/store`, said: string[] = []): S3Store =>
  new S3Store(s3Place(place, s3Environment(server.url, keys)), {
    onAway: (why) => said.push(why),
    onBack: () => said.push("back"),
  });

it("the server that the tests have checks signatures as S3's documentation does", () => {
  // The documentation's example "GET Object", with its key.
  const headers = {
    host: "examplebucket.s3.amazonaws.com",
    range: "bytes=0-9",
    "x-amz-content-sha256": createHash("sha256").digest("hex"),
    "x-amz-date": "20130524T000000Z",
  };
  const signedHeaders = Object.keys(headers).sort();
  const request = { method: "GET", path: "/test.txt", headers, signedHeaders, region: "us-east-1" };
  expect(signatureOf(request, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")).toBe(
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  );
});

describe("a store in S3", () => {
  it.each([0, 1, 3_000_000])("gives back %i bytes, once put", async (length) => {
    const store = open();
    const path = fileOf(randomBytes(length));
    const stored = await store.put(path);
    expect(stored).toEqual(await digestFile(path));
    expect([await store.has(stored.sha256), await store.has("0".repeat(64))]).toEqual([true, false]);
    expect(await store.put(path)).toEqual(stored);
    expect(server.asked.filter((line) => line.startsWith("PUT "))).toEqual([
      `PUT /shelf/a/store/objects/${stored.sha256.slice(0, 2)}/${stored.sha256}`,
    ]);
    const target = fresh();
    await store.get(stored, target);
    expect(readFileSync(target).equals(readFileSync(path))).toBe(true);
    await store.remove(stored.sha256);
    expect(server.objects.size).toBe(0);
  });

  it("refuses wrong bytes, and leaves nothing of them", async () => {
    const store = open();
    const stored = await store.put(fileOf(randomBytes(1000)));
    for (const bytes of [1000, 2000]) {
      for (const key of server.objects.keys()) server.objects.set(key, randomBytes(bytes));
      const into = fresh();
      mkdirSync(into);
      await expect(store.get(stored, join(into, "file"))).rejects.toMatchObject({ code: "store.corrupt" });
      expect(readdirSync(into)).toEqual([]);
    }
    await expect(store.get({ sha256: "a".repeat(64), bytes: 1 }, fresh())).rejects.toMatchObject({
      code: "store.missing",
    });
  });

  it("goes on where a transfer broke, and waits while the server has faults", async () => {
    const said: string[] = [];
    const store = open(testS3, undefined, said);
    const bytes = randomBytes(300_000);
    server.faults.push({ status: 503, code: "SlowDown" }, { status: 500, code: "InternalError" });
    const stored = await store.put(fileOf(bytes));
    server.faults.push({ breakAfter: 100_000 });
    const target = fresh();
    await store.get(stored, target);
    expect(readFileSync(target).equals(bytes)).toBe(true);
    expect(said.filter((line) => line === "back")).toHaveLength(2);
    expect(server.asked.filter((line) => line.startsWith("GET "))).toHaveLength(3);
  });

  it("is known by one id, whoever makes it, and by none before", async () => {
    await expect(readS3Identity(open(), {})).rejects.toThrow(/s3:\/\/shelf\/a\/store: is no store yet/);
    const [one, two] = await Promise.all([openS3Identity(open(), {}), openS3Identity(open(), {})]);
    expect(one).toEqual(two);
    expect(await readS3Identity(open(), {})).toEqual(one);
    server.objects.set("a/store/store.json", Buffer.from("{"));
    await expect(readS3Identity(open(), {})).rejects.toMatchObject({ code: "store.identity" });
  });

  it.each([
    ["another bucket", testS3, "s3://other/a", /s3:\/\/other\/a: NoSuchBucket: there is no such bucket; make it/],
    ["a key that may not", deniedS3, undefined, /AccessDenied: access is denied; let the key/],
    ["an unknown key", { ...testS3, accessKeyId: "AKIDNONE" }, undefined, /InvalidAccessKeyId: the key is not known/],
    ["a wrong secret", { ...testS3, secretAccessKey: "hidden" }, undefined, /SignatureDoesNotMatch: the secret is not/],
    ["another region", { ...testS3, region: "eu-other-1" }, undefined, /: the bucket is in another region/],
  ])("says what is wrong: %s", async (_, keys, place, message) => {
    const store = open(keys, place);
    await expect(store.readText("store.json")).rejects.toThrow(message);
    await expect(store.put(fileOf(randomBytes(9)))).rejects.toMatchObject({ code: "store.refused" });
    await expect(store.readText("store.json")).rejects.not.toThrow(/hidden|secret\/of/);
  });

  it("says that the clock is off", async () => {
    server.clockMs = 3_600_000;
    await expect(open().has("0".repeat(64))).rejects.toThrow(
      /RequestTimeTooSkewed: this machine's clock is minutes off/,
    );
  });
});

describe("where a store in S3 is", () => {
  const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "hidden" };

  it.each([
    ["s3://shelf", {}, "https://shelf.s3.us-east-1.amazonaws.com/", "us-east-1"],
    ["s3://shelf/a/b/", { AWS_REGION: "eu-west-1" }, "https://shelf.s3.eu-west-1.amazonaws.com/a/b/", "eu-west-1"],
    ["s3://my.shelf/a", { AWS_DEFAULT_REGION: "x-1" }, "https://s3.x-1.amazonaws.com/my.shelf/a/", "x-1"],
    ["s3://shelf/a", { AWS_ENDPOINT_URL: "http://minio:9000/" }, "http://minio:9000/shelf/a/", "us-east-1"],
    ["s3://shelf/a?endpoint=https://h:1&region=r-2", { AWS_REGION: "r-1" }, "https://h:1/shelf/a/", "r-2"],
  ])("%s", (place, env, base, region) => {
    const found = s3Place(place, { ...keys, ...env });
    expect([found.base.href, found.region]).toEqual([base, region]);
    expect(found.name).not.toContain("?");
  });

  it.each([
    ["s3://", keys, /it is s3:\/\/BUCKET\/PREFIX/],
    ["s3://Shelf/a", keys, /it is s3:\/\/BUCKET\/PREFIX/],
    ["s3://shelf/../a", keys, /has the prefix/],
    ["s3://shelf/a b", keys, /has the prefix/],
    ["s3://shelf/a?key=x", keys, /has "key" behind its \?/],
    ["s3://shelf/a?endpoint=ftp://h", keys, /the endpoint is "ftp:\/\/h"/],
    ["s3://id:secret@shelf/a", keys, /has a key in its address/],
    ["s3://shelf/a", { ...keys, AWS_SECRET_ACCESS_KEY: "" }, /needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
  ])("is refused: %s", (place, env, message) => {
    expect(() => s3Place(place, env)).toThrow(message);
    expect(() => s3Place(place, env)).not.toThrow(/hidden|id:secret/);
  });
});
