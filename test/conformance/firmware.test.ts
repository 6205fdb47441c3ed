import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { conform } from "./conform.js";
import { emulated } from "./drivers/emulated.js";
import { host } from "./drivers/host.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-conformance-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const driver of [...host(folder), ...emulated(folder)]) conform(driver);
