/**
 * Untrusted run folders, boards, networks and data sets with hostile values in every field: each command must work or
 * refuse in one line, write nothing outside the given folders, and execute nothing from the files.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { loadBoard } from "@phinets/core/target";
import { drawsOf } from "../lib/case.mjs";
import { require } from "../lib/faults.mjs";
import { filesIn, fixtures, phinets, requireWords, stateOf, trainWords } from "../lib/fixtures.mjs";
import { hostileDocument, hostileFile, hostileWords } from "../lib/hostile-words.mjs";
import { mutateFiles } from "../lib/mutate.mjs";
import { outcomeOf, run } from "../lib/processes.mjs";
import { dataSets } from "../lib/samples.mjs";

const pick = (draws, list) => list[draws.integer(list.length)];
/** Generous, because the machine may be busy. */
const mostSeconds = 300;

/** Writes the files whose names the file system accepts. */
function writeFiles(root, files) {
  for (const [path, bytes] of Object.entries(files)) {
    const full = resolve(root, path);
    if (!full.startsWith(`${root}/`) || path.includes("\0")) continue;
    try {
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, bytes);
    } catch {
      // The name is already a folder's, or too long.
    }
  }
}

/** Creates the files of one attempt. */
function makeWorld(draws, made, where) {
  const canary = join(where, "PWNED");
  const words = hostileWords(canary);
  mkdirSync(join(where, "elsewhere"), { recursive: true });
  writeFileSync(join(where, "elsewhere/keep.txt"), "to be kept");
  cpSync(made.run, join(where, "run"), { recursive: true });
  // Changes between one and all of the run's documents.
  const share = pick(draws, [1, 0.3, 0.1, 0.05, 0]);
  for (const path of filesIn(join(where, "run")))
    if (draws.uniform() < share && !/\.(png|jpg|html)$/.test(path)) {
      const file = join(where, "run", path);
      writeFileSync(file, hostileFile(draws, path, new Uint8Array(readFileSync(file)), words));
    }
  if (draws.integer(4) === 0) {
    const name = pick(draws, [
      "firmware",
      "export",
      "quantized.json",
      "steps.json",
      "device_report.json",
      ".phinets",
      "results.csv",
      "weights/last.safetensors",
    ]);
    rmSync(join(where, "run", name), { recursive: true, force: true });
    symlinkSync(pick(draws, ["../elsewhere", "../elsewhere/keep.txt", "/nonexistent"]), join(where, "run", name));
  }
  const json = (name, document) =>
    writeFileSync(
      join(where, name),
      JSON.stringify(draws.integer(2) === 0 ? document : hostileDocument(draws, document, words)),
    );
  json("board.json", loadBoard(pick(draws, ["stm32h743", "rp2040", "esp32-s3"])));
  json("net.json", JSON.parse(readFileSync(made.network, "utf8")));
  // Either a data set with hostile names and labels, or a valid one with hostile labels.
  const data = join(where, "data");
  const [name, files] = pick(draws, Object.entries(dataSets));
  if (draws.integer(2) === 0) {
    const renamed = {};
    for (const [path, bytes] of Object.entries(mutateFiles(draws, files)))
      renamed[
        draws.integer(3) === 0
          ? path.replace(/[^/]*(?=\.\w+$)/, () => pick(draws, words).replaceAll("/", "_").slice(0, 100))
          : path
      ] = hostileFile(draws, path, bytes, words);
    writeFiles(data, renamed);
  } else {
    cpSync(dirname(made.data), data, { recursive: true });
    for (const path of filesIn(data).filter((each) => /\.(yaml|txt|json|ini)$/.test(each)))
      if (draws.uniform() < 0.3)
        writeFileSync(
          join(data, path),
          hostileFile(draws, path, new Uint8Array(readFileSync(join(data, path))), words),
        );
  }
  return { canary, words, data, name };
}

const of = (where) => ({
  model: ["--model", join(where, "run")],
  board: ["--target", join(where, "board.json")],
  project: ["--project", join(where, "runs")],
});

/** Command lines by command. */
const verbs = {
  inspect: (where, _, draws) => [
    "inspect",
    join(where, pick(draws, ["run", "net.json"])),
    ...(draws.integer(2) === 0 ? of(where).board : []),
  ],
  fit: (where) => ["fit", ...of(where).board, "--imgsz", "48", "--fps", "1"],
  doctor: (_, data) => ["doctor", data],
  convert: (where, data, draws) => [
    "convert",
    "--data",
    data,
    "--to",
    pick(draws, ["coco", "yolo", "voc", "folders"]),
    "--out",
    join(where, "out"),
  ],
  train: (where, data, draws) =>
    trainWords({
      data,
      network: join(where, "net.json"),
      project: join(where, "runs"),
      epochs: 1,
      more: draws.integer(2) === 0 ? ["--skip-bad"] : [],
    }),
  resume: (where) => ["train", "--resume", join(where, "run")],
  val: (where, data) => ["val", ...of(where).model, "--data", data],
  quantize: (where, data) => ["quantize", ...of(where).model, "--data", data, "--max-drop", "1", ...of(where).project],
  export: (where, _, draws) => [
    "export",
    ...of(where).model,
    ...(draws.integer(3) > 0 ? of(where).board : []),
    "--format",
    "c,tflite,onnx,safetensors,torch",
    "--out",
    join(where, "out"),
  ],
  emulate: (where, _, draws) => ["emulate", ...of(where).model, ...(draws.integer(2) === 0 ? of(where).board : [])],
  ship: (where, data, draws) => [
    "ship",
    ...trainWords({ data, network: join(where, "net.json"), project: join(where, "runs"), epochs: 1 })
      .slice(1)
      .filter((word) => word !== "--no-plots"),
    ...(draws.integer(2) === 0 ? of(where).board : ["--target", "rp2040"]),
  ],
  predict: (where, data) => [
    "predict",
    ...of(where).model,
    data,
    "--save",
    "coco,yolo,voc,csv,labelme",
    ...of(where).project,
  ],
  track: (where, data) => [
    "track",
    "--detections",
    join(data, "clip/gt/gt.txt"),
    "--out",
    join(where, "out/tracks.txt"),
  ],
  import: (where) => [
    "import",
    join(where, "run/weights/best.safetensors"),
    "--network",
    join(where, "net.json"),
    ...of(where).project,
  ],
};
/** Slow commands are chosen less often. */
const often = [
  "inspect",
  "inspect",
  "fit",
  "doctor",
  "doctor",
  "convert",
  "convert",
  "train",
  "resume",
  "val",
  "quantize",
  "export",
  "export",
  "export",
  "emulate",
  "ship",
  "predict",
  "predict",
  "track",
  "import",
];

async function hostile({ seed, n, folder }) {
  const draws = drawsOf(seed, "hostile", n);
  const made = await fixtures(folder);
  const where = resolve(folder, "work", `hostile-${n}`);
  return outcomeOf(where, async () => {
    const { canary, data } = makeWorld(draws, made, where);
    const verb = pick(draws, often);
    const given = ["out", "runs", "run"].map((name) => join(where, name));
    const before = [...stateOf(where, given), ...stateOf(made.root, [])].join("\n");
    const words = verbs[verb](where, data, draws);
    const done = await phinets(words, { cwd: where, seconds: mostSeconds });
    const what = `${verb}: phinets ${words.join(" ").replaceAll(where, ".")}`;
    const intact = (when) => {
      require(!existsSync(canary), `${what}: ${when} something ran, or was written to ${canary}`);
      const strange = readdirSync(folder, { recursive: false }).filter((name) => name.includes("PWNED"));
      require(strange.length === 0, `${what}: ${when} ${strange} was written`);
      const after = [...stateOf(where, given), ...stateOf(made.root, [])].join("\n");
      require(after === before, `${what}: ${when} changed what it was not given: ${difference(before, after)}`);
    };
    requireWords(done, what, { report: verb === "doctor" });
    intact("");
    if (verb === "export" && done.code === 0 && existsSync(join(where, "out/Makefile"))) {
      await run("make", ["-n", "-C", join(where, "out")], { seconds: mostSeconds });
      intact("make:");
      if (draws.integer(3) === 0 && existsSync(join(where, "out/CMakeLists.txt"))) {
        await run("cmake", ["-S", join(where, "out"), "-B", join(where, "out/build")], { seconds: mostSeconds });
        intact("cmake:");
      }
    }
    return { outcome: done.code === 0 ? "accepted" : "refused" };
  });
}

function difference(before, after) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  const gone = a.filter((line) => !b.includes(line)).slice(0, 3);
  const come = b.filter((line) => !a.includes(line)).slice(0, 3);
  return `${gone.length > 0 ? `no more ${gone.join("; ")}` : ""} ${come.length > 0 ? `now ${come.join("; ")}` : ""}`.trim();
}

export const hostileTargets = [{ group: "hostile", name: "hostile", attempt: hostile, goal: 200 }];
