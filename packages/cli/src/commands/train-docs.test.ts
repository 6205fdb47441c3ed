import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { phinets } from "../../../../test/road-tools.js";

const page = readFileSync(new URL("../../../../docs/training.md", import.meta.url), "utf8");
const namesIn = (text: string): Set<string> => new Set(text.match(/--[a-z][a-z0-9-]+/g));

describe("docs/training.md", () => {
  it("has every option of train, and none that is not there", async () => {
    const { stdout } = await phinets("train", "--help");
    const options = namesIn(stdout.slice(stdout.indexOf("Options:")));
    options.delete("--help");
    expect(options.size).toBeGreaterThan(60);
    // Only the first columns: the text around them may name options of other commands.
    const rows = page.split("\n").filter((line) => /^\| `--/.test(line));
    const documented = namesIn(`${rows.map((line) => line.split(/ \| /)[0]).join("\n")} --qat`);
    expect([...options].filter((name) => !documented.has(name))).toEqual([]);
    expect([...documented].filter((name) => !options.has(name))).toEqual([]);
  });
});
