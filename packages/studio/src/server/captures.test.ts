/** Where a camera's pictures are saved, their names, and the data sets that take none. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildZip } from "../../../../test/build-zip.js";
import { dataFolder, jpeg } from "../../../../test/data-folder.js";
import { captureName, captureStart, mostCaptures } from "../shared/captures.js";
import type { Catalogue, DatasetEntry } from "../shared/data.js";
import type { SavedFrame } from "../shared/try.js";
import { type RunningStudio, startStudio } from "./index.js";

const { root, put, yolo } = dataFolder("studio-captures");
const folder = join(root, "opened");
let studio: RunningStudio;
let picture: Buffer;

beforeAll(async () => {
  put("page/index.html", "<!doctype html>");
  picture = await jpeg(40, 30, 1);
  put("elsewhere/0.jpg", picture);
  for (const split of ["train", "val"])
    for (const kind of ["bolt", "nut"]) put(`opened/kinds/${split}/${kind}/1.jpg`, await jpeg(30, 20, kind.length));
  await yolo("opened/set");
  studio = await startStudio({ folder, page: join(root, "page"), project: join(root, "runs") });
});
afterAll(() => studio?.close());

async function ask<T>(resource: string, query: Record<string, string> = {}, body?: Uint8Array): Promise<T> {
  const answer = await fetch(`http://localhost:${studio.port}/api/${resource}?${new URLSearchParams(query)}`, {
    headers: { Authorization: `Bearer ${studio.token}` },
    ...(body !== undefined && { method: "POST", body: new Uint8Array(body) }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

const capture = (query: Record<string, string>, body: Uint8Array = picture) => ask<SavedFrame>("captures", query, body);
/** By today's date, which may change during the test. */
const name = (n: number): string => captureName(captureStart(new Date()), n);

it("go beside the training pictures, numbered after the day's last, and write over none", async () => {
  const images = join(folder, "set/train/images");
  writeFileSync(join(images, name(7)), "somebody's");
  writeFileSync(join(images, name(9).replace("jpg", "png")), "somebody's too");
  expect(await capture({ set: "set" })).toEqual({ set: "set", file: `train/images/${name(10)}` });
  expect(readFileSync(join(images, name(7)), "utf8")).toBe("somebody's");
  const several = await Promise.all([1, 2, 3].map(() => capture({ set: "set" })));
  expect(new Set(several.map(({ file }) => file)).size).toBe(3);
  const { unlabelled, files } = await ask<Catalogue>("data/catalogue", { set: "set" });
  const waiting = unlabelled.map((n) => files[n]);
  for (const { file } of several) expect(waiting).toContain(file);
  writeFileSync(join(images, name(mostCaptures)), "the day's last");
  await expect(capture({ set: "set" })).rejects.toThrow(/studio.full.*go on in another folder/);
});

it("of a class go into its folder of training pictures; without one the set takes none", async () => {
  expect(await capture({ set: "kinds", class: "nut" })).toEqual({ set: "kinds", file: `train/nut/${name(1)}` });
  const { files, labels, classes } = await ask<Catalogue>("data/catalogue", { set: "kinds" });
  expect(classes[labels[files.indexOf(`train/nut/${name(1)}`)]]).toBe("nut");
  for (const kind of ["", "axle", "../nut", "NUT"])
    await expect(capture({ set: "kinds", class: kind }), kind).rejects.toThrow(/choose bolt, nut/);
  expect(readdirSync(join(folder, "kinds/train/bolt"))).toEqual(["1.jpg"]);
});

it("leave nothing in a set that takes none", async () => {
  put("opened/table/boxes.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n0.jpg,40,30,nut,1,1,9,9\n");
  put("opened/table/0.jpg", picture);
  put("opened/list/data.yaml", "train: train.txt\nnames: [nut]\n");
  put("opened/list/train.txt", "./images/0.jpg\n");
  put("opened/list/images/0.jpg", picture);
  put("opened/list/labels/0.txt", "0 0.5 0.5 0.2 0.2\n");
  for (const [set, images] of [
    ["table", ""],
    ["list", "images"],
  ]) {
    const before = readdirSync(join(folder, set, images));
    await expect(capture({ set }), set).rejects.toThrow(/studio.frame.*lists its pictures/);
    expect(readdirSync(join(folder, set, images)), set).toEqual(before);
  }
  const zip = buildZip([
    { name: "data.yaml", content: Buffer.from("train: images\nnames: [nut]\n") },
    { name: "images/0.jpg", content: picture },
    { name: "labels/0.txt", content: Buffer.from("0 0.5 0.5 0.2 0.2\n") },
  ]);
  put("opened/packed.zip", zip);
  await expect(capture({ set: "packed.zip" })).rejects.toThrow(/an archive, which is only read/);
  expect(Buffer.compare(readFileSync(join(folder, "packed.zip")), zip)).toBe(0);
});

it("make a folder in the opened one, and none elsewhere", async () => {
  for (const set of ["../made", "a/b", "/tmp/made", ".hidden", "", " ", "a\nb", "a\\b", "x".repeat(101)])
    await expect(capture({ set, make: "1" }), set).rejects.toThrow(/studio.request/);
  await expect(capture({ set: "made" })).rejects.toThrow(/studio.missing/);
  await expect(capture({ set: "made", make: "1" }, Buffer.from("no picture"))).rejects.toThrow(/data.picture/);
  expect(readdirSync(folder)).not.toContain("made");
  await expect(capture({ set: "packed.zip", make: "1" })).rejects.toThrow(/run.write/);
  expect(await capture({ set: "made", make: "1" })).toEqual({ set: "made", file: name(1) });
  // A second one is saved beside the first.
  expect(await capture({ set: "made", make: "1" })).toEqual({ set: "made", file: name(2) });
  const list = await ask<DatasetEntry[]>("data");
  expect(list.find(({ path }) => path === "made")).toMatchObject({ pictures: 2, isBare: true });
  // As the first folder of an empty opened folder.
  mkdirSync(join(folder, "bare"));
  expect(await capture({ set: "bare" })).toEqual({ set: "bare", file: name(1) });
});

it("go nowhere outside, over whatever links", async () => {
  symlinkSync(join(root, "elsewhere"), join(folder, "led"));
  mkdirSync(join(folder, "inner"));
  symlinkSync(join(root, "elsewhere"), join(folder, "inner/images"));
  for (const set of ["..", "../elsewhere", "led", "inner/images"])
    await expect(capture({ set }), set).rejects.toThrow(/"error"/);
  await expect(capture({ set: "led", make: "1" })).rejects.toThrow(/studio.outside/);
  // Pictures that a link leads to are not part of the folder.
  expect(await capture({ set: "inner" })).toEqual({ set: "inner", file: name(1) });
  expect(readdirSync(join(root, "elsewhere"))).toEqual(["0.jpg"]);
});
