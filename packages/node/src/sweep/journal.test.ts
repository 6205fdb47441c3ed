import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { Journal, openSweepFolder } from "./journal.js";

const root = mkdtempSync(join(tmpdir(), "phinets-journal-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const entry = (n: number) => ({ trial: n.toString(16).padStart(16, "0"), epochs: 1, figures: { AP50: n / 100 } });

it("has each of those that come at once, once, and counts none before it is on the disk", async () => {
  const folder = join(root, "many");
  openSweepFolder(folder);
  const journal = new Journal(folder);
  const all = Array.from({ length: 100 }, (_, n) => entry(n));
  const adding = [...all, ...all].map((each) => journal.add(each));
  expect(journal.find(all[0])).toBeUndefined();
  await Promise.all(adding);
  await journal.add(all[5]);
  expect(journal.find(all[99])).toEqual(all[99]);
  const lines = readFileSync(journal.path, "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual(all);

  appendFileSync(journal.path, '{"trial":"00');
  const again = new Journal(folder);
  expect(again.find(all[42])).toEqual(all[42]);
  await again.add(entry(100));
  expect(new Journal(folder).find(entry(100))).toEqual(entry(100));
});

it.skipIf(process.getuid?.() === 0)("says that it cannot be written", async () => {
  const folder = join(root, "read-only");
  openSweepFolder(folder);
  const journal = new Journal(folder);
  chmodSync(journal.path, 0o400);
  await expect(journal.add(entry(1))).rejects.toThrow(/journal\.jsonl.*no permission to write here/);
  expect(journal.find(entry(1))).toBeUndefined();
});
