/** Data sets of every format, as folders and as zip archives: any that opens is written and must read back the same. */
import { createHash } from "node:crypto";
import { serialize } from "node:v8";
import { deflateRawSync } from "node:zlib";
import { datasetWriters, MemoryTree, openTree, splitNames, writeDataset, ZipTree } from "@phinets/core/data";
import { nodeHost } from "../../../packages/node/dist/dataset/host.js";
import { require } from "../lib/faults.mjs";
import { mutateBytes, mutateFiles, utf8 } from "../lib/mutate.mjs";
import { dataSets, picture, zipOf } from "../lib/samples.mjs";

const open = (files, options) => openTree(new MemoryTree("set", Object.entries(files)), host, options);

/** Caches `compute` for the most recent texts; exceptions are not cached. */
function remembered(compute, most = 2000) {
  const known = new Map();
  return async (text) => {
    if (known.has(text)) return known.get(text);
    const value = await compute(text);
    if (known.size >= most) known.delete(known.keys().next().value);
    known.set(text, value);
    return value;
  };
}

/** Several formats parse the same YAML, which most mutants do not change. The target `yaml` attacks its parser. */
const host = {
  ...nodeHost,
  parseYaml: remembered(async (text) => frozen(await nodeHost.parseYaml(text))),
};

function frozen(value) {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const each of Object.values(value)) frozen(each);
  return value;
}

/** Per split, each picture's classes (by name) and boxes. */
const contentOf = (set) =>
  splitNames.map((split) =>
    set.splits[split].map(({ labels, class: index }) => ({
      name: labels === undefined ? set.classes[index] : undefined,
      boxes: labels?.map((box) => ({ ...box, name: set.classes[box.class] })),
    })),
  );

/**
 * Most mutants that change only a picture or a blank open as the same data set as an earlier mutant, value for value.
 * Writing and reading it again is done only once.
 */
const passed = new Set();
async function again(set) {
  const key = createHash("sha1").update(serialize(set)).digest("latin1");
  if (passed.has(key)) return;
  await writtenAndRead(set);
  if (passed.size >= mostPassed) passed.clear();
  passed.add(key);
}
const mostPassed = 100_000;

async function writtenAndRead(set) {
  // Writers cannot reproduce what was left out, nor pictures in idx files, which they turn into single files.
  if (set.problems.length > 0 || splitNames.some((split) => set.splits[split].some(({ file }) => file.includes("#"))))
    return;
  const before = contentOf(set);
  // Without pictures, boxes or a second class, some formats no longer recognise the data set.
  const [pictures, boxes] = [before.flat(), before.flat().flatMap((each) => each.boxes ?? [])];
  if (pictures.length === 0) return;
  if (set.task === "detect" ? boxes.length === 0 : new Set(pictures.map(({ name }) => name)).size < 2) return;
  for (const writer of datasetWriters.filter(({ task }) => task === set.task)) {
    let written;
    try {
      written = writeDataset(writer, { index: set, sizeOf: () => ({ width: 10, height: 8 }) });
    } catch (error) {
      if (error?.code === "data.write") continue;
      throw error;
    }
    if (written.changes.length > 0) continue;
    const files = [
      ...written.files.map(({ path, text }) => [path, utf8(text)]),
      ...written.pictures.map(({ to }) => [to, picture]),
    ];
    require(new Set(files.map(([path]) => path)).size === files.length, `${writer.id}: a path is written twice`);
    const read = await open(Object.fromEntries(files), { format: writer.id });
    require(read.problems.length === 0, `${writer.id}: ${read.problems[0]?.error.message}`);
    const count = (content) => content.map((pictures) => pictures.length).join();
    const after = contentOf(read);
    require(count(before) === count(after), `${writer.id}: ${count(before)} pictures became ${count(after)}`);
    const rows = (content) =>
      content
        .flat()
        .map(
          ({ name, boxes }) =>
            name ??
            boxes
              .map((box) => box.name)
              .sort()
              .join(),
        )
        .sort();
    require(rows(before).join("|") === rows(after).join("|"), `${writer.id}: classes changed`);
  }
}

const folders = Object.entries(dataSets).map(([name, files]) => ({
  name: `data-${name}`,
  samples: [
    files,
    ...(name.startsWith("yolo")
      ? Object.entries(dataSets)
          .filter(([other]) => other.startsWith("yolo") && other !== name)
          .map(([, others]) => others)
      : []),
  ].slice(0, 2),
  read: (mutant) => open(mutant),
  again,
}));

/** Archives whose headers and directory are mutated, with contents that were mutated before they were packed. */
const archives = {
  name: "zip",
  samples: [dataSets.yolo, dataSets["csv-boxes"]],
  mutate(draws, files, other) {
    const inside = draws.integer(2) === 0 ? mutateFiles(draws, files, other) : files;
    const zip = draws.integer(3) === 0 ? zipOf(inside) : deflated(inside);
    return { "a.zip": draws.integer(4) === 0 ? zip : mutateBytes(draws, zip) };
  },
  async read({ "a.zip": bytes }) {
    const source = { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
    const tree = await ZipTree.open("a.zip", source, host);
    return openTree(tree, host);
  },
};

/** An archive of deflated entries. */
function deflated(files) {
  const stored = zipOf(
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, new Uint8Array(deflateRawSync(bytes))])),
  );
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const sizes = new Map(Object.entries(files).map(([name, bytes]) => [name, bytes]));
  for (let at = 0; at + 46 < stored.length; at++) {
    const signature = view.getUint32(at, true);
    const central = signature === 0x02014b50;
    if (!central && signature !== 0x04034b50) continue;
    const start = at + (central ? 46 : 30);
    const name = Buffer.from(stored.subarray(start, start + view.getUint16(at + (central ? 28 : 26), true))).toString();
    const bytes = sizes.get(name);
    if (bytes === undefined) continue;
    view.setUint16(at + (central ? 10 : 8), 8, true);
    view.setUint32(at + (central ? 16 : 14), crcOf(bytes), true);
    view.setUint32(at + (central ? 24 : 22), bytes.length, true);
  }
  return stored;
}

/** The checksum that a stored archive of the same bytes contains. */
function crcOf(bytes) {
  const zip = zipOf({ x: bytes });
  return new DataView(zip.buffer, zip.byteOffset).getUint32(14, true);
}

export const dataTargets = [...folders, archives];
