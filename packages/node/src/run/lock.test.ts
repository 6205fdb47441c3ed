import { type ChildProcess, fork, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryPath, writeFileAtomic } from "../host/atomic.js";
import { type Holder, lifeOf, ownHolder, parseHolder } from "./holder.js";
import { lockRun, runAround, withRunLock } from "./lock.js";

const fresh = () => mkdtempSync(join(tmpdir(), "phinets-lock-"));
const lockOf = (folder: string) => join(folder, "train.pid");
const dead: Holder = { ...ownHolder("f00d", "training"), pid: 4_194_000, started: "1" };
/** Linux provides a process's start time, the boot id and the container. */
const linux = existsSync("/proc/1/stat");

describe("the lock of a run folder", () => {
  it("keeps everybody else out until its owner is done, under whatever name the folder has", () => {
    const folder = fresh();
    const first = lockRun(folder, "shipping");
    for (const name of [folder, join(folder, "../", folder.split("/").at(-1)!)])
      expect(() => lockRun(name, "exporting")).toThrow(`process ${process.pid} is shipping here`);
    first.release();
    expect(readdirSync(folder)).toEqual([]);
    lockRun(folder).release();
  });

  it("is respected while its process lives, and taken over when that is dead", async () => {
    const folder = fresh();
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { stdio: "ignore" });
    await new Promise((resolve) => child.once("spawn", resolve));
    writeFileSync(lockOf(folder), JSON.stringify({ pid: child.pid, host: hostname() }));
    expect(() => lockRun(folder)).toThrow(expect.objectContaining({ code: "run.busy" }));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    const lock = lockRun(folder);
    expect(JSON.parse(readFileSync(lockOf(folder), "utf8")).pid).toBe(process.pid);
    lock.release();
  });

  it("of a number that another process has now is stale, and so is what is no lock", () => {
    const folder = fresh();
    for (const text of [
      JSON.stringify({ pid: process.pid, host: hostname() }),
      JSON.stringify(dead),
      ...(linux ? [JSON.stringify({ pid: process.ppid, host: hostname(), started: "1" })] : []),
    ]) {
      writeFileSync(lockOf(folder), text);
      lockRun(folder).release();
    }
    writeFileSync(lockOf(folder), '{"pid": 1');
    lockRun(folder).release();
    for (const text of ["", "null", '{"pid": 0, "host": "x"}', '{"pid": 1e99, "host": "x"}', '{"pid": 1}', "[[["])
      expect(parseHolder(text)).toBeUndefined();
    mkdirSync(lockOf(folder));
    expect(() => lockRun(folder)).toThrow(/train\.pid: cannot be read \(it is a folder\).*remove it/);
  });

  it("of a process that cannot be asked is respected, and says how to remove it", () => {
    const folder = fresh();
    writeFileSync(lockOf(folder), JSON.stringify({ pid: 4, host: "elsewhere" }));
    expect(() => lockRun(folder)).toThrow(/process 4 on elsewhere is training here;.* remove .*train\.pid/);
  });

  it.skipIf(!linux)("tells boots, containers and machines apart", () => {
    const own = ownHolder("n", "training");
    const life = (change: Partial<Holder>) => lifeOf({ ...own, ...change }, (nonce) => nonce === "n");
    expect(life({})).toBe("alive");
    expect(life({ nonce: "other" })).toBe("dead");
    expect(life({ pid: 4_194_000 })).toBe("dead");
    // The machine was restarted; or it is another machine of the same name; or of another name.
    expect(life({ boot: "earlier" })).toBe("dead");
    if (own.machine !== undefined) expect(life({ boot: "earlier", machine: "another" })).toBe("unknown");
    expect(life({ boot: "earlier", host: "elsewhere" })).toBe("unknown");
    // Another container on this machine; the same machine after renaming.
    expect(life({ namespace: "pid:[1]" })).toBe("unknown");
    expect(life({ host: "renamed" })).toBe("alive");
  });

  it("leaves one that was given to somebody else meanwhile", async () => {
    const folder = fresh();
    const lock = lockRun(folder);
    writeFileSync(lockOf(folder), JSON.stringify(dead));
    expect(() => lock.requireHeld()).toThrow(expect.objectContaining({ code: "run.removed" }));
    lock.release();
    expect(existsSync(lockOf(folder))).toBe(true);
  });
});

const built = fileURLToPath(new URL("../../dist/run/lock.js", import.meta.url));

describe.skipIf(!existsSync(built))("processes that find the lock of a dead one in the same moment", () => {
  it("share it out: one gets it, also where one was killed while it took another's over", async () => {
    const script = join(fresh(), "child.mjs");
    writeFileSync(
      script,
      `const { lockRun } = await import(${JSON.stringify(built)});
process.on("message", ({ folder, at }) => {
  while (Date.now() < at);
  let got;
  try {
    lockRun(folder);
    got = "taken";
  } catch (error) {
    got = error.code ?? String(error);
  }
  process.send(got);
});
process.send("ready");`,
    );
    const children = Array.from({ length: 6 }, () => fork(script, { execArgv: [] }));
    const answer = (child: ChildProcess) => new Promise<string>((resolve) => child.once("message", resolve as never));
    try {
      await Promise.all(children.map(answer));
      for (let round = 0; round < 30; round++) {
        const folder = fresh();
        writeFileSync(lockOf(folder), JSON.stringify(dead));
        if (round % 3 === 0) writeFileSync(`${lockOf(folder)}.takeover`, JSON.stringify(dead));
        const answers = children.map(answer);
        const at = Date.now() + 10;
        for (const child of children) child.send({ folder, at });
        const got = (await Promise.all(answers)).sort();
        expect(got).toEqual([...Array<string>(5).fill("run.busy"), "taken"]);
        expect(readdirSync(folder)).toEqual(["train.pid"]);
        rmSync(folder, { recursive: true });
      }
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  }, 60_000);
});

describe("a run folder that is removed while it is written", () => {
  it("stays removed, and the work ends with that error", async () => {
    const folder = fresh();
    const work = withRunLock(folder, "training", () => {
      writeFileAtomic(join(folder, "weights/deep/best"), "1");
      rmSync(folder, { recursive: true });
      writeFileAtomic(join(folder, "weights/deep/best"), "2");
    });
    await expect(work).rejects.toMatchObject({ code: "run.removed", path: folder });
    expect(existsSync(folder)).toBe(false);
    // Also where nothing was written afterwards, or something else failed because of it.
    for (const fail of [false, true]) {
      mkdirSync(folder);
      const removing = withRunLock(folder, "training", () => {
        rmSync(folder, { recursive: true });
        if (fail) readFileSync(join(folder, "weights/best"));
      });
      await expect(removing).rejects.toMatchObject({ code: "run.removed" });
    }
    // Afterwards the path can be written again.
    writeFileAtomic(join(folder, "a/b"), "");
  });
});

describe("what a killed process leaves half-written", () => {
  it("goes when the folder is locked next; what a living one writes stays", () => {
    const folder = fresh();
    mkdirSync(join(folder, "weights"));
    const mine = temporaryPath(join(folder, "results.csv"));
    const others = temporaryPath(join(folder, "tracks.mp4")).replace(`.${process.pid}-`, `.${process.ppid}-`);
    // The last part of the name distinguishes processes with the same id.
    const living = others.replace(/-[0-9a-f]{12}-/, "-0123456789ab-");
    const gone = [".4194000-1.a.csv", "weights/.4194000-0123456789ab-3.best.safetensors"];
    const reused = `.${process.pid}-0123456789ab-1.x`;
    const kept = [".hidden", ".12.txt", ".4194000-notes", "weights/best.safetensors"];
    for (const name of [...gone, ...kept, reused]) writeFileSync(join(folder, name), "");
    for (const path of [mine, living]) writeFileSync(path, "");
    lockRun(folder).release();
    for (const name of [...gone, reused]) expect(existsSync(join(folder, name)), name).toBe(false);
    for (const path of [...kept.map((name) => join(folder, name)), mine, living]) expect(existsSync(path)).toBe(true);
  });
});

describe("runAround", () => {
  it("finds the run that a path is in", () => {
    const folder = fresh();
    mkdirSync(join(folder, "weights"));
    expect(runAround(join(folder, "export/c"))).toBeUndefined();
    writeFileSync(join(folder, "network.json"), "{}");
    expect(runAround(join(folder, "export/c"))).toBe(folder);
    expect(runAround(folder)).toBe(folder);
  });
});
