import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTool } from "@phinets/node/host";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { phinets, phinetsJson } from "../../../../test/road-tools.js";
import { installed } from "../../../../test/tools.js";

const root = mkdtempSync(join(tmpdir(), "phinets-uf2-"));
const run = join(root, "run");
beforeAll(() => {
  makeRun(run);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.skipIf(!installed("arm-none-eabi-gcc", "cmake"))("phinets uf2", () => {
  it.each(["rp2040", "rp2350"])("of what an exported folder links for the %s", { timeout: 100_000 }, async (target) => {
    const out = join(root, target);
    await phinetsJson("export", "--model", run, "--target", target, "--out", out);
    for (const words of [
      ["-B", "build", "-DCMAKE_TOOLCHAIN_FILE=arm-none-eabi.cmake"],
      ["--build", "build", "-j2"],
    ]) {
      const { exitCode, stdout, stderr } = await runTool("cmake", words, { cwd: out });
      expect(exitCode, `${stdout}${stderr}`).toBe(0);
    }
    const elf = join(out, "build", `${target}.elf`);
    const file = elf.replace(/elf$/, "uf2");
    for (const _ of [1, 2]) {
      const { bytes, ...said } = await phinetsJson<{ bytes: number }>("uf2", elf);
      expect([said, bytes]).toEqual([{ file, chip: target }, readFileSync(file).length]);
    }
    const other = join(root, `${target}.txt`);
    writeFileSync(other, "mine");
    expect(await phinets("uf2", elf, "--out", other)).toMatchObject({
      exitCode: 1,
      stderr: `error: ${other}: exists and is no UF2 file; name another file with --out\n`,
    });
    expect(readFileSync(other, "utf8")).toBe("mine");
  });

  it("refuses in one line what is no image for these chips", async () => {
    const text = join(root, "text.elf");
    writeFileSync(text, "x");
    expect((await phinets("uf2", text)).stderr).toBe(
      `error: ${text}: not a 32-bit little-endian ELF file; build it again\n`,
    );
    const missing = await phinets("uf2", join(root, "no.elf"));
    expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringMatching(/^error: .*no\.elf.*\n$/)]);
  });
});
