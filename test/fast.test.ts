/** `train --fast` notes that bits may differ, or reports what it needs and then leaves nothing behind. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine } from "@phinets/core/kernels";
import { afterAll, expect, it } from "vitest";
import { phinets, tinyDataset, writeNetwork } from "./road-tools.js";

const root = mkdtempSync(join(tmpdir(), "phinets-fast-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

it("trains where there is relaxed SIMD", async () => {
  const supported = await createEngine({ fast: true }).then(
    (engine) => engine.dispose().then(() => true),
    () => false,
  );
  const data = await tinyDataset(join(root, "data"));
  const project = join(root, "runs");
  const words = ["--data", data, "--network", writeNetwork(root), "--epochs", "1", "--workers", "2"];
  const { exitCode, stderr } = await phinets("train", ...words, "--project", project, "--name", "fast", "--fast");
  expect(exitCode, stderr).toBe(supported ? 0 : 1);
  expect(stderr).toMatch(
    supported ? /^fast kernels: .*results may differ in a few bits$/m : /^error: .*relaxed SIMD.*Node 22 or later/m,
  );
  expect(existsSync(join(project, "detect/fast"))).toBe(supported);
});
