import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseNetwork } from "@phinets/core/networks";
import { afterAll, expect, it } from "vitest";
import { writeConveyorDataset } from "../dataset/conveyor.js";
import { listen } from "./context.js";
import { loadDrawn, loadSplit, openData } from "./data.js";

const root = mkdtempSync(join(tmpdir(), "phinets-drawn-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

it("reads of a split the pictures that are drawn, and no others", async () => {
  const yaml = await writeConveyorDataset(join(root, "data"), { train: 7, val: 2, clipFrames: 2 });
  const network = parseNetwork({
    family: "phinet",
    input: { height: 48, width: 64, channels: 3 },
    head: { kind: "yolov2", classes: 3 },
  });
  const read: number[] = [];
  const context = listen({ onEvent: (event) => event.kind === "progress" && read.push(event.total) });
  const data = await openData([yaml], { seed: 0, project: root });
  const drawn = await loadDrawn(data, "train", () => [5, 2], network, root, context);
  expect(new Set(read)).toEqual(new Set([2]));
  const all = await loadSplit(data, "train", "evaluation", network, root, context);
  expect(drawn.length).toBe(7);
  for (const i of [5, 2]) expect(drawn.at(i)).toEqual(all.at(i));
});
