/** The view of a shipped run: while it runs, after it was stopped, when it is done. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { lockRun } from "../run/lock.js";
import { listen } from "./context.js";
import { ShipState } from "./ship-state.js";
import { firmwareScoreThreshold, isShipped, readShipView } from "./ship-view.js";
import { StepLog } from "./step-log.js";

const root = mkdtempSync(join(tmpdir(), "phinets-ship-view-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("a chain", () => {
  const folder = join(root, "run");
  const plan = ["fit", "train", "report"];
  const step = (name: string, run: () => void) => ({ name, key: "1", outputs: [], run });

  it("is seen while it runs, by whoever looks", async () => {
    mkdirSync(folder);
    const lock = lockRun(folder, "shipping");
    const state = new ShipState(folder, plan);
    const context = state.watch(listen());
    const log = new StepLog(folder, context, (name, to) => state.step(name, to));
    await log.run(step("fit", () => {}));
    await expect(
      log.run(
        step("train", () => {
          context.progress({ label: "training", total: 4, unit: "epochs" }).update(3, "fast");
          const { holder, steps, progress } = readShipView(folder);
          expect(holder).toEqual({ pid: process.pid, work: "shipping" });
          expect(steps.map(({ name, state: seen }) => [name, seen])).toEqual([
            ["fit", "done"],
            ["train", "running"],
            ["report", "waiting"],
          ]);
          // The state is written at most twice per second.
          if (progress !== undefined)
            expect(progress).toEqual({ label: "training", done: 3, total: 4, unit: "epochs", detail: "fast" });
          throw new Error("stopped");
        }),
      ),
    ).rejects.toThrow("stopped");
    lock.release();
    expect(readShipView(folder).steps.map(({ state: seen }) => seen)).toEqual(["done", "stopped", "waiting"]);
    expect(readShipView(folder)).not.toHaveProperty("holder");
  });

  it("says what it takes over, and leaves nothing behind when it is done", async () => {
    const state = new ShipState(folder, plan);
    const log = new StepLog(folder, listen(), (name, to) => state.step(name, to));
    await log.run(step("fit", () => expect.unreachable()));
    expect(readShipView(folder).steps[0]).toEqual({ name: "fit", state: "kept", seconds: expect.any(Number) });
    await log.run(step("train", () => {}));
    state.end();
    expect(existsSync(join(folder, "state.json"))).toBe(false);
    expect(readShipView(folder).steps.map(({ name, state: seen }) => [name, seen])).toEqual([
      ["fit", "done"],
      ["train", "done"],
    ]);
  });

  it("of damaged files is seen all the same, or refused in a line", () => {
    writeFileSync(join(folder, "state.json"), '{"plan": 3}');
    expect(readShipView(folder).steps).toHaveLength(2);
    writeFileSync(join(folder, "ship.json"), '{"target": 1}');
    expect(() => readShipView(folder)).toThrow(/ship\.json: target is 1; string is needed; ship the run again/);
    expect(isShipped(root)).toBe(false);
    expect(() => readShipView(root)).toThrow(/is no shipped run; phinets ship makes one/);
  });
});

it("the firmware's least score is what its header says", () => {
  const folder = join(root, "header/firmware/model");
  mkdirSync(folder, { recursive: true });
  expect(firmwareScoreThreshold(join(root, "header"))).toBeUndefined();
  writeFileSync(join(folder, "phinets_model.h"), "#ifndef X\n#define PHINETS_SCORE_THRESHOLD 0.17\n#endif\n");
  expect(firmwareScoreThreshold(join(root, "header"))).toBe(0.17);
});
