import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { makeRun } from "../../../test/make-run.js";
import { tinyDataset, writeNetwork } from "../../../test/road-tools.js";
import { openRun, readPicture, type StepEvent, savePicture, ship } from "./index.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-node-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("ships for a program: events are heard, and an aborted chain stops", async () => {
  const data = await tinyDataset(join(folder, "set"));
  const interruption = new AbortController();
  const events: StepEvent[] = [];
  const shipped = ship(
    { data, network: writeNetwork(folder), project: join(folder, "runs"), recipe: { epochs: 500 }, threads: 1 },
    {
      signal: interruption.signal,
      onEvent: (event) => {
        events.push(event);
        if (event.kind === "progress" && event.label === "training" && event.done > 0) interruption.abort();
      },
    },
  );
  await expect(shipped).rejects.toMatchObject({ name: "AbortError" });
  expect(events.filter(({ kind }) => kind === "note").length).toBeGreaterThan(1);
  const trained = events.filter((event) => event.kind === "progress" && event.label === "training");
  expect(trained[0]).toMatchObject({ total: 500, unit: "epochs" });
  expect(trained.length).toBeLessThan(500);
});

it("opens a run as a model that looks at pictures on disk", async () => {
  makeRun(join(folder, "run"));
  const data = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 37) % 256);
  await savePicture(join(folder, "noise.png"), { width: 40, height: 30, channels: 3, data });
  const notes: string[] = [];
  const model = await openRun(join(folder, "run"), { on: "float", onNote: (line) => notes.push(line) });
  const boxes = model.detect(await readPicture(join(folder, "noise.png")));
  expect(boxes).toEqual(model.detect({ width: 40, height: 30, channels: 3, data }));
  expect(notes).toEqual([]);
});
