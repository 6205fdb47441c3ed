import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rejection } from "../../../../test/decoding.js";
import { isStream } from "../picture/sources.js";
import { framesOf, newest, parseDirectShowCameras, parseRawFrames, streamOf } from "./index.js";

const ffmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
if (!ffmpeg) console.warn("skipped: ffmpeg is not installed; npm run setup installs it");
const folder = mkdtempSync(join(tmpdir(), "phinets-streams-"));

const reason = async (promise: Promise<unknown>) => (await rejection(promise)).message;

describe("sources", () => {
  it("are streams by their form", async () => {
    for (const source of ["-", "0", "12", "rtsp://host/x", "HTTP://host"]) expect(isStream(source), source).toBe(true);
    for (const source of ["a.mp4", "./0", "C:\\clip.mp4", "clip:1.mp4", "-1"])
      expect(isStream(source), source).toBe(false);
    expect(await streamOf("clip.mp4")).toBeUndefined();
  });

  it("give ffmpeg the URL and the protocols of its scheme, never file, never an option", async () => {
    for (const url of ["http://a/x", "https://a/x", "rtsp://a/x", "rtsps://a/x", "rtmp://a/x", "rtmps://a/x"]) {
      const { words } = (await streamOf(url))!;
      const protocols = words[words.indexOf("-protocol_whitelist") + 1].split(",");
      expect(
        protocols.filter((name) => /^(?:file|concat|subfile|data|pipe)$/.test(name)),
        url,
      ).toEqual([]);
      expect(words.at(-1)).toBe(url);
      expect(words.at(-2)).toBe("-i");
    }
    for (const url of ["ftp://a/x", "file:///etc/passwd", "concat://a", "constructor://a"])
      expect(await reason(streamOf(url))).toMatch(/has the scheme \w+; a stream is rtsp:\/\/HOST/);
    for (const url of ["http://", "rtmp://a/x y=1"]) expect(await reason(streamOf(url))).toMatch(/is no URL/);
    const secret = (await streamOf("rtsp://me:secret@host/x"))!;
    expect([secret.name, secret.live]).toEqual(["rtsp://***@host/x", true]);
  });

  it("may be raw frames, and cameras by name", () => {
    expect(parseRawFrames("160x120")).toEqual({ width: 160, height: 120, pixelFormat: "rgb24", framesPerSecond: 25 });
    expect(parseRawFrames("160x120:gray16le@9")).toMatchObject({ pixelFormat: "gray16le", framesPerSecond: 9 });
    for (const text of ["", "160", "0x10", "10x10:evil", "10x10:rgb24@0"])
      expect(() => parseRawFrames(text)).toThrow(/--raw is /);
    const lines = [
      '[dshow @ 0x1] [info] "HD Camera" (video)',
      '[dshow @ 0x1] [info]   Alternative name "@device"',
      '"Mic" (audio)',
    ];
    expect(parseDirectShowCameras(lines)).toEqual(["HD Camera"]);
  });

  it("that are live give the newest frame to who is slower", async () => {
    let stopped = false;
    let last = 0;
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const frames = async function* () {
      while (!stopped) {
        yield ++last;
        await turn();
      }
    };
    const seen: number[] = [];
    for await (const n of newest(frames(), () => (stopped = true))) {
      seen.push(n);
      while (last < n + 5) await turn(); // five frames arrive in the meantime
      if (seen.length === 3) break;
    }
    expect(seen[0]).toBe(1);
    expect(seen[1]).toBeGreaterThan(5);
    expect(seen[2]).toBeGreaterThan(seen[1] + 4);
    expect(stopped).toBe(true);
    const broken = async function* () {
      yield 1;
      throw new Error("lost");
    };
    const rest = newest(broken(), () => {});
    expect((await rest.next()).value).toBe(1);
    await expect(rest.next()).rejects.toThrow("lost");
  });
});

describe.skipIf(!ffmpeg)("streams", () => {
  let server: Server;
  let host = "";
  const clip = join(folder, "c.mp4");
  const still = join(folder, "c.jpg");
  beforeAll(async () => {
    const source = ["-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1"];
    execFileSync("ffmpeg", [...source, "-pix_fmt", "yuv420p", clip]);
    execFileSync("ffmpeg", [...source, "-c", "mpeg2video", join(folder, "c.ts")]);
    execFileSync("ffmpeg", [...source, "-frames:v", "1", still]);
    const list = (segment: string) => `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${segment}\n#EXT-X-ENDLIST\n`;
    server = createServer((request, response) => {
      if (request.url === "/c.mp4") response.end(readFileSync(clip));
      else if (request.url === "/c.ts") response.end(readFileSync(join(folder, "c.ts")));
      else if (request.url === "/list.m3u8") response.end(list("c.ts"));
      else if (request.url === "/local.m3u8") response.end(list(`file://${join(folder, "c.ts")}`));
      else if (request.url === "/camera") {
        // What network cameras send: an endless sequence of pictures.
        const part = readFileSync(still);
        response.setHeader("Content-Type", "multipart/x-mixed-replace; boundary=next");
        const head = `--next\r\nContent-Type: image/jpeg\r\nContent-Length: ${part.length}\r\n\r\n`;
        const timer = setInterval(
          () => response.write(Buffer.concat([Buffer.from(head), part, Buffer.from("\r\n")])),
          20,
        );
        response.on("close", () => clearInterval(timer));
      } else {
        response.statusCode = 404;
        response.end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server?.closeAllConnections();
    server?.close();
  });

  const numbers = async (source: string, options: Parameters<typeof framesOf>[1] = {}) => {
    const found: number[] = [];
    for await (const { number } of (await framesOf(source, options)).frames) found.push(number);
    return found;
  };

  it("are read over HTTP, playlists of it too, but none that names a file of this machine", async () => {
    expect(await numbers(`${host}/c.mp4`)).toHaveLength(10);
    expect(await numbers(`${host}/list.m3u8`)).toHaveLength(10);
    expect(await reason(framesOf(`${host}/local.m3u8`))).toMatch(/local\.m3u8: cannot be opened: \S/);
    const { framesPerSecond, stream, label } = await framesOf(`${host}/c.mp4`, { maxFrames: 1 });
    expect([framesPerSecond, stream, label]).toEqual([10, true, "stream"]);
  });

  it("that do not answer say why", async () => {
    expect(await reason(framesOf(`${host}/absent`))).toMatch(/\/absent: cannot be opened: .*404/);
    for (const scheme of ["http", "rtsp", "rtmp"])
      expect(await reason(framesOf(`${scheme}://127.0.0.1:1/x`))).toBe(
        `${scheme}://127.0.0.1:1/x: cannot be opened: Connection refused`,
      );
    if (process.platform === "linux") expect(await reason(framesOf("987"))).toMatch(/^camera 987: no such camera; /);
  });

  it("without an end stop at --max-frames, when the reader leaves, and when told to", async () => {
    expect(await numbers(`${host}/camera`, { maxFrames: 4 })).toEqual([1, 2, 3, 4]);
    const stop = new AbortController();
    let seen = 0;
    for await (const { number } of (await framesOf(`${host}/camera`, { signal: stop.signal })).frames) {
      seen = number;
      if (number === 3) stop.abort();
    }
    expect(seen).toBeGreaterThanOrEqual(3);
  });

  it("come in through standard input, in a container or raw", async () => {
    const fromFile = async (path: string, options: Parameters<typeof framesOf>[1] = {}) => {
      const stdin = openSync(path, "r");
      try {
        return await numbers("-", { ...options, stdin });
      } finally {
        closeSync(stdin);
      }
    };
    expect(await fromFile(join(folder, "c.ts"))).toHaveLength(10);
    const raw = join(folder, "c.raw");
    execFileSync("ffmpeg", ["-loglevel", "error", "-i", clip, "-f", "rawvideo", "-pix_fmt", "gray", raw]);
    expect(await fromFile(raw, { raw: parseRawFrames("64x48:gray") })).toHaveLength(10);
    expect(await reason(fromFile(join(folder, "../../etc/hostname")))).toMatch(/^standard input: cannot be opened: \S/);
    expect(await reason(framesOf(clip, { raw: parseRawFrames("64x48") }))).toMatch(
      /--raw is only for frames on standard input/,
    );
  });
});
