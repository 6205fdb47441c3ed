/** `phinets monitor` on the bytes of an emulated board: from a file, through a pseudo-terminal, damaged, unplugged. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Follower, wireMessagesOf } from "@phinets/core/export";
import { IntegerInterpreter } from "@phinets/core/inference";
import { formatMotTracks } from "@phinets/core/tracking";
import { encodeWire, WireDecoder, type WireTracks } from "@phinets/core/wire";
import { emulatedLine } from "@phinets/node/emulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clip, height, randomDetector, width } from "../../../../test/random-detector.js";
import { phinets } from "../../../../test/road-tools.js";
import { installed } from "../../../../test/tools.js";
import { runProgram } from "../program.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-monitor-"));
const [recorded, tracksFile] = [join(folder, "board.bin"), join(folder, "tracks.txt")];
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lines = (text: string) => text.trim().split("\n");

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("an emulated board", () => {
  const frames = clip(34, 5);
  const { q, detector } = randomDetector(5, 0.6);
  /** The library's tracks, rounded to the wire format's steps, as MOTChallenge text. */
  let wanted = "";

  beforeAll(async () => {
    const parts: Uint8Array[] = [];
    for await (const part of emulatedLine(q, frames, { detector, name: "nuts" })) parts.push(part);
    writeFileSync(recorded, Buffer.concat(parts));
    const [interpreter, follower] = [new IntegerInterpreter(q), new Follower(q, detector)];
    for (const [frame, input] of frames.entries()) {
      const [, tracks] = wireMessagesOf(follower.next(interpreter.run(input)), frame, { width, height });
      const [rounded] = new WireDecoder().push(encodeWire(tracks)) as WireTracks[];
      wanted += formatMotTracks(frame + 1, rounded.tracks);
    }
    expect(lines(wanted).length).toBeGreaterThan(50);
  });

  it("is printed a line a frame, and its tracks are the library's", async () => {
    const { exitCode, stdout, stderr } = await phinets("monitor", recorded, "--out", tracksFile);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    expect(readFileSync(tracksFile, "utf8")).toBe(wanted);
    const said = lines(stdout);
    expect(said[0]).toBe("nuts: 48 x 40, nut, bolt");
    expect(said.slice(1, -1).map((line) => Number(line.split(" ")[0]))).toEqual([...frames.keys()]);
    expect(said.some((line) => /^\d+ {2}\d+ boxes, \d+ tracks {2}\d+ (nut|bolt) 0\.\d\d \(/.test(line))).toBe(true);
    expect(said.at(-1)).toMatch(/^\d+ tracks in 34 frames; nothing lost; written to .*tracks\.txt$/);
  });

  it("is a document a frame with --json", async () => {
    const { stdout } = await phinets("monitor", recorded, "--json", "--max-frames", "3");
    const documents = lines(stdout).map((line) => JSON.parse(line));
    expect(documents[0]).toMatchObject({ hello: { name: "nuts", classes: ["nut", "bolt"] } });
    expect(documents.slice(1, -1).map(({ frame }) => frame)).toEqual([0, 1, 2]);
    expect(documents[1].boxes[0]).toMatchObject({ name: expect.stringMatching(/nut|bolt/), score: expect.any(Number) });
    expect(documents.at(-1)).toMatchObject({ frames: 3, lost: { frames: 0, bytes: 0, packets: { damaged: 0 } } });
  });

  it("of which bytes were lost or changed says how many, and goes on", async () => {
    const bytes = readFileSync(recorded);
    const ends = [...bytes.keys()].filter((at) => bytes[at] === 0);
    // Frame 3 has a changed byte in its tracks; frame 5 is missing.
    const changed = ends[2 + 2 * 4 - 1];
    bytes[changed - 2] ^= 0x55;
    const cut = Buffer.concat([bytes.subarray(0, ends[1 + 2 * 5] + 1), bytes.subarray(ends[1 + 2 * 6] + 1)]);
    const damaged = join(folder, "damaged.bin");
    writeFileSync(damaged, cut);
    const { stdout, stderr } = await phinets("monitor", damaged);
    expect(stderr).toMatch(/lost: .*1 packets damaged/);
    expect(lines(stdout).at(-1)).toMatch(/in 33 frames; 1 frames missing, 1 packets damaged, \d+ bytes$/);
    expect(stdout).toMatch(/^3 {2}\d+ boxes, \? tracks$/m);
  });

  describe.skipIf(!installed("script", "stty"))("behind a pseudo-terminal", () => {
    let terminal: ChildProcess | undefined;
    afterAll(() => terminal?.kill("SIGKILL"));

    /** The path of a new pseudo-terminal, which outputs what is written to `terminal.stdin`. */
    async function openTerminal(name: string): Promise<string> {
      const file = join(folder, name);
      terminal?.kill("SIGKILL");
      terminal = spawn("script", ["-qefc", `stty raw -echo; tty > '${file}'; sleep 120`, "/dev/null"], {
        stdio: ["pipe", "ignore", "ignore"],
      });
      await expect.poll(() => existsSync(file) && readFileSync(file, "utf8").trim()).toMatch(/^\/dev\//);
      return readFileSync(file, "utf8").trim();
    }

    /** Runs the command; `onText` gets its output so far. */
    async function listen(words: readonly string[], onText: (text: string, stop: () => void) => void) {
      const stop = new AbortController();
      let [text, problems] = ["", ""];
      const exitCode = await runProgram(["monitor", ...words], {
        stdout: {
          write: (part) => {
            text += part;
            onText(text, () => stop.abort());
          },
        },
        stderr: {
          write: (part) => {
            problems += part;
            onText(problems, () => stop.abort());
          },
        },
        signal: stop.signal,
        version: "0",
      });
      return { exitCode, text, problems };
    }

    it("is read as from a serial port, to the last byte", async () => {
      const port = await openTerminal("first");
      let fed = false;
      const { exitCode, text } = await listen([port, "--max-frames", "34", "--out", tracksFile], (said) => {
        if (!fed && said.includes(": open")) terminal!.stdin!.write(readFileSync(recorded));
        fed ||= said.includes(": open");
      });
      expect(exitCode).toBe(0);
      expect(readFileSync(tracksFile, "utf8")).toBe(wanted);
      expect(text).toContain("34 frames; nothing lost");
    });

    it("that vanishes is an error in one line, or waited for", async () => {
      const port = await openTerminal("second");
      const unplug = (said: string) => {
        if (said.includes(": open")) terminal!.kill("SIGKILL");
      };
      const gone = await listen([port], unplug);
      expect(gone).toMatchObject({ exitCode: 1 });
      expect(gone.problems).toMatch(/error: .*: the device is gone; plug it in and start again, or let --reconnect/);

      const again = await openTerminal("third");
      const waited = await listen([again, "--reconnect"], (said, stop) => {
        unplug(said);
        if (said.includes("the device is gone; waiting for it")) stop();
      });
      expect(waited.exitCode).toBe(130);
    });
  });
});

it("says what is no line", async () => {
  expect((await phinets("monitor", join(folder, "absent"))).stderr).toMatch(/absent: is not there; plug the board in/);
  expect((await phinets("monitor", folder)).stderr).toMatch(/is a folder; name a port, a file, or -/);
  writeFileSync(join(folder, "notes.txt"), "not tracks\n");
  const kept = await phinets("monitor", recorded, "--out", join(folder, "notes.txt"));
  expect(kept.stderr).toMatch(/exists and holds no tracks/);
  writeFileSync(join(folder, "text.bin"), `${"1 person 46\r\n".repeat(40)}`);
  const { stderr } = await phinets("monitor", join(folder, "text.bin"));
  expect(stderr).toMatch(/520 bytes without any frame; build the firmware with -DPHINETS_WIRE/);
});
