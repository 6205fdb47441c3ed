/** The example's server answers every request, but only on this machine and under this machine's names. */
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";

interface Served {
  readonly url: string;
  close(): Promise<void>;
}

let served: Served;
beforeAll(async () => {
  const path: string = new URL("../examples/browser/serve.mjs", import.meta.url).href;
  const { serve } = (await import(path)) as { serve(): Promise<Served> };
  served = await serve();
}, 60_000);
afterAll(() => served?.close());

/** The status of the answer to a raw request; 0 where the connection is closed without an answer. */
function ask(request: string): Promise<number> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(Number(new URL(served.url).port), "127.0.0.1", () => socket.write(request, "latin1"));
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      text += part;
      if (text.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)));
    setTimeout(() => socket.destroy(), 2000).unref();
  });
}

const get = (target: string, host = "Host: localhost\r\n", method = "GET") =>
  ask(`${method} ${target} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);

it("survives every request", async () => {
  for (const target of [
    "//",
    "//[",
    "http://[/",
    "/%",
    "/%00",
    "/../..//etc/passwd",
    "*",
    "/\\",
    `/${"a".repeat(9000)}`,
  ])
    expect(await get(target), target).toBe(404);
  expect(await get("/?a=//[#x")).toBe(200);
  expect(await get("/", undefined, "POST")).toBe(405);
  expect(await get(`/${"a".repeat(100_000)}`)).toBeGreaterThanOrEqual(400);
  for (const request of ["\r\n\r\n", "GET\r\n\r\n", "\u0000\u0001\r\n\r\n", "GET / HTTP/9\r\n\r\n"])
    expect([0, 400, 505]).toContain(await ask(request));
  expect(await get("/")).toBe(200);
  expect(await get("/trainer.js")).toBe(200);
});

it("answers no other name than this machine's", async () => {
  const port = new URL(served.url).port;
  for (const host of ["localhost", "LOCALHOST", `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
    expect(await get("/", `Host: ${host}\r\n`), host).toBe(200);
  for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example", "", "localhost@evil.example"])
    expect(await get("/", `Host: ${host}\r\n`), host).toBe(403);
  expect(await get("/", "")).toBe(400);
  expect(await ask("GET / HTTP/1.0\r\n\r\n")).toBe(403);
});
