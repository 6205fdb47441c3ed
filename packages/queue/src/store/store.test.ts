import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { type AddressInfo, connect, createServer as createRelay, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { installed } from "../../../../test/tools.js";
import { FolderStore } from "./folder-store.js";
import { HttpStore } from "./http-store.js";
import { openStoreFolder, readStoreFolder } from "./identity.js";
import { type ServedStore, serveStore } from "./serve.js";
import { digestFile } from "./store.js";

const root = mkdtempSync(join(tmpdir(), "phinets-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

let names = 0;
const fresh = (): string => join(root, String(names++));
function fileOf(bytes: Uint8Array): string {
  const path = fresh();
  writeFileSync(path, bytes);
  return path;
}

const token = "t".repeat(32);
async function served(store: FolderStore, port = 0): Promise<ServedStore> {
  const found = await serveStore(store, { token, host: "127.0.0.1", port });
  open.push(found);
  return found;
}

/** Forwards everything to a port, and breaks the first connections after a number of bytes in one direction. */
async function breaking(
  port: number,
  cut: { readonly of: "request" | "answer"; readonly after: number; times: number },
): Promise<string> {
  const relay = createRelay((client) => {
    const server = connect(port, "127.0.0.1");
    let passed = 0;
    const pass = (from: Socket, to: Socket, counts: boolean): void => {
      from.on("error", () => {});
      from.on("close", () => to.destroy());
      from.on("data", (part) => {
        passed += counts ? part.length : 0;
        if (counts && cut.times > 0 && passed > cut.after) {
          cut.times--;
          to.write(part.subarray(0, 1000), () => {
            // Data that was written arrives before the connection is closed.
            setTimeout(() => {
              client.destroy();
              server.destroy();
            }, 100);
          });
          from.pause();
        } else to.write(part);
      });
    };
    pass(client, server, cut.of === "request");
    pass(server, client, cut.of === "answer");
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  open.push(relay);
  return `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
}

describe.each(["folder", "http"] as const)("a store: %s", (kind) => {
  const make = async () => {
    const folder = new FolderStore(fresh());
    return { folder, store: kind === "folder" ? folder : new HttpStore({ url: (await served(folder)).url, token }) };
  };

  it.each([0, 1, 3_000_000])("gives back %i bytes", async (length) => {
    const { store } = await make();
    const path = fileOf(randomBytes(length));
    const stored = await store.put(path);
    expect(stored).toEqual(await digestFile(path));
    expect([await store.has(stored.sha256), await store.has("0".repeat(64))]).toEqual([true, false]);
    expect(await store.put(path)).toEqual(stored);
    const target = fresh();
    await store.get(stored, target);
    expect(readFileSync(target).equals(readFileSync(path))).toBe(true);
  });

  it("refuses wrong bytes, and leaves nothing of them", async () => {
    const { store, folder } = await make();
    const stored = await store.put(fileOf(randomBytes(1000)));
    writeFileSync(folder.pathOf(stored.sha256), randomBytes(1000));
    const into = fresh();
    mkdirSync(into);
    await expect(store.get(stored, join(into, "file"))).rejects.toMatchObject({ code: "store.corrupt" });
    expect(readdirSync(into)).toEqual([]);
  });

  it("says what it does not have", async () => {
    const { store } = await make();
    await expect(store.get({ sha256: "a".repeat(64), bytes: 1 }, fresh())).rejects.toMatchObject({
      code: "store.missing",
    });
  });
});

describe("a store over HTTP", () => {
  it("asks for its token: 401 without it, and with another", async () => {
    const folder = new FolderStore(fresh());
    const { url } = await served(folder);
    const { sha256 } = await folder.put(fileOf(randomBytes(10)));
    for (const path of [`/objects/${sha256}`, `/objects/${sha256}/state`, "/"])
      for (const headers of [{}, { Authorization: `Bearer ${"u".repeat(32)}` }] as Record<string, string>[])
        expect((await fetch(url + path, { headers })).status).toBe(401);
    const patch = { method: "PATCH", body: "x", headers: { Authorization: `Bearer ${token}x` } };
    expect((await fetch(`${url}/objects/${sha256}?offset=0&bytes=1`, patch)).status).toBe(401);
    const store = new HttpStore({ url, token: "u".repeat(32) });
    await expect(store.has(sha256)).rejects.toThrow(/does not take the token \(401\)/);
  });

  it("has nothing outside its objects", async () => {
    const folder = new FolderStore(fresh());
    openStoreFolder(folder.folder);
    const { url } = await served(folder);
    const headers = { Authorization: `Bearer ${token}` };
    const port = Number(new URL(url).port);
    for (const path of [
      "../store.json",
      "..%2fstore.json",
      "%2e%2e%2f%2e%2e%2fstore.json",
      "store.json",
      "A".repeat(64),
    ])
      for (const method of ["GET", "PATCH"])
        expect(await statusOf(port, method, `/objects/${path}?offset=0&bytes=1`), `${method} ${path}`).toBe(404);
    expect((await fetch(`${url}/store.json`, { headers })).status).toBe(404);
    expect(readdirSync(folder.folder)).toEqual(["store.json"]);
  });

  /** Sends the path unchanged: fetch would resolve its dots. */
  const statusOf = (port: number, method: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { Authorization: `Bearer ${token}` };
      const asked = request({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode!);
      });
      asked.on("error", reject).end(method === "PATCH" ? "x" : undefined);
    });

  it("takes an upload up where it broke, and a download", async () => {
    const folder = new FolderStore(fresh());
    const { url } = await served(folder);
    const port = Number(new URL(url).port);
    const path = fileOf(randomBytes(4_000_000));
    const away: string[] = [];
    const up = await breaking(port, { of: "request", after: 1_500_000, times: 2 });
    const stored = await new HttpStore({ url: up, token, onAway: (why) => away.push(why) }).put(path);
    expect(away).toHaveLength(1);
    expect(folder.pathOf(stored.sha256)).toSatisfy(existsSync);
    const down = await breaking(port, { of: "answer", after: 1_500_000, times: 1 });
    const target = fresh();
    const ranges: string[] = [];
    const watched = await watching(down, ranges);
    await new HttpStore({ url: watched, token }).get(stored, target);
    expect(readFileSync(target).equals(readFileSync(path))).toBe(true);
    expect(
      ranges.some((range) => /^bytes=[1-9]\d*-$/.test(range)),
      ranges.join(),
    ).toBe(true);
  });

  /** Records the ranges that are requested. */
  async function watching(url: string, ranges: string[]): Promise<string> {
    const server = createServer((asked, answer) => {
      ranges.push(asked.headers.range ?? "");
      const onward = request(new URL(asked.url!, url), { headers: asked.headers }, (given) => {
        answer.writeHead(given.statusCode!, given.headers);
        given.on("error", () => answer.destroy()).pipe(answer);
      });
      onward.on("error", () => answer.destroy()).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({ close: () => server.close() });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it("waits for its process to be started again", async () => {
    const folder = new FolderStore(fresh());
    const first = await serveStore(folder, { token, host: "127.0.0.1", port: 0 });
    const port = Number(new URL(first.url).port);
    await first.close();
    const said: string[] = [];
    const store = new HttpStore({
      url: first.url,
      token,
      onAway: (why) => {
        said.push(why);
        void served(folder, port);
      },
      onBack: () => said.push("back"),
    });
    const path = fileOf(randomBytes(100));
    const stored = await store.put(path);
    expect(await folder.has(stored.sha256)).toBe(true);
    expect(said[0]).toMatch(/ECONNREFUSED/);
    expect(said.at(-1)).toBe("back");
  });

  it("finds its process at another address", async () => {
    const folder = new FolderStore(fresh());
    const { url } = await served(folder);
    const gone = { url: "http://127.0.0.1:9", token: "x".repeat(32) };
    const store = new HttpStore({ ...gone, relocate: () => Promise.resolve({ url, token }) });
    const stored = await store.put(fileOf(randomBytes(10)));
    expect(await folder.has(stored.sha256)).toBe(true);
  });

  it("ends when it is told to", async () => {
    const store = new HttpStore({ url: "http://127.0.0.1:9", token });
    const signal = AbortSignal.timeout(300);
    await expect(store.has("a".repeat(64), { signal })).rejects.toMatchObject({ name: /Timeout|Abort/ });
  });

  it("refuses an upload of other bytes, and of more than were said", async () => {
    const folder = new FolderStore(fresh());
    const { url } = await served(folder);
    const send = (query: string, body: string) =>
      fetch(`${url}/objects/${"a".repeat(64)}?${query}`, {
        method: "PATCH",
        body,
        headers: { Authorization: `Bearer ${token}` },
      });
    expect((await send("offset=0&bytes=3", "abc")).status).toBe(422);
    expect((await send("offset=5&bytes=9", "abc")).status).toBe(409);
    expect((await send("offset=0&bytes=2", "abc")).ok).toBe(false);
    expect((await send("offset=0&bytes=x", "abc")).status).toBe(400);
    expect((await send(`offset=0&bytes=${2 ** 50}`, "abc")).status).toBe(413);
    expect(existsSync(folder.pathOf("a".repeat(64)))).toBe(false);
  });

  it.skipIf(!installed("openssl"))("speaks TLS, and trusts the certificate that it was told of alone", async () => {
    const [certificate, key] = [fresh(), fresh()];
    const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate];
    execFileSync("openssl", [...words, ...names], { stdio: "ignore" });
    const folder = new FolderStore(fresh());
    const found = await serveStore(folder, { token, host: "127.0.0.1", port: 0, tls: { certificate, key } });
    open.push(found);
    expect(found.url).toMatch(/^https:/);
    const path = fileOf(randomBytes(100));
    const stored = await new HttpStore({ url: found.url, token, certificate: found.certificate }).put(path);
    expect(await folder.has(stored.sha256)).toBe(true);
    await expect(new HttpStore({ url: found.url, token }).has(stored.sha256)).rejects.toThrow(/not trusted/);
  });
});

describe("a store's folder", () => {
  it("keeps its id and token, which nobody else reads", () => {
    const folder = fresh();
    const made = openStoreFolder(folder);
    expect(openStoreFolder(folder)).toEqual(made);
    expect(readStoreFolder(folder)).toEqual(made);
    expect(() => readStoreFolder(fresh())).toThrow(/name the folder of a store/);
    writeFileSync(join(folder, "store.json"), JSON.stringify({ ...made, token: "short" }));
    expect(() => openStoreFolder(folder)).toThrow(/token is "short"/);
  });
});
