import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildZip, type ZipFile } from "../../../../../test/build-zip.js";
import type { PhinetsError } from "../../tensor/index.js";
import type { RandomAccess } from "./zip-directory.js";
import { splitArchivePath, ZipTree } from "./zip-tree.js";

const host = {
  inflate(bytes: Uint8Array, size: number): Uint8Array {
    const content = inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
    if (content.length !== size) throw new Error("another size");
    return new Uint8Array(content);
  },
};
const text = (content: string) => new TextEncoder().encode(content);

function sourceOf(bytes: Uint8Array): RandomAccess & { readonly reads: number[] } {
  const reads: number[] = [];
  const read = (offset: number, length: number) => {
    expect(offset >= 0 && length >= 0 && offset + length <= bytes.length).toBe(true);
    reads.push(length);
    return bytes.subarray(offset, offset + length);
  };
  return { size: bytes.length, read, reads };
}

const open = (files: readonly ZipFile[], options = {}) =>
  ZipTree.open("a.zip", sourceOf(buildZip(files, options)), host);
const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "",
    (error: PhinetsError) => `${error.code} ${error.message}`,
  );

describe("a zip archive", () => {
  it("is a tree of files, stored or deflated", async () => {
    const tree = await open([
      { name: "b/" },
      { name: "b/two.txt", content: text("two".repeat(100)), deflate: true },
      { name: "one.txt", content: text("one") },
      { name: "empty.txt", content: text(""), deflate: true },
      { name: "c/d/three.txt", content: text("drei ü") },
      { name: "__MACOSX/one.txt", content: text("mark") },
      { name: ".DS_Store", content: text("mark") },
    ]);
    expect(tree.list("")).toEqual({ folders: ["b", "c"], files: ["empty.txt", "one.txt"], brokenLinks: [] });
    expect(tree.list("c")).toEqual({ folders: ["d"], files: [], brokenLinks: [] });
    expect(tree.list("nowhere")).toBeUndefined();
    const contents = await Promise.all(
      ["b/two.txt", "one.txt", "empty.txt", "c/d/three.txt"].map((file) => tree.read(file)),
    );
    expect(contents.map((bytes) => new TextDecoder().decode(bytes))).toEqual(["two".repeat(100), "one", "", "drei ü"]);
    expect(await failure(tree.read("x"))).toBe("data.zip a.zip!/x: does not exist; open the data set again");
  });

  it("is read where it is asked for", async () => {
    const source = sourceOf(
      buildZip([
        { name: "large", content: new Uint8Array(1 << 20) },
        { name: "small", content: text("small") },
      ]),
    );
    const tree = await ZipTree.open("a.zip", source, host);
    await tree.read("small");
    expect(source.reads.reduce((a, b) => a + b)).toBeLessThan(100_000);
  });

  it("may be zip64, have a comment, and something in front of it", async () => {
    for (const options of [
      { zip64: true },
      { comment: "made by hand PK\u0005\u0006" },
      { front: text("#!/bin/sh\n") },
      { zip64: true, front: text("x") },
    ]) {
      const tree = await open([{ name: "a/one.txt", content: text("one"), deflate: true }], options);
      expect(new TextDecoder().decode(await tree.read("a/one.txt"))).toBe("one");
    }
  });

  it("made on Windows has backslashes", async () => {
    expect((await open([{ name: "a\\one.txt", content: text("one") }])).list("a")?.files).toEqual(["one.txt"]);
  });

  it("gives paths that no file on disk has", () => {
    expect(splitArchivePath("x/a.zip!/b/c.jpg")).toEqual({ archive: "x/a.zip", file: "b/c.jpg" });
    expect(splitArchivePath("x/A.ZIP!/b.zip!/c.jpg")).toEqual({ archive: "x/A.ZIP", file: "b.zip!/c.jpg" });
    expect([splitArchivePath("x/a.zip"), splitArchivePath("x/train-images-idx3-ubyte#5")]).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe("a dangerous archive", () => {
  const one = { content: text("one") };
  it.each<[string, readonly ZipFile[], object, string]>([
    ["leads out", [{ name: "../evil", ...one }], {}, 'a.zip: holds "../evil", which leads out of the archive'],
    ["leads out", [{ name: "a/../../evil", ...one }], {}, 'holds "a/../../evil", which leads out'],
    ["leads out", [{ name: "..\\evil", ...one }], {}, 'holds "..\\evil", which leads out'],
    ["is absolute", [{ name: "/etc/passwd", ...one }], {}, 'holds "/etc/passwd", which leads out'],
    ["is absolute", [{ name: "C:\\evil", ...one }], {}, 'holds "C:\\evil", which leads out'],
    [
      "holds a name twice",
      [
        { name: "a", ...one },
        { name: "a", ...one },
      ],
      {},
      "holds a twice",
    ],
    [
      "holds a name twice",
      [
        { name: "b\\a", ...one },
        { name: "b/a", ...one },
      ],
      {},
      "holds b/a twice",
    ],
    [
      "is a file and a folder",
      [
        { name: "a", ...one },
        { name: "a/b", ...one },
      ],
      {},
      "holds a as a file and as a folder",
    ],
    ["is encrypted", [{ name: "a", ...one, flags: 1 }], {}, "a is encrypted; unpack it and name the folder"],
    ["is of another method", [{ name: "a", ...one, method: 14 }], {}, "a is compressed by method 14; deflate is read"],
    [
      "claims to be huge",
      [{ name: "a", ...one, deflate: true, size: 2 ** 31 + 5 }],
      {},
      "a unpacks to 2147483653 bytes",
    ],
    [
      "shrinks too well",
      [{ name: "a", ...one, deflate: true, size: 2 ** 30 }],
      {},
      "to 1073741824 bytes, which no picture or label does",
    ],
    [
      "overlaps",
      [
        { name: "a", ...one },
        { name: "b", ...one, offset: 0 },
      ],
      {},
      "overlaps what follows it",
    ],
    ["is deep", [{ name: "a/".repeat(200), ...one }], {}, "200 folders deep"],
    ["has more entries than bytes", [{ name: "a", ...one }], { count: 60000 }, "cannot list 60000 entries"],
  ])("that %s is refused: %j", async (_, files, options, message) => {
    expect(await failure(open(files, options))).toContain(message);
  });

  it("that lies about sizes or contents is refused when it is read", async () => {
    const bomb = { name: "a", content: new Uint8Array(100_000), deflate: true };
    expect(await failure((await open([{ ...bomb, size: 1000 }])).read("a"))).toContain("a.zip!/a: cannot be unpacked");
    expect(await failure((await open([{ ...bomb, size: 200_000 }])).read("a"))).toContain(
      "a.zip!/a: cannot be unpacked",
    );
    expect(await failure((await open([{ ...one, name: "a", crc: 1 }])).read("a"))).toContain(
      "does not have its checksum",
    );
  });

  it("cut off, changed or of anything else ends in an error that names it, whatever is read", async () => {
    const files = [
      { name: "a/one.txt", content: text("one one one one"), deflate: true },
      { name: "b", content: text("two") },
    ];
    const whole = buildZip(files);
    for (let length = 0; length < whole.length; length++) {
      expect(await failure(ZipTree.open("a.zip", sourceOf(whole.subarray(0, length)), host))).toMatch(
        /^data\.zip a\.zip/,
      );
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, value) => {
        const bytes = Uint8Array.from(whole);
        bytes[at] = value;
        try {
          const tree = await ZipTree.open("a.zip", sourceOf(bytes), host);
          for (const file of ["a/one.txt", "b"]) await tree.read(file);
        } catch (error) {
          expect((error as PhinetsError).code).toBe("data.zip");
        }
      }),
      { numRuns: 500 },
    );
  });
});

it("gives back what was packed", async () => {
  const name = fc
    .array(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join("/"));
  const files = fc.uniqueArray(
    fc.record({ name: name.map((path) => `${path}.x`), content: fc.uint8Array(), deflate: fc.boolean() }),
    {
      selector: ({ name: path }) => path,
    },
  );
  await fc.assert(
    fc.asyncProperty(files, fc.boolean(), async (list, zip64) => {
      const tree = await open(list, { zip64 });
      for (const { name: path, content } of list) expect(await tree.read(path)).toEqual(Uint8Array.from(content));
    }),
    { numRuns: 50 },
  );
});
