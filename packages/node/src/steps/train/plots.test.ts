import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { phinets, phinetsJson, tinyDataset, writeNetwork } from "../../../../../test/road-tools.js";
import { readPicture } from "../../picture/index.js";

const root = mkdtempSync(join(tmpdir(), "phinets-plots-"));
let data: string;
const run = (name: string, ...more: string[]) => [
  ...["train", "--network", writeNetwork(root), "--project", join(root, "runs"), "--batch", "8", "--epochs", "2"],
  ...["--workers", "1", "--name", name, ...more],
];
const pages = [
  ...["curves.svg", "report.html", "sample_batches.png", "worst_pictures.png", "confusion_matrix.svg"],
  ...["labels.jpg", "val_batch0_labels.jpg", "val_batch0_pred.jpg"],
];

beforeAll(async () => {
  data = await tinyDataset(join(root, "data"));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("what a training shows", () => {
  it("is curves, pictures and a page; the weights are the same without", async () => {
    const shown = await phinetsJson(...run("shown", "--data", data));
    const hidden = await phinetsJson(...run("hidden", "--data", data, "--no-plots"));
    expect(shown.weightsSha256).toBe(hidden.weightsSha256);
    const folder = join(root, "runs/detect/shown");
    expect(readdirSync(folder)).toEqual(expect.arrayContaining([...pages, "anchors.svg", "pr_curve.svg"]));
    const drawn = () =>
      readdirSync(join(root, "runs/detect/hidden")).filter((name) => /\.(svg|png|jpg|html)$/.test(name));
    expect(drawn()).toEqual([]);
    // A resumed run keeps its options.
    await phinetsJson("train", "--resume", join(root, "runs/detect/hidden"));
    expect(drawn()).toEqual([]);
    // 16 pictures of 224 pixels and their gaps; the network's input is 64 x 48.
    expect(await readPicture(join(folder, "sample_batches.png"))).toMatchObject({ width: 4 * 224 + 5 * 8 });
    const page = readFileSync(join(folder, "report.html"), "utf8");
    for (const title of [
      "Training",
      "What the network is fed",
      "Worst pictures",
      "Confusion matrix",
      "Anchors",
      "Labels",
      "By class",
      "Data",
      "Recipe",
      "Make it again",
    ])
      expect(page).toContain(`<h2>${title}</h2>`);
    expect(page).toContain("32 training and 8 validation pictures");
    expect(page).not.toContain("not finished");
    expect(page).toContain(`npx phinets train --from-lock ${join(folder, "run.lock")}`);
    // Eight validation pictures, three per row.
    for (const name of ["val_batch0_labels.jpg", "val_batch0_pred.jpg"])
      expect(await readPicture(join(folder, name)), name).toMatchObject({ width: 3 * 224 + 4 * 8 });
    for (const name of ["curves.svg", "pr_curve.svg", "anchors.svg", "confusion_matrix.svg"])
      expect(readFileSync(join(folder, name), "utf8")).toMatch(/^<svg [^>]*xmlns=(?!.*var\(--).*<\/svg>$/s);
    // Every box is right, missed, or wrong: the matrix contains all truths.
    const counts = [...readFileSync(join(folder, "confusion_matrix.svg"), "utf8").matchAll(/>(\d+)<\/text>/g)];
    expect(counts.length).toBeGreaterThan(0);
  });

  it("of a classifier is its confusion and the pictures it is most wrong about", async () => {
    const pictures = join(root, "data/train/images");
    for (const [n, name] of readdirSync(pictures).entries()) {
      const folder = join(root, "classes", n % 2 ? "odd" : "even");
      mkdirSync(folder, { recursive: true });
      copyFileSync(join(pictures, name), join(folder, name));
    }
    await phinetsJson(...run("shown", "--data", join(root, "classes")));
    const folder = join(root, "runs/classify/shown");
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(pages));
    const page = readFileSync(join(folder, "report.html"), "utf8");
    expect(page).toMatch(/Rows are what is there, columns what was said\./);
    expect(page).toMatch(/is (odd|even)<\/figcaption>/);
  });

  it("is not worth an error: what cannot be written is a warning", async () => {
    mkdirSync(join(root, "runs/detect/blocked/sample_batches.png/in-the-way"), { recursive: true });
    const { exitCode, stderr } = await phinets(...run("blocked", "--data", data, "--exist-ok"));
    expect(exitCode, stderr).toBe(0);
    expect(stderr.match(/warning: the report is not complete: .*sample_batches\.png/g)).toHaveLength(1);
    expect(readdirSync(join(root, "runs/detect/blocked"))).toContain("report.html");
  });

  it("without validation is the curves and the pictures it is fed", async () => {
    await phinetsJson(...run("unvalidated", "--data", data, "--no-val"));
    const files = readdirSync(join(root, "runs/detect/unvalidated"));
    expect(files).toEqual(expect.arrayContaining(["curves.svg", "report.html", "sample_batches.png"]));
    expect(files).not.toContain("worst_pictures.png");
  });
});
