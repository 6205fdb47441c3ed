import { parseHTML } from "linkedom";
import { beforeAll, describe, expect, it } from "vitest";
import { sampleReport } from "../../../../test/report-sample.js";
import { type Metrics, verdict } from "../text/metrics.js";
import { matchBoxes } from "./boxes.js";
import { describeSkipped } from "./data.js";
import { type ReportData, renderCard, renderReport, reportPicture } from "./index.js";
import { framesPerSecond, signed } from "./sections.js";

let sample: ReportData;
beforeAll(async () => {
  sample = await sampleReport();
});

/** The page without its pictures' bytes, which may contain any word by chance. */
const withoutPictures = (page: string) => page.replace(/base64,[A-Za-z0-9+/=]+/g, "base64,");
const parse = (data: ReportData) => parseHTML(renderReport(data)).document;
const textOf = (data: ReportData) => parse(data).querySelector("main")!.textContent.replace(/\s+/g, " ");

describe("the report", () => {
  it("is the same page for the same data", () => {
    expect(renderReport(sample)).toBe(renderReport(sample));
    expect(renderCard(sample)).toBe(renderCard(sample));
  });

  it("loads nothing from elsewhere", () => {
    const page = withoutPictures(renderReport(sample));
    expect(page.replaceAll("http://www.w3.org/", "")).not.toMatch(
      /https?:|\/\/[a-z]|@import|<script|<link|<iframe|url\(/i,
    );
    for (const element of parse(sample).querySelectorAll("[src],[href]")) {
      const target = element.getAttribute("src") ?? element.getAttribute("href")!;
      expect(target).toMatch(/^(data:image\/jpeg;base64,|#[\w-]+$|[\w./-]+$)/);
    }
  });

  it("carries each picture once and refers to ids that exist", () => {
    const document = parse(sample);
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    expect(new Set(ids).size).toBe(ids.length);
    const uses = [...document.querySelectorAll("use")];
    expect(uses.length).toBe(8);
    for (const use of uses) expect(ids).toContain(use.getAttribute("href")!.slice(1));
    expect(document.querySelectorAll("image").length).toBe(8 + 6 + 1);
    const links = [...document.querySelectorAll("nav a")];
    const titles = [...document.querySelectorAll("section > h2")].map((title) => title.textContent);
    expect(links.map((link) => link.textContent)).toEqual(titles);
    for (const link of links) expect(document.querySelector(link.getAttribute("href")!)!.tagName).toBe("SECTION");
  });

  it("says one latency and one RAM, in binary units", () => {
    const text = textOf(sample);
    expect(new Set(text.match(/[\d.]+ ms to [\d.]+ ms/g))).toEqual(new Set(["41.2 ms to 58.9 ms"]));
    expect(new Set(text.match(/[\d.]+ KiB of [\d.]+ KiB(?= Network|$)/g)).size).toBeLessThanOrEqual(1);
    expect(text).not.toMatch(/\d [KM]B\b/);
    expect(text).toContain("from counted instructions");
    const { latencyFrom: _, ...board } = sample.board!;
    expect(textOf({ ...sample, board })).toContain("speed, planned");
  });

  it("draws no curve through a few epochs, and counts none for the start", () => {
    const training = sample.training as Extract<ReportData["training"], { readonly rows: unknown }>;
    const few = { ...training, rows: [{ epoch: 0, AP50: 0.42 }, ...training.rows.slice(0, 2)], bestEpoch: 0 };
    const section = (data: ReportData) => parse(data).querySelector("#training")!;
    expect(section(sample).querySelectorAll("svg").length).toBe(4);
    expect(section({ ...sample, training: few }).querySelectorAll("svg").length).toBe(0);
    const rows = [...section({ ...sample, training: few }).querySelectorAll("tbody tr")];
    expect(rows.map((row) => row.firstElementChild!.textContent)).toEqual(["0", "1", "2"]);
    expect(rows[0].textContent).toContain("0.420");
    const text = section({ ...sample, training: few }).textContent;
    expect(text).toContain("2 epochs of 800 pictures");
    expect(text).toContain("None is better than epoch 0, the weights that it started from.");
  });

  it("says plainly what is of no use, and what was left out of the data", () => {
    expect(parse(sample).querySelector(".callout")).toBeNull();
    expect(textOf(sample)).toContain("left outnothing");
    const dataset = { ...sample.dataset, skipped: { pictures: 2, rows: 0 } };
    const text = textOf({ ...sample, dataset, verdict: "AP50 0.041: this detector is useless" });
    expect(text).toContain("AP50 0.041: this detector is useless");
    expect(text).toContain("2 bad pictures are left out.");
  });

  it("shows every figure of the data, and no hole in it", () => {
    const text = textOf(sample);
    for (const part of [
      "0.959",
      "float 0.961 · firmware 0.959",
      "17–24 fps",
      "136 KiB of 2 MiB",
      "byte for byte",
      "−0.002",
      "best, 27",
      "Cortex-M7, MPS2 AN500 in QEMU",
      sample.artefacts[0].sha256.slice(0, 16),
      sample.commands[0],
      "9 tracks in 60 frames",
      "The emulated core tracked 60 frames: the same ids and the same boxes",
      "AXI_SRAM 70.0 KiB",
      "0.930",
      "F1 over confidence",
      "What the errors cost",
      "background",
      "800 training boxes",
      "clip: 3 tracks",
    ])
      expect(text).toContain(part);
    for (const page of [renderReport(sample), renderCard(sample)])
      expect(withoutPictures(page)).not.toMatch(/NaN|undefined|\[object|Infinity/);
  });

  it("says what was left out and what installs it, for every step", () => {
    const missing = { leftOut: "arm-none-eabi-gcc is not installed", install: "npm run setup" };
    for (const step of ["training", "predictions", "proof", "tracking"] as const) {
      const data = { ...sample, [step]: missing };
      expect(textOf(data)).toContain("left out: arm-none-eabi-gcc is not installed; install with npm run setup");
      if (step !== "predictions")
        expect(renderCard(data)).toContain(
          "Left out: arm-none-eabi-gcc is not installed; install with `npm run setup`.",
        );
    }
    const data = { ...sample, figures: sample.figures.slice(0, 2), figuresLeftOut: missing };
    expect(textOf(data)).toContain("left out: arm");
    expect(parse(data).querySelector("table.big")!.textContent).not.toContain("firmware");
    const bare: ReportData = {
      ...sample,
      board: undefined,
      memoryMapSvg: undefined,
      fit: undefined,
      precisionRecall: undefined,
      perClass: undefined,
      analysis: undefined,
      anchors: undefined,
      artefacts: [],
    };
    expect(withoutPictures(renderReport(bare))).not.toMatch(/NaN|undefined/);
    expect(renderCard(bare)).not.toMatch(/NaN|undefined/);
  });

  it("says plainly when the proof failed or the image does not fit", () => {
    const proof = {
      ...sample.proof,
      differingBytes: 3,
      arenaBytes: 10,
      ownCore: false,
      linked: {
        ...{ name: "X", flash: { usedBytes: 2, totalBytes: 1 }, ram: { usedBytes: 1, totalBytes: 1 } },
        memories: [{ region: "ROM", use: "program", usedBytes: 2, totalBytes: 1 }],
        ...{ weightsBytes: 1, planned: { flashBytes: 9, weightsBytes: 1 } },
      },
    };
    const text = textOf({ ...sample, proof } as ReportData);
    for (const part of [
      "3 differ",
      "153,597 of 153,600",
      "bytes less than planned",
      "does not fit",
      "no core of the board's kind",
    ])
      expect(text).toContain(part);
    expect(text).toContain("2 B, 7 bytes less than planned");
    expect(renderCard({ ...sample, proof } as ReportData)).toContain("| ROM | program | 2 | 1 |");
    expect(text).not.toContain("byte for byte");
    const firmware = { frames: 60, tracksMatch: false, differingFrames: 7, boxes: 1, tracks: 1, instructions: 1 };
    const tracks: ReportData = { ...sample, tracking: { ...sample.tracking, firmware } as ReportData["tracking"] };
    expect(textOf(tracks)).toContain("tracked 60 frames: 7 of them differ");
    expect(renderCard(tracks)).toContain("tracked 60 of them: 7 differ");
  });

  it("escapes what users name", () => {
    const name = `<img src=x onerror="alert(1)">&'`;
    const data: ReportData = {
      ...sample,
      title: name,
      dataset: { ...sample.dataset, name, classes: [name, name, name] },
      commands: [name],
      artefacts: [{ ...sample.artefacts[0], path: name }],
    };
    const document = parse(data);
    expect(document.querySelectorAll("img").length).toBe(0);
    expect(document.querySelector("h1")!.textContent).toBe(name);
    expect(document.querySelector("pre")!.textContent).toBe(name);
  });

  it("shows classification: names, right and wrong", async () => {
    const picture = await reportPicture({ width: 28, height: 28, channels: 1, data: new Uint8Array(784).fill(200) });
    const data: ReportData = {
      ...sample,
      dataset: { ...sample.dataset, task: "classify", classes: ["zero", "one"] },
      metrics: ["top1", "top5"],
      figures: [{ name: "float", values: { top1: 0.991, top5: 1 } }],
      precisionRecall: undefined,
      perClass: undefined,
      predictions: [
        { caption: "a#0", picture, truth: 0, predicted: { class: 0, score: 0.98 } },
        { caption: "a#1", picture, truth: 0, predicted: { class: 1, score: 0.51 } },
      ],
      training: { rows: [{ epoch: 1, loss: 2.5, top1: 0.9, top5: 1 }], bestEpoch: 1 },
    };
    const text = textOf(data);
    for (const part of ["Recognises 2 classes", "top-1 accuracy", "0.991", "zero 0.98", "one 0.51", "is zero"])
      expect(text).toContain(part);
    expect(text).not.toContain("Tracking");
    expect(renderCard(data)).not.toContain("Tracking");
  });

  it("keeps pictures small: never larger than they are, at most 360 pixels", async () => {
    const large = await reportPicture({ width: 1000, height: 500, channels: 3, data: new Uint8Array(1_500_000) });
    expect([large.width, large.height]).toEqual([360, 180]);
    const small = await reportPicture({ width: 28, height: 20, channels: 1, data: new Uint8Array(560) });
    expect([small.width, small.height]).toEqual([28, 20]);
    expect(renderReport(sample).length).toBeLessThan(400_000);
  });
});

describe("what is right", () => {
  const box = (x: number, score?: number, index = 0) => ({ x, y: 0, width: 10, height: 10, class: index, score });
  it("is the best-scored box that overlaps a free truth of its class by half", () => {
    expect(matchBoxes([box(0), box(40)], [box(1, 0.5), box(0, 0.4), box(41, 0.9, 1), box(43, 0.2)])).toEqual({
      found: [true, true],
      right: [true, false, false, true],
    });
    expect(matchBoxes([box(0)], [box(4, 0.9)])).toEqual({ found: [false], right: [false] });
    expect(matchBoxes([], [])).toEqual({ found: [], right: [] });
  });
  it("gives frames a second as a range, slow first", () => {
    expect(framesPerSecond([41.2, 58.9])).toBe("17–24");
    expect(framesPerSecond([100, 100])).toBe("10");
    expect(framesPerSecond([400, 900])).toBe("1.1–2.5");
  });
});

describe("a change", () => {
  it("is ±0 only where it is 0", () => {
    expect([0, 0.0124, -0.0005, 0.00049, -0.0002, 0.000031].map(signed)).toEqual([
      ...["±0", "+0.012", "−0.001", "+0.0005", "−0.0002", "+0.00003"],
    ]);
  });
});

describe("a verdict", () => {
  const metrics = (AP50: number) => ({ task: "detect", AP50 }) as Metrics;
  it("is of detectors below .1, of none that cannot be told", () => {
    expect(verdict(metrics(0.099))).toMatch(/^AP50 0\.099: this detector is useless/);
    expect([0.1, 0.5, -1].map((AP50) => verdict(metrics(AP50)))).toEqual([undefined, undefined, undefined]);
    expect(verdict({ task: "classify", top1: 0.01 } as Metrics)).toBeUndefined();
  });
});

describe("what was left out", () => {
  it("is said of pictures and rows, each in its number", () => {
    expect(describeSkipped()).toBe("");
    expect(describeSkipped({ pictures: 0, rows: 0 })).toBe("");
    expect(describeSkipped({ pictures: 2, rows: 1 })).toBe(" 2 bad pictures and 1 bad label row are left out.");
    expect(describeSkipped({ pictures: 0, rows: 1 })).toBe(" 1 bad label row is left out.");
  });
});
