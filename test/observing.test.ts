/** The examples that pass a run's events to other tools. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";

const root = mkdtempSync(join(tmpdir(), "phinets-observing-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const script = (name: string): string => fileURLToPath(new URL(`../examples/observe/${name}`, import.meta.url));
const run = promisify(execFile);

const time = "2025-03-01T10:00:00.500Z";
const folder = join(root, "train7");
const events = [
  { event: "started", time, run: folder, recipe: { epochs: 2, optimizer: "adamw" } },
  { event: "validation", time, epoch: 0, metrics: { AP50: 0.25 }, value: 0.25 },
  { event: "epoch", time, epoch: 1, losses: { loss: 1.5, box: null }, learningRate: 0.01, imagesPerSecond: 80 },
  { event: "validation", time, epoch: 1, metrics: { AP50: 0.5 }, value: 0.5 },
  { event: "epoch", time, epoch: 300, losses: { loss: 0.75 }, learningRate: 0.001, imagesPerSecond: 81 },
  { event: "finished", time, epochs: 300 },
];
mkdirSync(folder);
writeFileSync(join(folder, "events.jsonl"), events.map((event) => `${JSON.stringify(event)}\n`).join(""));

/** CRC-32C, bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** Messages of a TFRecord file, each checked against its checksums. */
function* records(bytes: Buffer): Generator<Buffer> {
  const unmasked = (at: number) => {
    const value = (bytes.readUInt32LE(at) - 0xa282ead8) >>> 0;
    return ((value << 15) | (value >>> 17)) >>> 0;
  };
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(unmasked(at + 8)).toBe(crc32c(bytes.subarray(at, at + 8)));
    const message = bytes.subarray(at + 12, at + 12 + length);
    expect(unmasked(at + 12 + length)).toBe(crc32c(message));
    yield message;
    at += 16 + length;
  }
}

type Field = readonly [number: number, value: number | Buffer];

/** Fields of a Protocol Buffers message. */
function fields(bytes: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key & 7;
    if (kind === 0) found.push([key >> 3, varint()]);
    else {
      const size = kind === 1 ? 8 : kind === 5 ? 4 : varint();
      const value = bytes.subarray(at, at + size);
      at += size;
      found.push([key >> 3, kind === 1 ? value.readDoubleLE() : kind === 5 ? value.readFloatLE() : value]);
    }
  }
  return found;
}

it("a TensorBoard log has every figure at its epoch, in records with right checksums", async () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283); // RFC 3720's check value
  const logs = join(root, "logs");
  await run(process.execPath, [script("tensorboard.mjs"), folder, logs]);
  const [name] = readdirSync(join(logs, "train7"));
  expect(name).toMatch(/^events\.out\.tfevents\.1740823200\./);
  const [first, ...rest] = [...records(readFileSync(join(logs, "train7", name)))].map(fields);
  expect(first.map(([number, value]) => [number, String(value)])).toEqual([
    [1, "1740823200.5"],
    [3, "brain.Event:2"],
  ]);
  const scalars = rest.flatMap((event) => {
    const of = (wanted: number) => event.find(([number]) => number === wanted)![1];
    expect(of(1)).toBe(1740823200.5);
    return fields(of(5) as Buffer).map(([, value]) => {
      const [[, tag], [, number]] = fields(value as Buffer);
      return [of(2), String(tag), Math.fround(number as number)];
    });
  });
  expect(scalars).toEqual([
    [0, "val/AP50", 0.25],
    [1, "train/loss", 1.5],
    [1, "learningRate", Math.fround(0.01)],
    [1, "imagesPerSecond", 80],
    [1, "val/AP50", 0.5],
    [300, "train/loss", 0.75],
    [300, "learningRate", Math.fround(0.001)],
    [300, "imagesPerSecond", 81],
  ]);
});

it("MLflow gets an experiment, a run with its recipe, its figures and its end", async () => {
  const calls: [string, Record<string, unknown>][] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const path = request.url!.replace("/api/2.0/mlflow/", "");
    calls.push([path, chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString())]);
    const missing = path.startsWith("experiments/get-by-name");
    const answers: Record<string, object> = {
      "experiments/create": { experiment_id: "3" },
      "runs/create": { run: { info: { run_id: "abc" } } },
    };
    response.statusCode = missing ? 404 : 200;
    const none = { error_code: "RESOURCE_DOES_NOT_EXIST", message: "no such experiment" };
    response.end(JSON.stringify(missing ? none : (answers[path] ?? {})));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await run(process.execPath, [script("mlflow.mjs"), folder, `http://127.0.0.1:${port}`]);
  } finally {
    server.close();
  }
  const timestamp = Date.parse(time);
  const batch = (step: number, values: Record<string, number>) => [
    "runs/log-batch",
    {
      run_id: "abc",
      metrics: Object.entries(values).map(([key, value]) => ({ key, value, step, timestamp })),
    },
  ];
  expect(calls).toEqual([
    ["experiments/get-by-name?experiment_name=phinets", {}],
    ["experiments/create", { name: "phinets" }],
    ["runs/create", { experiment_id: "3", run_name: "train7", start_time: timestamp }],
    [
      "runs/log-batch",
      {
        run_id: "abc",
        params: [
          { key: "epochs", value: "2" },
          { key: "optimizer", value: '"adamw"' },
        ],
      },
    ],
    batch(0, { "val/AP50": 0.25 }),
    batch(1, { "train/loss": 1.5, "train/learningRate": 0.01 }),
    batch(1, { "val/AP50": 0.5 }),
    batch(300, { "train/loss": 0.75, "train/learningRate": 0.001 }),
    ["runs/update", { run_id: "abc", status: "FINISHED", end_time: timestamp }],
  ]);
});
