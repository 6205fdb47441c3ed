import { expect, it } from "vitest";
import { CachedPictures } from "../dataset/index.js";
import { KeptPictures } from "./kept-pictures.js";

/** Pictures of the given size; memory that is not written takes only address space. */
const ofMegabytes = (megabytes: number): CachedPictures =>
  new CachedPictures(
    {
      ...{ channels: 3, use: "training", input: { width: 1, height: 1 }, fit: "stretch" },
      ...{ shards: [new SharedArrayBuffer(megabytes * 2 ** 20)], table: new Float64Array(0) },
    },
    [],
  );

it("loads what it does not have, and drops what was used longest ago where the rest exceeds the bound", async () => {
  const kept = new KeptPictures();
  const loaded: string[] = [];
  const get = (...names: string[]) =>
    kept.get(names, (name) => {
      loaded.push(name);
      return Promise.resolve(ofMegabytes(100));
    });
  const [first] = await get("a", "b");
  expect((await get("a", "b"))[0]).toBe(first);
  expect(loaded).toEqual(["a", "b"]);
  // 200 MB besides those in use.
  await get("c", "d");
  await get("a", "b");
  expect(loaded).toEqual(["a", "b", "c", "d"]);
  // 400 MB besides those in use are too much: c and d, which were used before a and b, are dropped.
  await get("e");
  await get("a", "b");
  expect(loaded).toEqual(["a", "b", "c", "d", "e"]);
  await get("c");
  expect(loaded).toEqual(["a", "b", "c", "d", "e", "c"]);
});

it("keeps what is in use whatever it takes", async () => {
  const kept = new KeptPictures();
  let loads = 0;
  const load = () => {
    loads++;
    return Promise.resolve(ofMegabytes(600));
  };
  for (let i = 0; i < 3; i++) await kept.get(["large"], load);
  expect(loads).toBe(1);
  await kept.get(["other"], load);
  await kept.get(["large"], load);
  expect(loads).toBe(3);
});
