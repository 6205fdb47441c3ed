import * as fs from "node:fs";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type FileSystem, writeFileAtomic } from "../host/atomic.js";
import { createRunFolder, findRunFolder } from "./folder.js";
import { appendResults, readResults, saveArguments, saveNetwork } from "./save.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-run-"));
});

const failing = (name: keyof FileSystem, code: string, after = 0): FileSystem => {
  let calls = 0;
  return {
    ...fs,
    [name]: (...parameters: never[]) => {
      if (calls++ >= after) throw Object.assign(new Error(`${code}: injected`), { code });
      // The first write is short, as on a disk that is filling up.
      if (name === "writeSync") return fs.writeSync(parameters[0], (parameters[1] as Uint8Array).subarray(0, 3));
      const real: FileSystem = fs;
      return (real[name] as (...p: never[]) => unknown)(...parameters);
    },
  };
};

function caught(act: () => void): PhinetsError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(PhinetsError);
    return error as PhinetsError;
  }
  throw new Error("nothing was thrown");
}

describe("writeFileAtomic", () => {
  it("writes text and bytes, making folders and replacing files", () => {
    const path = join(folder, "a/b/c.txt");
    writeFileAtomic(path, "grüße\n");
    expect(readFileSync(path, "utf8")).toBe("grüße\n");
    writeFileAtomic(path, Uint8Array.of(1, 2, 3).subarray(1));
    expect([...readFileSync(path)]).toEqual([2, 3]);
    expect(readdirSync(join(folder, "a/b"))).toEqual(["c.txt"]);
  });

  it("keeps the old file and leaves nothing else, whatever call fails", () => {
    const path = join(folder, "best.safetensors");
    writeFileAtomic(path, "old weights");
    for (const [name, code, after] of [
      ["openSync", "EACCES", 0],
      ["writeSync", "ENOSPC", 0],
      ["writeSync", "ENOSPC", 1],
      ["fsyncSync", "EIO", 0],
      ["fsyncSync", "EDQUOT", 0],
      ["closeSync", "ENOSPC", 0],
      ["renameSync", "EACCES", 0],
    ] as const) {
      const error = caught(() => writeFileAtomic(path, "new weights", failing(name, code, after)));
      expect(error.path).toBe(path);
      expect(error.message).toContain(path);
      expect(error.message).not.toContain("\n");
      const full = code === "ENOSPC" || code === "EDQUOT";
      expect(error.code).toBe(full ? "run.disk-full" : "run.write");
      if (full) expect(error.message).toMatch(/free some space/);
      expect(readdirSync(folder)).toEqual(["best.safetensors"]);
      expect(readFileSync(path, "utf8")).toBe("old weights");
    }
  });

  it.skipIf(!existsSync("/dev/full"))("turns a disk that is really full into an error with the remedy", () => {
    // Every write to /dev/full fails with the kernel's own ENOSPC.
    const toFull: FileSystem = { ...fs, openSync: () => fs.openSync("/dev/full", "w") };
    const error = caught(() => writeFileAtomic(join(folder, "x"), "data", toFull));
    expect(error.code).toBe("run.disk-full");
    expect(error.message).toMatch(/\(4 bytes\): the disk is full; free some space/);
  });

  it("names a path whose parent is a file", () => {
    writeFileSync(join(folder, "file"), "");
    expect(caught(() => writeFileAtomic(join(folder, "file/x"), "")).message).toMatch(
      /file\/x.*is a file, not a folder/,
    );
  });
});

describe("createRunFolder", () => {
  it("numbers runs without a name and refuses to touch a named one", () => {
    const project = join(folder, "runs");
    const made = [1, 2, 3].map(() => createRunFolder({ project, task: "detect" }));
    for (const path of made) saveNetwork(path, {});
    expect(made).toEqual(["run", "run2", "run3"].map((name) => join(project, "detect", name)));
    const named = createRunFolder({ project, task: "detect", name: "belt" });
    saveNetwork(named, { precious: true });
    const error = caught(() => createRunFolder({ project, task: "detect", name: "belt" }));
    expect(error.code).toBe("run.exists");
    expect(error.message).toMatch(/--resume .*--exist-ok/);
    expect(createRunFolder({ project, task: "detect", name: "belt", existOk: true })).toBe(named);
    expect(JSON.parse(readFileSync(join(named, "network.json"), "utf8"))).toEqual({ precious: true });
  });
  it("refuses a name that leads elsewhere", () => {
    for (const name of ["../x", "a/b", "..", "", "a\\b"])
      expect(caught(() => createRunFolder({ project: folder, task: "detect", name })).code).toBe("run.name");
  });
  it("names a project folder that cannot be made", () => {
    writeFileSync(join(folder, "runs"), "");
    expect(caught(() => createRunFolder({ project: join(folder, "runs"), task: "detect" })).code).toBe("run.write");
  });
});

describe("findRunFolder", () => {
  it("takes the folder or a file of it", () => {
    saveNetwork(folder, {});
    mkdirSync(join(folder, "weights"));
    for (const file of ["weights/best.safetensors", "quantized.safetensors"]) {
      writeFileSync(join(folder, file), "");
      expect(findRunFolder(join(folder, file))).toBe(folder);
    }
    expect(findRunFolder(folder)).toBe(folder);
    expect(caught(() => findRunFolder(join(folder, "weights"))).message).toMatch(/no network\.json/);
    expect(caught(() => findRunFolder(join(folder, "nothing"))).message).toMatch(/no such run/);
  });
});

describe("results.csv", () => {
  it("comes back as it was written, one row an epoch", () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => Number(x.toPrecision(7)) + 0);
    fc.assert(
      fc.property(fc.array(fc.record({ loss: value, ap50: value }), { minLength: 1, maxLength: 5 }), (rows) => {
        const each = mkdtempSync(join(folder, "r"));
        for (const [i, row] of rows.entries()) appendResults(each, { epoch: i + 1, ...row });
        expect(readResults(each)).toEqual(rows.map((row, i) => ({ epoch: i + 1, ...row })));
      }),
      { numRuns: 25 },
    );
  });
  it("replaces the rows after the epoch that a run resumes from, and adds columns", () => {
    for (const epoch of [1, 2, 3]) appendResults(folder, { epoch, loss: epoch });
    appendResults(folder, { epoch: 2, loss: 20, ap50: Number.NaN });
    appendResults(folder, { epoch: 3, ap50: 0.5 });
    expect(readFileSync(join(folder, "results.csv"), "utf8")).toBe("epoch,loss,ap50\n1,1,\n2,20,\n3,,0.5\n");
    expect(readResults(folder)[2]).toEqual({ epoch: 3, ap50: 0.5 });
  });
  it("names a line that is not one", () => {
    writeFileSync(join(folder, "results.csv"), "epoch,loss\n1,2\n2,x\n");
    expect(caught(() => readResults(folder)).message).toMatch(/results\.csv:3: "2,x"/);
  });
  it("stands beside args.yaml", () => {
    saveArguments(folder, { data: ["a.yaml"], epochs: 3, name: "yes" });
    expect(parse(readFileSync(join(folder, "args.yaml"), "utf8"))).toEqual({
      data: ["a.yaml"],
      epochs: 3,
      name: "yes",
    });
  });
});
