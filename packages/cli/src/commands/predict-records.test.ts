import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PredictionsFile, type PredictRecord } from "./predict-records.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-predictions-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("predictions.json", () => {
  const path = () => join(folder, "predictions.json");
  const records: PredictRecord[] = [
    { file: "a\nb\u202e.png", width: 2, height: 1, classes: [{ class: 0, name: "nut", score: 0.5 }] },
    { file: "gone.png", error: "gone.png: does not exist" },
  ];

  it("is the list as JSON.stringify would write it", () => {
    for (const list of [records, records.slice(1), []]) {
      const file = new PredictionsFile(folder);
      for (const record of list) file.add(record);
      file.close(true);
      expect(readFileSync(path(), "utf8")).toBe(`${JSON.stringify(list, undefined, 1)}\n`);
    }
  });

  it("is there after an error too, if anything was seen", () => {
    rmSync(path());
    const none = new PredictionsFile(folder);
    none.close(false);
    expect(existsSync(path())).toBe(false);
    const some = new PredictionsFile(folder);
    some.add(records[0]);
    some.close(false);
    expect(JSON.parse(readFileSync(path(), "utf8"))).toEqual([records[0]]);
    expect(readdirSync(folder)).toEqual(["predictions.json"]);
  });
});
