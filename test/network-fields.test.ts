/** docs/networks.md has every field of a network.json, with its default. */
import { readFileSync } from "node:fs";
import { parseNetwork } from "@phinets/core/networks";
import { describe, expect, it } from "vitest";

const page = readFileSync(new URL("../docs/networks.md", import.meta.url), "utf8");
const input = { height: 64, width: 64 };

/** Rows of the table behind a heading, as cells without backticks. */
function rowsAfter(heading: string): string[][] {
  const lines = page.slice(page.indexOf(`\n## ${heading}\n`)).split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const rest = lines.slice(first + 2);
  return rest
    .slice(
      0,
      rest.findIndex((line) => !line.startsWith("|")),
    )
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
}

describe("docs/networks.md", () => {
  const told = ["family", "input", "head"]; // have no default of their own, or a section
  const usual = (json: object) =>
    Object.entries(parseNetwork({ ...json, input }))
      .filter(([name]) => !told.includes(name))
      .map(([name, value]) => [name, JSON.stringify(value)]);

  it.each(["micromind", "paper"])("has PhiNet's fields in profile %s", (profile) => {
    const paper = profile === "paper";
    const rows = rowsAfter("PhiNet").flatMap(([name, , first, second]) => {
      const value = (paper && second) || first;
      return told.includes(name) || value === "" ? [] : [[name, value]];
    });
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(usual({ family: "phinet", profile })));
  });

  it("has the fields of MobileNetV2 and EfficientNet", () => {
    const rows = rowsAfter("MobileNetV2 and EfficientNet").map(([name, , value]) => [name, value]);
    const fields = Object.fromEntries(rows.filter(([name]) => !told.includes(name)));
    expect(fields).toEqual(Object.fromEntries(usual({ family: "efficientnet" })));
    expect(fields).toMatchObject(Object.fromEntries(usual({ family: "mobilenetv2" })));
  });

  it("has the fields of heads", () => {
    let kind = "";
    const heads: Record<string, Record<string, string>> = {};
    for (const [first, field, , value] of rowsAfter("Heads")) {
      kind = first || kind;
      heads[kind] ??= {};
      if (field !== "") heads[kind][field] = value;
    }
    expect(Object.keys(heads)).toEqual(["none", "classifier", "yolov2"]);
    const { head: classifier } = parseNetwork({ family: "phinet", input, head: { kind: "classifier", features: 3 } });
    expect(["kind", ...Object.keys(heads.classifier)].sort()).toEqual(Object.keys(classifier).sort());
    const given = { kind: "yolov2", classes: ["a"], neck: "fpn" };
    const { head: yolo } = parseNetwork({ family: "phinet", input, head: given });
    expect(["kind", ...Object.keys(heads.yolov2)].sort()).toEqual(Object.keys(yolo).sort());
    expect(heads.classifier.classes).toBe("10");
    expect(yolo).toMatchObject({ filters: Number(heads.yolov2.filters), decoder: JSON.parse(heads.yolov2.decoder) });
  });
});
