import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { afterAll, describe, expect, it } from "vitest";
import { readOptionFile } from "./option-file.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-options-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "o.yaml");

describe("a file of options", () => {
  it("is its keys with their values and places, the recipe's among them", async () => {
    writeFileSync(file, "# head\nepochs: 3\nrecipe:\n  lr: [1, two]\n  'odd key': null\ntarget: &t rp2040\nname: *t\n");
    expect(await readOptionFile(file)).toEqual([
      { key: "epochs", inRecipe: false, value: 3, place: `${file}:2:1` },
      { key: "lr", inRecipe: true, value: [1, "two"], place: `${file}:4:3` },
      { key: "odd key", inRecipe: true, value: null, place: `${file}:5:3` },
      { key: "target", inRecipe: false, value: "rp2040", place: `${file}:6:1` },
      { key: "name", inRecipe: false, value: "rp2040", place: `${file}:7:1` },
    ]);
    writeFileSync(file, "# nothing\n");
    expect(await readOptionFile(file)).toEqual([]);
  });

  it("that is none is refused in one line with its place", async () => {
    // Each alias expands to ten of the previous one.
    const bomb = [
      "k0: &k0 x",
      ...Array.from({ length: 9 }, (_, n) => `k${n + 1}: &k${n + 1} [${`*k${n},`.repeat(10)}]`),
    ].join("\n");
    for (const [text, line] of [
      ["a: b: c", /^FILE:1:\d+: is not YAML: /],
      ["a: *b", /^FILE:1:4: \*b stands for nothing before it/],
      ["a: 1\na: 2", /^FILE:2:1: is not YAML/],
      ["? [x]\n: 1", /^FILE:1:3: a key is not a name/],
      ["- a", /^FILE:1:1: is not options by their names/],
      ["a\u0000b", /^FILE/],
      [bomb, /^FILE/],
      [`a: ${"[".repeat(5000)}`, /^FILE/],
      ["x".repeat(2_000_000), /^FILE: of 2000000 bytes is no file of options/],
    ] as const) {
      writeFileSync(file, text);
      const error = await readOptionFile(file).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      expect(error, text.slice(0, 40)).toBeInstanceOf(PhinetsError);
      const { message, code } = error as PhinetsError;
      expect(code).toBe("cli.config");
      expect(message.replaceAll(file, "FILE")).toMatch(line);
      expect(message).not.toContain("\n");
    }
  });
});
