/** Size of the code that a page loads in addition to its model. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { describe, expect, it } from "vitest";

const core = fileURLToPath(new URL("../packages/core/dist/model/index.js", import.meta.url));

describe("a page that detects", () => {
  it("loads less than 31 KB, gzipped, beside its model", { timeout: 60_000 }, async () => {
    const entry = join(mkdtempSync(join(tmpdir(), "phinets-bundle-")), "page.js");
    writeFileSync(entry, `import { loadModel } from ${JSON.stringify(core)};\nglobalThis.loadModel = loadModel;\n`);
    const bundle = await rolldown({ input: entry });
    const { output } = await bundle.generate({ format: "esm", minify: true });
    const [page] = output.filter((chunk) => chunk.type === "chunk" && chunk.isEntry);
    if (page?.type !== "chunk") throw new Error("no entry chunk");
    expect(gzipSync(page.code, { level: 9 }).length).toBeLessThan(31 * 1024);
  });
});
