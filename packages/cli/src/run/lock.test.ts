import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockRun } from "./lock.js";

const fresh = () => mkdtempSync(join(tmpdir(), "phinets-lock-"));
const lockOf = (folder: string) => join(folder, "train.pid");

describe("the lock of a run folder", () => {
  it("keeps a second training out until the first is done", () => {
    const folder = fresh();
    const first = lockRun(folder);
    expect(() => lockRun(folder)).toThrow(`${folder}: process ${process.pid} is training here`);
    first.release();
    expect(existsSync(lockOf(folder))).toBe(false);
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

  it("of a number that another process has now is stale, and so is half a lock", () => {
    const folder = fresh();
    writeFileSync(lockOf(folder), JSON.stringify({ pid: process.pid, host: hostname() }));
    lockRun(folder).release();
    writeFileSync(lockOf(folder), '{"pid": 1');
    lockRun(folder).release();
    if (!existsSync("/proc/1/stat")) return;
    writeFileSync(lockOf(folder), JSON.stringify({ pid: process.ppid, host: hostname(), started: "1" }));
    lockRun(folder).release();
  });

  it("of another machine counts while it is touched", () => {
    const folder = fresh();
    writeFileSync(lockOf(folder), JSON.stringify({ pid: 4, host: "elsewhere" }));
    expect(() => lockRun(folder)).toThrow(/process 4 on elsewhere is training here/);
    const old = new Date(Date.now() - 3600_000);
    utimesSync(lockOf(folder), old, old);
    lockRun(folder).release();
  });
});
