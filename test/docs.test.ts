/** Every command and code block on the pages of docs/ does what the page says. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pages as inSidebar } from "../docs/.vitepress/pages.mjs";
import { compareApplication } from "./docs/camera.js";
import { anchorsOf, type Block, blocksOf, linksOf, shownFilesOf } from "./docs/markdown.js";
import { declareSdk } from "./docs/sdk.js";
import { isShown, makeFolder, makePrograms, missingLine, runShell } from "./docs/shell.js";
import { tinyDataset } from "./road-tools.js";
import { sharedData } from "./shared.js";
import { installed } from "./tools.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const docs = join(root, "docs");
const temporary = mkdtempSync(join(tmpdir(), "phinets-docs-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const pages = readdirSync(docs).filter((name) => name.endsWith(".md"));
const read = (page: string): string => readFileSync(join(docs, page), "utf8");
/** Records of measurements that take hours; each names its command. */
const records = ["results.md", "decisions.md", "reliability.md"];
const withBlocks = pages.filter((page) => !records.includes(page) && blocksOf(read(page)).length > 0);

const programs = join(temporary, "bin");
const material = join(temporary, "material");
const people = join(temporary, "people");
const links = { models: join(root, "models"), apps: join(docs, "apps"), observe: join(root, "examples/observe") };

/** A photo of two people, or undefined: then no page is compared with what a network finds in one. */
const photo = sharedData && join(sharedData, "coco-person/test/images/000000000061.jpg");

/** What the pages assume: a data set, one with bad rows, pictures without labels, a photo, a clip, the models. */
beforeAll(async () => {
  makePrograms(programs, join(root, "packages/cli/bin/phinets.js"), join(root, "node_modules/.bin"));
  mkdirSync(material);
  await tinyDataset(join(material, "my-parts"));
  cpSync(join(material, "my-parts"), join(material, "bad-rows"), { recursive: true });
  writeFileSync(join(material, "bad-rows/train/labels/000003.txt"), "0 1.5 0.5 0.2 0.2\n");
  writeFileSync(join(material, "bad-rows/train/labels/000004.txt"), "7 0.5 0.5 0.2 0.2\n");
  const frame = join(material, "my-parts/clip/images/000001.png");
  mkdirSync(join(material, "pictures"));
  cpSync(frame, join(material, "pictures/1.png"));
  const ffmpeg = (...words: string[]) => execFileSync("ffmpeg", ["-loglevel", "error", ...words], { cwd: material });
  ffmpeg("-i", photo ?? frame, "-vf", "scale=320:240", "photo.jpg");
  ffmpeg("-framerate", "8", "-i", "my-parts/clip/images/%06d.png", "-c:v", "mjpeg", "-q:v", "2", "clip.avi");
  const where = { folder: temporary, programs, extra: [] };
  const { status, output } = runShell(`phinets export --model ${links.models}/person-128 --out ${people}`, where);
  if (status !== 0) throw new Error(output);
});

/** Runs a block; returns what is wrong with it, or undefined. */
function problemOf(block: Block, folder: string, last: { output: string }): string | undefined {
  const { language, text, extra } = block;
  const where = { folder, programs, extra };
  if (block.file !== undefined) writeFileSync(join(folder, block.file), `${text}\n`);
  if (language === "sh") {
    const { status, output } = runShell(text, where);
    last.output = output;
    return status === 0 ? undefined : `exit code ${status}: ${output}`;
  }
  if (language === "console") {
    for (const part of text.split(/^\$ /m).slice(1)) {
      const [command, ...shown] = part.split("\n");
      const { output } = runShell(`${command} || true`, where);
      if (!isShown(output, shown.join("\n"))) return `${command} printed:\n${output}`;
    }
    return undefined;
  }
  if (language === "js") {
    const file = block.file ?? "block.mjs";
    if (block.file === undefined) writeFileSync(join(folder, file), text);
    const { status, stdout, stderr } = spawnSync("node", [file], { cwd: folder, encoding: "utf8" });
    last.output = stdout;
    return status === 0 ? undefined : stderr;
  }
  if (language === "c") {
    const file = join(folder, block.file ?? "block.c");
    writeFileSync(file, `${text}\n`);
    const flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", `-I${people}`];
    const { status, stderr } = spawnSync("cc", [...flags, file], { encoding: "utf8" });
    return status === 0 ? undefined : stderr;
  }
  if (language === "json") return JSON.parse(text) === undefined ? "is no JSON" : undefined;
  if (language === "yaml")
    return block.file === undefined ? "needs a file name, which a command after it reads" : undefined;
  if (language === "text") {
    if (photo === undefined && /^photo\.jpg|^person \d/m.test(text)) return undefined;
    const line = missingLine(last.output, text);
    return line === undefined ? undefined : `"${line}" is not in its place in:\n${last.output}`;
  }
  return `a block of kind "${language}" is not known; use sh, console, js, c, json, yaml or text`;
}

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm", "ffmpeg", "cmake", "cc"))("the blocks", () => {
  it.each(withBlocks)("of %s run", { timeout: 400_000 }, (page) => {
    const folder = makeFolder(join(temporary, page.replace(/\.md$/, "")), { root, material, links });
    const last = { output: "" };
    for (const block of blocksOf(read(page))) {
      if (block.notRun !== undefined) continue;
      expect(problemOf(block, folder, last), `docs/${page}:${block.line}`).toBeUndefined();
    }
  });

  it("that are not run are these", () => {
    const counts = withBlocks.map((page) => {
      const reasons = blocksOf(read(page)).flatMap(({ notRun }) => (notRun === undefined ? [] : [notRun]));
      return [page, reasons] as const;
    });
    expect(Object.fromEntries(counts.filter(([, reasons]) => reasons.length > 0))).toMatchInlineSnapshot(`
      {
        "bring-your-own-network.md": [
          "it needs an exported detector and labelled pictures",
          "it needs labelled pictures of people",
          "a test of its own talks to it",
        ],
        "browser.md": [
          "it serves until it is stopped. A test of its own opens these pages in Chromium",
        ],
        "esp32-s3.md": [
          "it needs the internet",
          "it needs ESP-IDF",
          "it needs the board",
        ],
        "getting-started.md": [
          "it installs from the internet",
          "it needs root",
          "it takes three minutes. A test of its own does these steps with fewer pictures",
        ],
        "library.md": [
          "it installs from the internet",
        ],
        "many-machines.md": [
          "it needs two machines. Tests of its own do it with a Redis and workers in separate folders",
          "it runs until Ctrl-C",
          "it needs two machines. Tests of its own do it with a Redis and workers in separate folders",
          "it needs a bucket. Tests of its own do it with a server that speaks as S3 does",
        ],
        "nrf52840.md": [
          "it needs root",
          "it needs the board",
          "it needs the board",
          "it needs the board",
          "it needs Zephyr",
        ],
        "observing.md": [
          "it needs TensorBoard",
          "it needs an MLflow server",
          "it needs Python and wandb",
        ],
        "rp2040.md": [
          "it needs root and the internet",
          "it needs the pico-sdk",
          "it needs the board",
        ],
        "sources.md": [
          "it needs a camera",
        ],
        "stm32h743.md": [
          "it needs root",
          "it needs the board",
          "it needs the board",
          "it needs the board",
        ],
        "studio.md": [
          "it serves until Ctrl-C. Tests of its own open the page in Chromium",
          "network.json is what the page saved",
          "names of the page's example. The page's trainings are tested against the command's, to the bit",
        ],
        "wire-format.md": [
          "it needs the board. Tests of its own read an emulated one",
        ],
      }
    `);
  });
});

describe("links", () => {
  const tops = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "models/README.md", "firmware/README.md"];
  const cards = readdirSync(join(root, "models"), { withFileTypes: true }).flatMap((each) =>
    each.isDirectory() ? [`models/${each.name}/README.md`] : [],
  );
  it.each([...pages.map((page) => `docs/${page}`), ...tops, ...cards])("of %s lead somewhere", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const dead = [...linksOf(text), ...shownFilesOf(text)].filter((target) => {
      const [file, anchor] = target.split("#");
      if (file === "api/index.md") return false; // written when the site is built
      const path = file === "" ? join(root, page) : resolve(root, dirname(page), file);
      if (!existsSync(path)) return true;
      return anchor !== undefined && path.endsWith(".md") && !anchorsOf(readFileSync(path, "utf8")).includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  it("of the site's side bar lead to every page", () => {
    const named = inSidebar.flatMap(({ items }) => items.map(({ link }) => `${link.replace(/^\//, "")}.md`));
    expect([...named, "index.md"].sort()).toEqual([...pages, "api/index.md"].sort());
  });
});

describe("the applications", () => {
  it("find on a model of the camera what the library finds in the same picture", { timeout: 240_000 }, async () => {
    mkdirSync(join(temporary, "camera"));
    await compareApplication(join(temporary, "camera"));
  });

  it.each(["pico/main.c", "esp32-s3/main/main.c"])("%s fits the SDK's functions that it calls", (file) => {
    const sdk = join(temporary, "sdk");
    declareSdk(sdk);
    const include = [sdk, people, join(docs, "apps/common")].map((folder) => `-I${folder}`);
    const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-DCAMERA_QVGA", "-fsyntax-only"];
    const { status, stderr } = spawnSync("cc", [...flags, ...include, join(docs, "apps", file)], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
  });
});
