/** The labels' routes as a page uses them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dataFolder, jpeg } from "../../../../test/data-folder.js";
import type { Catalogue } from "../shared/data.js";
import type { LabelDocument, SavedDocument } from "../shared/labels.js";
import { type RunningStudio, startStudio } from "./index.js";

const { root, put } = dataFolder("studio-labels");
let studio: RunningStudio;

beforeAll(async () => {
  put("page/index.html", "<!doctype html>");
  for (const n of [1, 2]) put(`set/${n}.jpg`, await jpeg(40, 30, n));
  const object = (name: string, at: number) =>
    `<object><name>${name}</name><bndbox><xmin>${at}</xmin><ymin>${at}</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object>`;
  put("set/1.xml", `<annotation><filename>1.jpg</filename>${object("nut", 3)}${object("bolt", 5)}</annotation>`);
  studio = await startStudio({ folder: join(root, "set"), page: join(root, "page") });
});
afterAll(() => studio?.close());

async function ask<T>(resource: string, query: Record<string, string> = {}, body?: unknown): Promise<T> {
  const address = `http://localhost:${studio.port}/api/${resource}?${new URLSearchParams(query)}`;
  const answer = await fetch(address, {
    headers: { Authorization: `Bearer ${studio.token}`, "Content-Type": "application/json" },
    ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

it("take classes by their names, however the set has come to number them", async () => {
  const about = { set: "", picture: "1.jpg" };
  const first = await ask<LabelDocument>("labels", about);
  expect(first.classes).toEqual(["bolt", "nut"]);
  expect(await ask("labels/class", { set: "" }, { name: "axle" })).toEqual(["bolt", "nut", "axle"]);
  const boxes = first.boxes.map((box, row) => ({ ...box, row }));
  const axle = { class: 2, left: 1, top: 2, width: 10, height: 11 };
  const classes = ["bolt", "nut", "axle"];
  const saved = await ask<SavedDocument>("labels", about, { boxes: [...boxes, axle], version: first.version, classes });
  expect(saved.rows).toEqual([0, 1, 2]);
  // After reloading, the names are sorted; the page still has them in the old order.
  await ask("data/reload", {}, {});
  const again = await ask<LabelDocument>("labels", about);
  expect(again.classes).toEqual(["axle", "bolt", "nut"]);
  const more = [...boxes, { ...axle, row: 2 }, { ...axle, left: 20, class: 3 }];
  const page = [...classes, "pin"];
  const last = await ask<SavedDocument>("labels", about, { boxes: more, version: again.version, classes: page });
  expect(last.boxes.map((box) => last.classes[box.class])).toEqual(["nut", "bolt", "axle", "pin"]);
  const names = [...readFileSync(join(root, "set/1.xml"), "utf8").matchAll(/<name>(\w+)/g)].map(([, name]) => name);
  expect(names).toEqual(["nut", "bolt", "axle", "pin"]);
});

it("keep the catalogue as it is on the disk, without reading it again", async () => {
  const catalogue = () => ask<Catalogue>("data/catalogue", { set: "" });
  expect((await catalogue()).unlabelled).toEqual([1]);
  expect(await ask("labels/next", { set: "", picture: "1.jpg" })).toEqual({ picture: "2.jpg" });
  const { version, labelled } = await ask<LabelDocument>("labels", { set: "", picture: "2.jpg" });
  expect(labelled).toBe(false);
  const box = { class: 0, left: 4, top: 3, width: 8, height: 6 };
  await ask("labels", { set: "", picture: "2.jpg" }, { boxes: [box], version, classes: ["nut"] });
  const kept = await catalogue();
  expect(kept.unlabelled).toEqual([]);
  expect(await ask("labels/next", { set: "", picture: "1.jpg" })).toEqual({});
  await ask("data/reload", {}, {});
  const read = await catalogue();
  const numbers = ({ boxes }: Catalogue) => boxes.map((value) => Number(value.toFixed(9)));
  const shown = ({ starts, ignored, files, splits }: Catalogue) => ({ starts, ignored, files, splits });
  expect(shown(kept)).toEqual(shown(read));
  const named = (each: Catalogue) => each.boxes.flatMap((_, i) => (i % 5 === 0 ? each.classes[each.boxes[i]] : []));
  expect(named(kept)).toEqual(named(read));
  expect(numbers(kept).filter((_, i) => i % 5 > 0)).toEqual(numbers(read).filter((_, i) => i % 5 > 0));
});
