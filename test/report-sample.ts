import { memoryMap } from "@phinets/core/cost";
import { conveyorClasses, renderConveyorClip, renderConveyorPicture } from "@phinets/core/data";
import type { Detection } from "@phinets/core/detection";
import { analyseDetection } from "@phinets/core/evaluation";
import { deployGraph } from "@phinets/core/graph";
import { buildNetwork, parseNetwork } from "@phinets/core/networks";
import { arenaOf, loadBoard, programOf } from "@phinets/core/target";
import { Random } from "@phinets/core/tensor";
import { detectionPrediction, type ReportData, trackedFrame } from "../packages/node/src/report/index.js";

/** A report with made-up figures and real pictures of the conveyor, for the report's tests. */
export async function sampleReport(): Promise<ReportData> {
  const random = new Random(4);
  const board = loadBoard("stm32h743");
  const network = parseNetwork({
    family: "phinet",
    input: { height: 96, width: 128 },
    alpha: 0.3,
    head: { kind: "yolov2", classes: conveyorClasses, anchors: [[1, 1]], filters: 32 },
  });
  const deployed = deployGraph(buildNetwork(network));
  const program = programOf(deployed, board);
  const predictions = await Promise.all(
    Array.from({ length: 8 }, (_, i) => {
      const { picture, labels } = renderConveyorPicture(9, i);
      const { width, height } = picture;
      const found = labels.flatMap((label): Detection[] => {
        if (random.uniform() < 0.12) return [];
        const jitter = () => random.uniform(-0.015, 0.015);
        const box = { x: label.x - label.width / 2 + jitter(), y: label.y - label.height / 2 + jitter() };
        const score = random.uniform(0.45, 0.99);
        return [
          {
            class: label.class,
            score,
            x: box.x * width,
            y: box.y * height,
            width: label.width * width,
            height: label.height * height,
          },
        ];
      });
      if (i % 3 === 0) found.push({ class: 1, score: 0.31, x: 10, y: 20, width: 22, height: 18 });
      return detectionPrediction(`test/${i}.png`, picture, labels, found);
    }),
  );
  const clip = renderConveyorClip(3, 60);
  const strip = await Promise.all(
    [0, 12, 24, 36, 48, 59].map((n) => {
      const { picture, labels } = clip[n];
      const { width, height } = picture;
      const tracks = labels.map(({ trackId, x, y, width: w, height: h }) => ({
        id: trackId,
        x1: (x - w / 2) * width,
        y1: (y - h / 2) * height,
        x2: (x + w / 2) * width,
        y2: (y + h / 2) * height,
      }));
      return trackedFrame(n + 1, picture, tracks);
    }),
  );
  const curve = (ceiling: number) =>
    Array.from({ length: 101 }, (_, i) => {
      const recall = i / 100;
      return {
        recall,
        precision: recall > ceiling ? 0 : Math.max(0, 1 - 0.04 * recall - Math.max(0, recall - 0.8) ** 2 * 4),
      };
    });
  const rows = Array.from({ length: 30 }, (_, i) => {
    const t = i / 29;
    const fall = Math.exp(-4 * t) + random.uniform(-0.02, 0.02);
    return {
      epoch: i + 1,
      loss: 0.4 + 3 * fall,
      box: 0.2 + 1.4 * fall,
      objectness: 0.15 + fall,
      class: 0.05 + 0.6 * fall,
      AP50: 0.95 * (1 - Math.exp(-5 * t)) + random.uniform(0, 0.02),
      AP: 0.66 * (1 - Math.exp(-4 * t)),
      precision: 0.9 * (1 - Math.exp(-6 * t)),
      recall: 0.9 * (1 - Math.exp(-7 * t)),
      f1: 0.9 * (1 - Math.exp(-6 * t)),
      learningRate: 0.01 * (1 - t),
      imagesPerSecond: 142,
    };
  });
  const values = { AP50: 0.9612, AP: 0.6634, precision: 0.9431, recall: 0.9288, f1: 0.9359 };
  const int8 = { AP50: 0.9588, AP: 0.6561, precision: 0.9402, recall: 0.9288, f1: 0.9345 };
  const blocks = [
    { id: 0, input: [48, 64, 14], output: [48, 64, 7], kernel: 3, stride: 1, skip: false, macs: 860_160 },
    { id: 1, input: [48, 64, 7], hidden: 42, output: [24, 32, 14], kernel: 3, stride: 2, skip: false, macs: 1_640_000 },
    { id: 2, input: [24, 32, 14], hidden: 80, output: [24, 32, 14], kernel: 3, stride: 1, skip: true, macs: 2_310_000 },
    {
      id: 3,
      input: [24, 32, 14],
      hidden: 77,
      output: [12, 16, 28],
      kernel: 3,
      stride: 2,
      skip: false,
      macs: 1_200_000,
    },
  ];
  const classified = predictions.map(({ truths = [], detections = [] }) => ({ truths, detections }));
  const coco = {
    truth: {
      images: classified.map((_, id) => ({ id })),
      categories: conveyorClasses.map((name, id) => ({ id, name })),
      annotations: classified.flatMap(({ truths }, id) =>
        truths.map(({ x, y, width, height, class: c }) => ({
          image_id: id,
          category_id: c,
          bbox: [x, y, width, height],
        })),
      ),
    },
    found: classified.flatMap(({ detections }, id) =>
      detections.map(({ x, y, width, height, class: c, score = 0 }) => ({
        ...{ image_id: id, category_id: c, score },
        bbox: [x, y, width, height],
      })),
    ),
  };
  const ways = [1, 2, 3].map((id) => ({
    id,
    points: Array.from({ length: 20 }, (_, n) => [10 + 5 * n, 20 * id + n] as const),
  }));
  const ram = { usedBytes: program.arenaBytes, totalBytes: arenaOf(board).bytes };
  return {
    analysis: analyseDetection(coco.truth, coco.found),
    anchors: {
      used: 5,
      boxes: 800,
      curve: [0.52, 0.63, 0.69, 0.73, 0.76, 0.78, 0.79, 0.8].map((meanIou, i) => ({ anchors: i + 1, meanIou })),
    },
    title: `conveyor on ${board.title}`,
    version: "0.1.0",
    date: "2025-01-31",
    dataset: {
      name: "conveyor",
      task: "detect",
      classes: conveyorClasses,
      pictures: { train: 800, val: 100, test: 200 },
      split: "test",
    },
    metrics: ["AP50", "AP", "precision", "recall", "f1"],
    figures: [
      { name: "float", values },
      { name: "int8", values: int8 },
      { name: "firmware", values: int8 },
    ],
    network: {
      name: "PhiNet (micromind)",
      input: network.input,
      parameters: 61_234,
      macs: 14_310_000,
      settings: [
        ["alpha (width)", 0.3],
        ["beta (shape)", 1],
        ["t0 (expansion)", 6],
        ["N (blocks)", 7],
      ],
      blocks,
    },
    board: {
      name: board.name,
      title: board.title,
      core: board.core,
      clockHz: board.clockHz,
      flash: { usedBytes: 139_020, totalBytes: board.flashBytes },
      ram,
      latencyMs: [41.2, 58.9],
      latencyFrom: "counted",
      energyMj: 12.4,
    },
    memoryMapSvg: memoryMap(program, { board, used: { FLASH: 139_020, DTCM: 53_800, AXI_SRAM: program.arenaBytes } }),
    fit: {
      evaluated: 48_211,
      pareto: Array.from({ length: 40 }, (_, i) => ({
        parameters: 1000 * i,
        macs: 2e5 * (i + 1) ** 1.3,
        flashBytes: 40_000 + 3000 * i,
        ramBytes: 20_000 + 5200 * i,
        latencyMs: [i, 2 * i] as const,
      })),
      chosen: {
        parameters: 38_000,
        macs: 2e5 * 38 ** 1.3,
        flashBytes: 142_336,
        ramBytes: 20_000 + 5200 * 37,
        latencyMs: [41.2, 58.9],
      },
    },
    training: { rows, bestEpoch: 27, imagesPerSecond: 142, seconds: 169 },
    predictions,
    precisionRecall: [
      { name: "float", points: curve(0.97) },
      { name: "int8", points: curve(0.96) },
    ],
    perClass: conveyorClasses.map((name, i) => ({
      name,
      truths: 310 + 17 * i,
      values: { AP50: 0.97 - 0.01 * i, AP: 0.7 - 0.03 * i, precision: 0.95, recall: 0.93 - 0.01 * i },
    })),
    proof: {
      images: 100,
      bytes: 153_600,
      differingBytes: 0,
      outputSha256: "9f2c6b1d0e7a4f5c8b3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b",
      instructions: 38_412_880,
      instructionsPerMac: 2.68,
      plannedArenaBytes: program.arenaBytes,
      arenaBytes: program.arenaBytes,
      flashBytes: 142_336,
      stackBytes: 1_184,
      machine: "Cortex-M7, MPS2 AN500 in QEMU",
      ownCore: true,
      linked: {
        name: board.title,
        flash: { usedBytes: 139_020, totalBytes: board.flashBytes },
        ram,
        memories: [
          { region: "FLASH", use: "program", usedBytes: 139_020, totalBytes: board.flashBytes },
          { region: "DTCM", use: "data", usedBytes: 53_800, totalBytes: 128 * 1024 },
          { region: "AXI_SRAM", use: "arena", ...ram },
        ],
        weightsBytes: 121_004,
        planned: { flashBytes: 139_300, weightsBytes: 121_004 },
      },
    },
    tracking: {
      source: "clip.mp4",
      frames: 60,
      tracks: 9,
      framesPerSecond: 48,
      strip,
      trajectories: { name: "clip", ...strip[0].picture, tracks: ways },
      firmware: {
        frames: 60,
        tracksMatch: true,
        differingFrames: 0,
        boxes: 211,
        tracks: 9,
        instructions: 31_240,
      },
    },
    artefacts: [
      {
        path: "firmware/model.c",
        what: "weights, tables and one call, portable C99",
        bytes: 412_311,
        sha256: "a1".repeat(32),
      },
      { path: "firmware/stm32h743.elf", what: "image linked for the board", bytes: 640_128, sha256: "b2".repeat(32) },
      { path: "weights/best.safetensors", what: "float weights", bytes: 246_912, sha256: "c3".repeat(32) },
      { path: "quantized.safetensors", what: "int8 weights", bytes: 71_204, sha256: "d4".repeat(32) },
      { path: "tracks.txt", what: "MOTChallenge text of the clip", bytes: 9_120, sha256: "e5".repeat(32) },
    ],
    commands: ["npx phinets ship --data conveyor/data.yaml --target stm32h743 --epochs 30 --seed 0"],
  };
}
