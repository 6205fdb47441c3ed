import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { listen } from "./context.js";
import { StepLog } from "./step-log.js";

let folder: string;
let said: string;
let done: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-steps-"));
});

/** Runs two steps as a new process would: the second depends on the first's result. */
async function chain(key = "k"): Promise<number> {
  said = "";
  done = [];
  const write = (text: string) => (said += text);
  const log = new StepLog(folder, listen({ onEvent: (event) => event.kind === "note" && write(event.text) }));
  const step = <T>(name: string, from: string, outputs: string[], result: T) =>
    log.run({
      name,
      key: from,
      outputs,
      run: () => {
        done.push(name);
        for (const output of outputs) writeFileSync(join(folder, output), `${name} of ${from}`);
        return result;
      },
    });
  const { figure } = await step("train", key, ["weights"], { figure: 0.5 });
  await step("evaluate", `${figure}`, [], { AP: 0.25 });
  return figure;
}

describe("a chain's log", () => {
  it("keeps what has not changed, and makes again what is made from something else", async () => {
    await chain();
    expect(done).toEqual(["train", "evaluate"]);
    await chain();
    expect(done).toEqual([]);
    await chain("other");
    expect(done).toEqual(["train"]);
    expect(said).toContain("train: its inputs have changed; made again");
  });

  it("makes again, and says, what somebody changed in a file", async () => {
    await chain();
    writeFileSync(join(folder, "weights"), "better");
    await chain();
    expect(done).toEqual(["train"]);
    expect(said).toContain("train: weights has changed since it was made; made again");
    expect(readFileSync(join(folder, "weights"), "utf8")).toBe("train of k");
    rmSync(join(folder, "weights"));
    await chain();
    expect(said).toContain("train: weights is missing; made again");
    expect(existsSync(join(folder, "weights"))).toBe(true);
  });

  it("makes again, and says, what somebody changed in the log", async () => {
    await chain();
    const file = join(folder, "steps.json");
    const good = readFileSync(file, "utf8");
    for (const [from, to] of [
      ['"figure": 0.5', '"figure": 0.9'],
      ['"AP": 0.25', '"AP": 0.99'],
      ['"seconds": ', '"seconds": 1'],
      ['"sha256": "', '"sha256": "0'],
    ]) {
      writeFileSync(file, good.replace(from, to));
      expect(await chain(), from).toBe(0.5);
      expect(done.length).toBeGreaterThan(0);
      expect(said).toMatch(/(train|evaluate): its record in steps\.json was not written by this version; made again/);
      expect(JSON.parse(readFileSync(file, "utf8")).evaluate.result).toEqual({ AP: 0.25 });
    }
    writeFileSync(file, "[]");
    await chain();
    expect(said).toContain("steps.json is damaged; all steps are made again");
    expect(done).toEqual(["train", "evaluate"]);
  });
});
