import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { phinets, phinetsJson } from "../../../../test/road-tools.js";

const root = mkdtempSync(join(tmpdir(), "phinets-compare-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const models = ["person-128", "person-192"].map((name) =>
  fileURLToPath(new URL(`../../../../models/${name}`, import.meta.url)),
);

describe("phinets compare", () => {
  it("prints a table, or with --json all of it, and writes a page", async () => {
    const file = join(root, "compare.html");
    const { exitCode, stdout, stderr } = await phinets("compare", ...models, "--report", file);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/^person-128 .* stm32h743\nperson-192 /m);
    expect(stderr).toContain(`written to ${file}`);
    expect(readFileSync(file, "utf8")).toContain("<h1>person-128 · person-192</h1>");
    const { runs } = await phinetsJson<{ runs: { costs: { board: string; macs: number } }[] }>(
      ...["compare", ...models, "--target", "rp2040"],
    );
    expect(runs.map(({ costs }) => costs.board)).toEqual(["rp2040", "rp2040"]);
    expect(runs[0].costs.macs).toBeLessThan(runs[1].costs.macs);
  });

  it("needs a run, and says where there is none", async () => {
    expect((await phinets("compare")).exitCode).toBe(2);
    const { exitCode, stderr } = await phinets("compare", join(root, "nothing"));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/nothing: no run is here; name run folders/);
  });
});
