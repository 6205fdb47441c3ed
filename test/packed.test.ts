/** The packages as npm would publish them, installed in an empty folder, work as in the clone. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyDataset } from "./road-tools.js";
import { installed as has } from "./tools.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "phinets-packed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Measures the time of a step for printing only: machines differ in speed. */
function timed<T>(work: () => T): { readonly result: T; readonly seconds: number } {
  const start = performance.now();
  const result = work();
  return { result, seconds: (performance.now() - start) / 1000 };
}

const packages = [
  "packages/core",
  "packages/node",
  "packages/queue",
  "packages/cli",
  "packages/browser",
  "packages/studio",
  "firmware",
  "models",
];

describe("the packages", () => {
  const files = new Map<string, readonly string[]>();
  const tarballs = new Map<string, string>();
  let installed = "";
  const installSeconds = { unpack: 0 };
  beforeAll(() => {
    const packed = packages.map((name) => {
      const [{ filename, files: list, name: title }] = JSON.parse(
        execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
          cwd: join(root, name),
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        }),
      );
      files.set(
        title,
        list.map(({ path }: { path: string }) => path),
      );
      tarballs.set(title, join(folder, filename));
      return join(folder, filename);
    });
    installed = join(folder, "elsewhere");
    mkdirSync(installed);
    writeFileSync(join(installed, "package.json"), '{ "private": true, "type": "module" }\n');
    const install = (...words: string[]): void => {
      const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
      execFileSync("npm", ["install", ...quiet, ...words], { cwd: installed, stdio: "ignore" });
    };
    install("--prefer-offline", ...packed);
    // Installed again with everything cached: the time without the network.
    rmSync(join(installed, "node_modules"), { recursive: true });
    installSeconds.unpack = timed(() => install("--offline")).seconds;
  }, 240_000);

  const run = (...words: string[]) =>
    spawnSync("npx", ["--no-install", "phinets", ...words], { cwd: installed, encoding: "utf8", timeout: 400_000 });

  it("hold a licence and a README, and no tests, sources' maps or build state", () => {
    for (const [name, list] of files) {
      expect(list, name).toContain("LICENSE");
      expect(list, name).toContain("README.md");
      expect(
        list.filter((file) => /\.test\.|\.map$|tsbuildinfo|__snapshots__|node_modules/.test(file)),
        name,
      ).toEqual([]);
    }
  });

  it("are what npm, bundlers and TypeScript expect", { timeout: 240_000 }, async () => {
    for (const [name, tarball] of tarballs) {
      const bytes = readFileSync(tarball);
      const { messages } = await publint({ pack: { tarball: Uint8Array.from(bytes).buffer } });
      expect(messages, name).toEqual([]);
      // Packages of sources and weights have no types.
      if (name === "@phinets/firmware" || name === "@phinets/models" || name === "phinets") continue;
      const types = await checkPackage(createPackageFromTarballData(new Uint8Array(bytes)));
      const problems = types.types === false ? ["no types"] : types.problems;
      // Every package is ESM only, for Node 20 and bundlers; older resolution modes are not supported.
      const old = /^(node10|node16-cjs)$/;
      expect(
        problems.filter(
          (problem) =>
            typeof problem === "string" || !("resolutionKind" in problem && old.test(problem.resolutionKind)),
        ),
        name,
      ).toEqual([]);
    }
  });

  it.skipIf(!has("arm-none-eabi-gcc", "qemu-system-arm"))(
    "take a stranger from an empty folder to proven firmware of a set of their own",
    { timeout: 480_000 },
    async () => {
      await tinyDataset(join(installed, "parts"));
      const init = timed(() => run("init", "parts"));
      expect(init.result.status, init.result.stderr).toBe(0);
      // Trains the board's own network. Ten epochs on 32 pictures teach it little, but run the whole chain.
      const words = ["--cfg", "parts/phinets.yaml", "--epochs", "10", "--name", "parts", "--json"];
      const ship = timed(() => run("ship", ...words));
      const shipped = ship.result;
      expect(shipped.stderr).not.toMatch(/ENOENT|left out/);
      expect(shipped.status, shipped.stderr).toBe(0);
      const result = JSON.parse(shipped.stdout);
      expect(result.emulate).toMatchObject({ matchesInterpreter: true, target: { fits: true } });
      expect(readdirSync(join(installed, result.run))).toEqual(
        expect.arrayContaining(["report.html", "firmware", "export"]),
      );
      const seconds = { ...installSeconds, init: init.seconds, ship: ship.seconds };
      const steps = Object.entries(seconds).map(([step, value]) => `${step} ${value.toFixed(1)} s`);
      const own = seconds.unpack + seconds.init + seconds.ship;
      console.log(
        `from an empty folder to proven firmware: ${own.toFixed(1)} s, without what npm loads (${steps.join(", ")})`,
      );
    },
  );

  it("export C that compiles, and detect, from a model that was installed", { timeout: 240_000 }, () => {
    const model = "node_modules/@phinets/models/person-128";
    const exported = run("export", "--model", model, "--format", "c", "--out", "c");
    expect(exported.stderr).not.toMatch(/error/i);
    expect(exported.status).toBe(0);
    const sources = readdirSync(join(installed, "c")).filter((file) => file.endsWith(".c"));
    expect(sources.length).toBeGreaterThan(3);
    execFileSync("cc", [...sources, "host/main.c", "-O1", "-lm", "-o", "model"], { cwd: join(installed, "c") });
    writeFileSync(
      join(installed, "detect.mjs"),
      'import { readFileSync } from "node:fs";\nimport { loadModel } from "@phinets/core/model";\n' +
        `const model = await loadModel((name) => new Uint8Array(readFileSync(\`${model}/\${name}\`)));\n` +
        "const data = new Uint8Array(64 * 48 * 3);\nconsole.log(JSON.stringify([model.classes, model.detect({ width: 64, height: 48, channels: 3, data })]));\n",
    );
    expect(JSON.parse(execFileSync("node", ["detect.mjs"], { cwd: installed, encoding: "utf8" }))[0]).toEqual([
      "person",
    ]);
  });

  it.skipIf(!has("arm-none-eabi-gcc", "qemu-system-arm"))("link and prove firmware", { timeout: 240_000 }, () => {
    const proof = run("emulate", "--model", "node_modules/@phinets/models/person-128", "--limit", "1", "--json");
    expect(proof.stderr).not.toMatch(/ENOENT/);
    expect(proof.status).toBe(0);
    expect(JSON.parse(proof.stdout)).toMatchObject({ matchesInterpreter: true });
  });
});
