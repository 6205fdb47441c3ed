// node tensorboard.mjs [RUN] [LOGS]: a run's events.jsonl as a log of TensorBoard, without TensorFlow. RUN "-": stdin.
// A log is records of length, its checksum, an Event message (TensorFlow's event.proto) and the message's checksum.
import { createReadStream, mkdirSync, openSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

const [run = "runs/detect/train", logs = "logs"] = process.argv.slice(2);

/** CRC-32C (Castagnoli), as RFC 3720 has it, and as TensorFlow masks it. */
const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0x82f63b78 : n >>> 1;
  return n >>> 0;
});
function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
const masked = (bytes) => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

/** Fields of a Protocol Buffers message: number and value. */
function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}
const fixed = (number, size, write) => {
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = (number << 3) | (size === 8 ? 1 : 5);
  write(bytes);
  return bytes;
};
const double = (number, value) => fixed(number, 8, (bytes) => bytes.writeDoubleLE(value, 1));
const float = (number, value) => fixed(number, 4, (bytes) => bytes.writeFloatLE(value, 1));
const integer = (number, value) => Buffer.concat([Buffer.from([number << 3]), varint(value)]);
const bytesField = (number, value) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
};

/** An Event: wall_time 1, step 2, file_version 3 or summary 5, whose values have a tag 1 and a simple_value 2. */
function eventOf(seconds, step, scalars) {
  const values = Object.entries(scalars)
    .filter(([, value]) => value !== null)
    .map(([tag, value]) => bytesField(1, Buffer.concat([bytesField(1, tag), float(2, value)])));
  return Buffer.concat([double(1, seconds), integer(2, step), bytesField(5, Buffer.concat(values))]);
}

function recordOf(message) {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(message.length));
  const checksum = (bytes) => {
    const four = Buffer.alloc(4);
    four.writeUInt32LE(masked(bytes));
    return four;
  };
  return Buffer.concat([length, checksum(length), message, checksum(message)]);
}

const prefixed = (prefix, values) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));

let log;
for await (const line of createInterface(run === "-" ? process.stdin : createReadStream(join(run, "events.jsonl")))) {
  const event = JSON.parse(line);
  const seconds = Date.parse(event.time) / 1000;
  if (log === undefined) {
    const folder = join(logs, basename(event.run ?? run));
    mkdirSync(folder, { recursive: true });
    log = openSync(join(folder, `events.out.tfevents.${Math.floor(seconds)}.phinets`), "w");
    writeSync(log, recordOf(Buffer.concat([double(1, seconds), bytesField(3, "brain.Event:2")])));
  }
  if (event.event === "epoch") {
    const { losses, learningRate, imagesPerSecond } = event;
    const scalars = { ...prefixed("train", losses), learningRate, imagesPerSecond };
    writeSync(log, recordOf(eventOf(seconds, event.epoch, scalars)));
  }
  if (event.event === "validation")
    writeSync(log, recordOf(eventOf(seconds, event.epoch, prefixed("val", event.metrics))));
}
