/** Readers of the Node package: YAML, gzip, and every picture format that it decodes. */
import { gzipSync } from "node:zlib";
import { parseCsv, parseYoloDataset } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { nodeHost } from "../../../packages/node/dist/dataset/host.js";
import { decodePicture, pictureSizeOf } from "../../../packages/node/dist/picture/decode.js";
import { encodeJpeg, encodePng } from "../../../packages/node/dist/picture/files.js";
import { require } from "../lib/faults.mjs";
import { join, utf8 } from "../lib/mutate.mjs";
import { picture as pgm } from "../lib/samples.mjs";

const bytesOf = (files) => Object.values(files)[0];
const textOf = (files) => Buffer.from(bytesOf(files)).toString();
const { parseYaml } = nodeHost;

const yamls = [
  "path: ../x\ntrain: [images/a, images/b]\nval: images/val # a comment\nnc: 2\nnames: ['nut', \"bolt\"]\n",
  "base: &base\n  a: 1\n  list: &l [1, 2]\nnames:\n  0: nut\n  1: bolt\nmore:\n  <<: *base\n  other: *l\ntext: |\n  two\n  lines\nkpt_shape: [17, 3]\n",
  "%YAML 1.2\n---\n!!map {? a : 1, b: !!str 2, c: .inf, d: 0o17, e: ~}\n...\n",
];

/** A bitmap of 24 bits, and one of 8 bits with run lengths. */
function bitmap(bits, compression, pixels, palette = new Uint8Array(0)) {
  const header = new DataView(new ArrayBuffer(54));
  const start = 54 + palette.length;
  header.setUint16(0, 0x424d);
  header.setUint32(2, start + pixels.length, true);
  header.setUint32(10, start, true);
  header.setUint32(14, 40, true);
  header.setInt32(18, 4, true);
  header.setInt32(22, 3, true);
  header.setUint16(26, 1, true);
  header.setUint16(28, bits, true);
  header.setUint32(30, compression, true);
  return join(new Uint8Array(header.buffer), palette, pixels);
}
const runs = Uint8Array.of(4, 1, 0, 0, 2, 3, 2, 4, 0, 0, 0, 4, 1, 2, 3, 4, 0, 1);
const colours = Uint8Array.from({ length: 4 * 256 }, (_, n) => n);
const tiff = Uint8Array.from([
  0x49, 0x49, 42, 0, 8, 0, 0, 0, 2, 0, 0, 1, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0x52, 1, 3, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0,
  0, 0,
]);
const rgb = { width: 4, height: 3, channels: 3, data: Uint8Array.from({ length: 36 }, (_, n) => 7 * n) };
const tga = join(Uint8Array.of(0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 3, 0, 24, 0x20), new Uint8Array(36));

async function pictureSamples() {
  return [
    { "a.pgm": pgm },
    { "a.ppm": utf8("P3 # plain\n2 2\n255\n1 2 3 4 5 6 7 8 9 10 11 12\n") },
    { "a.pbm": join(utf8("P4\n9 2\n"), Uint8Array.of(1, 2, 3, 4)) },
    {
      "a.pam": join(
        utf8("P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n"),
        new Uint8Array(16),
      ),
    },
    { "a.bmp": bitmap(24, 0, new Uint8Array(36)) },
    { "rle.bmp": bitmap(8, 1, runs, colours) },
    { "fields.bmp": bitmap(16, 3, new Uint8Array(24), Uint8Array.of(0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0)) },
    { "a.png": await encodePng(rgb) },
    { "a.jpg": await encodeJpeg(rgb) },
    { "a.tif": tiff },
  ];
}

const pictures = {
  async read(files) {
    const [[name, bytes]] = Object.entries(files);
    await pictureSizeOf(name, bytes);
    return decodePicture(name, { bytes });
  },
  again({ width, height, channels, data }) {
    require(width >= 1 &&
      height >= 1 &&
      data.length ===
        width * height * channels, `a picture of ${width}x${height}x${channels} has ${data.length} bytes`);
  },
};

export const hostFiles = [
  {
    name: "yaml",
    samples: yamls.map((text) => ({ "data.yaml": utf8(text) })),
    async read(files) {
      const value = await refusedAtPlace(() => parseYaml(textOf(files)));
      return parseYoloDataset(value, "data.yaml");
    },
  },
  {
    name: "gzip",
    samples: [
      { "a.gz": new Uint8Array(gzipSync("one one one two")) },
      { "b.gz": new Uint8Array(gzipSync(new Uint8Array(3000))) },
    ],
    async read(files) {
      const limit = 5000;
      let bytes;
      try {
        bytes = await nodeHost.gunzip(bytesOf(files), limit);
      } catch (error) {
        // The contract allows any Error; the caller adds the file's name.
        throw new PhinetsError("data.gzip", error.message.split("\n")[0]);
      }
      require(bytes.length <= limit, `${bytes.length} bytes came out, more than the limit`);
      return bytes;
    },
  },
  {
    name: "csv",
    samples: ['a,b\n1,"x, ""y"""\n', "a;b;c\r\n1;2;3\r\n\r\n", "a\tb\n1\t2"].map((text) => ({ "t.csv": utf8(text) })),
    read: (files) => parseCsv(bytesOf(files)),
    again({ header, rows }) {
      const quoted = (fields) => fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
      // The separator is the most frequent candidate in the first line.
      if (header.length < 2 || header.some((field) => /[,;\t\r\n]/.test(field))) return;
      const again = parseCsv(utf8([header, ...rows.map(({ fields }) => fields)].map(quoted).join("\n")));
      require(JSON.stringify([again.header, ...again.rows.map(({ fields }) => fields)]) ===
        JSON.stringify([header, ...rows.map(({ fields }) => fields)]), "the table changed");
    },
  },
  { name: "picture", samples: await pictureSamples(), ...pictures },
  // Starts an ffmpeg process for each case.
  { name: "picture-tga", samples: [{ "a.tga": tga }], goal: 1000, ...pictures },
];

/** YAML's contract: an Error that begins with LINE:COLUMN is a refusal, which the file's reader passes on. */
async function refusedAtPlace(act) {
  try {
    return await act();
  } catch (error) {
    if (/^\d+:\d+: [^\n]+$/.test(error.message)) throw new PhinetsError("data.yaml", error.message);
    throw error;
  }
}
