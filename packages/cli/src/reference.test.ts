import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { classificationRecipe, detectionRecipe } from "@phinets/core/training";
import { describe, expect, it } from "vitest";
import { phinets } from "../../../test/road-tools.js";
import { verbs } from "./commands/index.js";
import { commandLinePage } from "./reference.js";
import { shownDefinitions } from "./surface.js";
import { attributeName, defaultText, fullHelp, groupsOf, longName } from "./terminal/definition.js";

const page = new URL("../../../docs/command-line.md", import.meta.url);
const shown = await shownDefinitions(verbs);

describe("one definition of every option", () => {
  it("is what docs/command-line.md says", () => {
    const wanted = commandLinePage(shown);
    if (process.env.PHINETS_WRITE_DOCS === "1" || !existsSync(page)) writeFileSync(page, wanted);
    expect(
      readFileSync(page, "utf8") === wanted,
      "PHINETS_WRITE_DOCS=1 npx vitest run packages/cli/src/reference.test.ts writes it",
    ).toBe(true);
  });

  it.each(shown.map(({ name, definition }) => [name, definition] as const))(
    "is what %s --help says",
    async (name, definition) => {
      const { exitCode, stdout } = await phinets(...name.split(" "), "--help");
      expect(exitCode).toBe(0);
      const text = stdout.replace(/\s+/g, " ");
      for (const option of definition.options)
        expect(text).toContain(`${option.flags} ${fullHelp(option)}`.replace(/\s+/g, " "));
      for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(120);
      for (const { title } of groupsOf(definition)) expect(stdout).toContain(`\n${title}:\n`);
      for (const [line] of definition.examples) expect(stdout).toContain(`\n  ${line} `);
      expect(definition.examples.length, "examples").toBeGreaterThan(0);
    },
  );

  it("has no two options of one name in a verb, and none without a place in help", () => {
    for (const { name, definition } of shown) {
      const names = definition.options.map(longName);
      expect(new Set(names).size, name).toBe(names.length);
      expect(groupsOf(definition).flatMap(({ options }) => options).length, name).toBe(names.length);
      expect(names, name).toContain("json");
    }
  });

  it("gives the same range, default and help to what means the same in every verb", () => {
    for (const name of ["seed", "workers", "project", "cfg", "json", "nms-iou", "skip-bad"]) {
      const options = shown.flatMap(({ definition }) => definition.options.filter((each) => longName(each) === name));
      const said = options.map((option) => [option.flags, fullHelp(option), option.parse?.takes]);
      expect(options.length, name).toBeGreaterThan(1);
      for (const each of said) expect(each, name).toEqual(said[0]);
    }
    // The compared boxes differ between commands; that it is a fraction does not.
    const ious = shown.flatMap(({ definition }) => definition.options.filter((each) => longName(each) === "iou"));
    expect(ious.length).toBe(4);
    for (const option of ious) {
      expect(() => option.parse?.("1.01")).toThrow(/from 0 to 1/);
      expect(option.help).toMatch(/overlaps? \(IoU\) that .* need to match|--nms-iou/);
    }
    for (const { definition } of shown)
      for (const option of definition.options.filter((each) => longName(each) === "out"))
        expect(option.help).toMatch(/; only files that phinets wrote are replaced$|; the file must not exist yet$/);
  });

  it("has an option for every field of a recipe, with the recipe's own default", () => {
    const train = shown.find(({ name }) => name === "train")!.definition.options;
    for (const [field, value] of Object.entries(detectionRecipe)) {
      const option = train.find((each) => (each.recipe ?? attributeName(each)) === field);
      expect(option, field).toBeDefined();
      if (typeof value !== "number") continue;
      const other = classificationRecipe[field as "epochs"];
      expect(defaultText(option!), field).toContain(String(value));
      if (other !== undefined) expect(defaultText(option!), field).toContain(String(other));
    }
  });

  it("train --help shows the first group, and how train is used, on one screen", async () => {
    const lines = (await phinets("train", "--help")).stdout.split("\n");
    const end = lines.indexOf("Data:");
    expect(end).toBeGreaterThan(12);
    expect(end).toBeLessThanOrEqual(24);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(100);
    const short = (await phinets("train", "-h")).stdout.trimEnd().split("\n");
    expect(short.length).toBeLessThanOrEqual(24);
    expect(short.at(-1)).toMatch(/^\d+ more options: phinets train --help$/);
    expect(short.join("\n")).toContain("Examples:");
  });

  it("help of a verb is asked for in any order", async () => {
    const { stdout } = await phinets("train", "--help");
    for (const words of [
      ["--help", "train"],
      ["help", "train"],
      ["train", "epochs=3", "--help"],
    ])
      expect(await phinets(...words), words.join(" ")).toMatchObject({ exitCode: 0, stdout });
    expect((await phinets("help", "eval", "coco")).stdout).toContain("Usage: phinets eval coco");
    expect(await phinets("--help", "trian")).toMatchObject({
      exitCode: 2,
      stderr: /unknown verb 'trian' \(did you mean train\?\)/,
    });
  });
});
