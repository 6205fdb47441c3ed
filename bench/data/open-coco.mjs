/**
 * Measures the seconds and memory for opening a large data set in a separate process: a COCO JSON of 100,000 pictures
 * and 800,000 boxes, and 50,000 pictures in two class folders. The pictures are hard links to one file, because only a
 * sample of the pictures is read if the data set states their sizes.
 *
 *   node bench/data/open-coco.mjs [pictures] [boxes a picture]
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Maximum number of hard links to a file on ext4. */
const mostLinks = 60_000;

if (process.argv[2] === "open") {
  const { openDataset } = await import("../../packages/node/dist/dataset/open.js");
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const cpu = process.cpuUsage();
  const { splits } = await openDataset([process.argv[3]]);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const samples = [...splits.train, ...splits.val, ...splits.test];
  const boxes = samples.reduce((sum, { labels = [] }) => sum + labels.length, 0);
  globalThis.gc?.();
  const kept = process.memoryUsage().rss - before;
  const most = process.resourceUsage().maxRSS * 1024;
  console.log(
    JSON.stringify({
      pictures: samples.length,
      boxes,
      seconds,
      cpuSeconds: (user + system) / 1e6,
      mostBytes: most,
      keptBytesAPicture: kept / samples.length,
    }),
  );
} else {
  const pictures = Number(process.argv[2] ?? 100_000);
  const boxes = Number(process.argv[3] ?? 8);
  const root = mkdtempSync(join(tmpdir(), "phinets-open-"));
  try {
    measure("coco", writeCoco(join(root, "coco"), pictures, boxes));
    measure("class folders", writeFolders(join(root, "folders"), 50_000));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function measure(what, folder) {
  const self = fileURLToPath(import.meta.url);
  const result = JSON.parse(
    execFileSync(process.execPath, ["--expose-gc", self, "open", folder], { encoding: "utf8" }),
  );
  const { seconds, cpuSeconds, mostBytes, keptBytesAPicture, ...counts } = result;
  const rounded = {
    seconds: Number(seconds.toFixed(2)),
    cpuSeconds: Number(cpuSeconds.toFixed(2)),
    mostMegabytes: Math.round(mostBytes / 1e6),
    keptBytesAPicture: Math.round(keptBytesAPicture),
  };
  console.log(JSON.stringify({ bench: "open a data set", what, ...counts, ...rounded }));
}

/** Writes grey pictures at these paths, with the size that the JSON states. */
function writePictures(paths) {
  const header = new TextEncoder().encode("P5\n640 480\n255\n");
  const bytes = new Uint8Array([...header, ...new Uint8Array(640 * 480).fill(114)]);
  let source;
  for (const [n, path] of paths.entries()) {
    if (n % mostLinks === 0) {
      source = path;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    } else linkSync(source, path);
  }
}

/** A tenth of the pictures is in val, because making splits would read every picture, which is measured elsewhere. */
function writeCoco(folder, pictures, boxes) {
  mkdirSync(join(folder, "annotations"), { recursive: true });
  const held = Math.floor(pictures / 10);
  writeSplit(folder, "val2017", { first: 0, pictures: held, boxes });
  writeSplit(folder, "train2017", { first: held, pictures: pictures - held, boxes });
  return folder;
}

function writeSplit(folder, split, { first, pictures, boxes }) {
  const name = (n) => `${String(first + n).padStart(12, "0")}.pgm`;
  writePictures(Array.from({ length: pictures }, (_, n) => join(folder, split, name(n))));
  const file = join(folder, "annotations", `instances_${split}.json`);
  const descriptor = openSync(file, "w");
  const write = (text) => writeSync(descriptor, text);
  write('{"info":{"year":2017},"licenses":[],"images":[');
  for (let n = 0; n < pictures; n++) {
    const image = {
      license: 3,
      file_name: name(n),
      coco_url: `http://images/${name(n)}`,
      height: 480,
      width: 640,
      id: n,
    };
    write((n > 0 ? "," : "") + JSON.stringify(image));
  }
  write('],"annotations":[');
  for (let n = 0; n < pictures * boxes; n++) {
    const [x, y] = [(n % 500) + Math.floor(n / pictures), (n * 91) % 400];
    const [width, height] = [20.25 + (n % 100), 15.5 + (n % 60)];
    const segmentation = [[x, y, x + width, y, x + width, y + height, x, y + height]];
    const box = { segmentation, area: width * height, iscrowd: 0, image_id: n % pictures, bbox: [x, y, width, height] };
    write((n > 0 ? "," : "") + JSON.stringify({ ...box, category_id: 1 + (n % 80), id: n }));
  }
  const categories = Array.from({ length: 80 }, (_, n) => ({
    supercategory: "thing",
    id: n + 1,
    name: `class ${n + 1}`,
  }));
  write(`],"categories":${JSON.stringify(categories)}}`);
  closeSync(descriptor);
  console.error(`${file}: ${Math.round(statSync(file).size / 1e6)} MB`);
}

function writeFolders(folder, pictures) {
  const held = Math.floor(pictures / 10);
  const place = (n) => join(n < held ? "val" : "train", n % 2 === 0 ? "bolt" : "nut");
  for (const n of [0, 1, pictures - 2, pictures - 1]) mkdirSync(join(folder, place(n)), { recursive: true });
  writePictures(Array.from({ length: pictures }, (_, n) => join(folder, place(n), `${n}.pgm`)));
  return folder;
}
