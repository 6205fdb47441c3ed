import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@phinets/core/tensor";
import { afterAll, describe, expect, it } from "vitest";
import { clipsIn, FolderWalk } from "./find.js";
import { OpenedFolder } from "./opened-folder.js";

const root = mkdtempSync(join(tmpdir(), "phinets-studio-find-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const kinds = {
  a: (path: string) => existsSync(join(path, "a.json")),
  b: (path: string) => existsSync(join(path, "b.json")),
};

describe("FolderWalk", () => {
  it("finds folders of each kind, and nothing of a kind below one of it", () => {
    const place = join(root, "kinds");
    for (const path of ["x/a.json", "x/in/a.json", "x/in/b.json", "y/1/2/3/b.json", ".hidden/a.json", "dist/a.json"]) {
      mkdirSync(join(place, path, ".."), { recursive: true });
      writeFileSync(join(place, path), "");
    }
    symlinkSync(join(place, "x"), join(place, "led"));
    expect(new FolderWalk(place, kinds).find()).toEqual({ a: ["x"], b: ["x/in", "y/1/2/3"] });
  });

  it("sees what a first walk sees, whatever changed since", () => {
    const place = join(root, "changing");
    mkdirSync(place);
    const random = new Random(3, 1);
    const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)];
    const walk = new FolderWalk(place, kinds);
    const folders = ["", "p", "q", "p/r", "p/r/s", "q/t"];
    for (let step = 0; step < 200; step++) {
      const path = join(place, pick(folders));
      const work = random.integer(4);
      if (work === 0) rmSync(join(path, pick(["a.json", "b.json", "r"])), { recursive: true, force: true });
      else if (work === 1 && path !== place) rmSync(path, { recursive: true, force: true });
      else {
        mkdirSync(path, { recursive: true });
        writeFileSync(join(path, pick(["a.json", "b.json", "c.json"])), "");
      }
      expect(walk.find()).toEqual(new FolderWalk(place, kinds).find());
    }
  });

  it("reads a folder again only after its entries have changed", () => {
    const place = join(root, "resting");
    mkdirSync(join(place, "in"), { recursive: true });
    writeFileSync(join(place, "in/a.json"), "");
    const past = new Date(Date.now() - 60_000);
    const settle = () => {
      for (const path of [join(place, "in"), place]) utimesSync(path, past, past);
    };
    const looked: string[] = [];
    const walk = new FolderWalk(place, {
      a: (path) => {
        looked.push(path);
        return kinds.a(path);
      },
    });
    settle();
    expect(walk.find()).toEqual({ a: ["in"] });
    expect(walk.find()).toEqual({ a: ["in"] });
    expect(looked).toEqual([place, join(place, "in")]);
    renameSync(join(place, "in/a.json"), join(place, "in/other.json"));
    expect(walk.find()).toEqual({ a: [] });
    expect(looked).toEqual([place, join(place, "in"), join(place, "in")]);
  });
});

describe("clipsIn", () => {
  it("finds videos, and folders of frames where they are asked for", () => {
    const place = join(root, "clips");
    for (const path of ["v.MP4", "deep/er/w.mpg", "frames/1.png", "frames/2.png", "one/1.jpg", "node_modules/x.mp4"]) {
      mkdirSync(join(place, path, ".."), { recursive: true });
      writeFileSync(join(place, path), "");
    }
    const folder = new OpenedFolder(place);
    expect(clipsIn(folder, { frames: false })).toEqual(["v.MP4", "deep/er/w.mpg"]);
    expect(clipsIn(folder, { frames: true })).toEqual(["v.MP4", "deep/er/w.mpg", "frames"]);
  });
});
