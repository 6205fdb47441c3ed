import { readFileSync } from "node:fs";
import { dataFormats, datasetWriters, leastComparedSide, nearCopy, sameScene } from "@phinets/core/data";
import { describe, expect, it } from "vitest";
import { phinets } from "../../../../test/road-tools.js";

const page = readFileSync(new URL("../../../../docs/data.md", import.meta.url), "utf8");
const cells = (row: string): string[] =>
  row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const namesIn = (text: string): string[] => [...new Set(text.match(/--[a-z][a-z0-9-]+/g))].sort();

describe("docs/data.md", () => {
  it("has the formats that there are", () => {
    const rows = page.split("\n").filter((line) => /^\|[^|]*\| `[a-z][a-z0-9-]*` +\|/.test(line));
    const wanted = dataFormats.map(({ title, id, looksFor }) => [
      title,
      `\`${id}\``,
      looksFor.replaceAll("<", "\\<"),
      datasetWriters.some((writer) => writer.id === id) ? "yes" : "",
    ]);
    expect(rows.map(cells), wanted.map((row) => `| ${row.join(" | ")} |`).join("\n")).toEqual(wanted);
  });

  it("has every option of doctor and convert, and the thresholds", async () => {
    for (const verb of ["doctor", "convert"]) {
      const { stdout } = await phinets(verb, "--help");
      const section = page.slice(page.indexOf(`## phinets ${verb}`)).split(/\n## /)[0];
      const options = namesIn(stdout.slice(stdout.indexOf("Options:"))).filter((name) => name !== "--help");
      expect(
        namesIn(
          section
            .split("\n")
            .filter((line) => /^\| `--/.test(line))
            .join("\n"),
        ),
        verb,
      ).toEqual(options);
    }
    expect(page).toContain(`at most ${nearCopy.distance} of 64 bits`);
    expect(page).toContain(`correlate by ${nearCopy.correlation}`);
    expect(page).toContain(`${sameScene.distance} bits and ${sameScene.correlation}`);
    expect(page).toContain(`below ${leastComparedSide} pixels`);
  });
});
