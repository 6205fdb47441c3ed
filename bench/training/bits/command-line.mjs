/** Runs `phinets train` on a small conveyor set in child processes that may be killed. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeSafetensors, Random } from "../../../packages/core/dist/tensor/index.js";
import { writeConveyorDataset } from "../../../packages/node/dist/dataset/index.js";

const program = fileURLToPath(new URL("../../../packages/cli/bin/phinets.js", import.meta.url));
const size = { height: 48, width: 64 };
const network = {
  family: "phinet",
  input: size,
  alpha: 0.15,
  blocks: 4,
  downsampling: [4],
  head: { kind: "yolov2", classes: 1, filters: 16 },
};

export class CommandLine {
  #folder = mkdtempSync(join(tmpdir(), "phinets-bits-"));
  #project = join(this.#folder, "runs");
  #runs = 0;
  #options;

  /** Renders the data set. */
  async prepare({ epochs, pictures }) {
    const data = await writeConveyorDataset(join(this.#folder, "data"), {
      ...{ seed: 3, train: pictures, val: 24, clipFrames: 8, size },
    });
    const file = join(this.#folder, "network.json");
    writeFileSync(file, JSON.stringify(network));
    this.#options = ["--data", data, "--network", file, "--epochs", String(epochs), "--seed", "7"];
  }

  #start(node, words) {
    const child = spawn(node, [program, "train", ...words, "--project", this.#project], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const written = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"])
      child[stream].setEncoding("utf8").on("data", (text) => {
        written[stream] += text;
      });
    const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, ...written })));
    return { child, ended };
  }

  #result(name, { code, stderr }) {
    if (code !== 0) throw new Error(`phinets train ended with ${code}: ${stderr.trim().split("\n").at(-1)}`);
    const bytes = readFileSync(join(this.#project, "detect", name, "weights/last.safetensors"));
    const state = createHash("sha256");
    for (const [key, { data }] of Object.entries(decodeSafetensors(bytes, name).weights).sort())
      state.update(key).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const weights = readFileSync(join(this.#project, "detect", name, "weights/best.safetensors"));
    return { weights: createHash("sha256").update(weights).digest("hex"), state: state.digest("hex") };
  }

  /** SHA-256 of the deployed weights and of the last checkpoint's tensors. */
  async run(more = [], node = process.execPath) {
    const name = `run${++this.#runs}`;
    return this.#result(name, await this.#start(node, [...this.#options, "--name", name, ...more]).ended);
  }

  /**
   * Kills runs (SIGKILL) at random moments and resumes them until `kills` kills have hit; returns the results of all
   * runs that finished.
   */
  async killed(kills, elapsedMs, onKill) {
    const random = new Random(11);
    const results = [];
    for (let hits = 0; hits < kills; ) {
      const name = `killed${++this.#runs}`;
      const folder = join(this.#project, "detect", name);
      for (;;) {
        const words = existsSync(join(folder, "args.yaml"))
          ? ["--resume", folder, "--workers", String(1 + random.integer(4))]
          : [...this.#options, "--name", name, "--exist-ok"];
        const { child, ended } = this.#start(process.execPath, words);
        const delay = random.uniform(0.02, 0.6) * elapsedMs;
        const timer = hits < kills ? setTimeout(() => child.kill("SIGKILL"), delay) : undefined;
        const end = await ended;
        clearTimeout(timer);
        if (end.signal === "SIGKILL") onKill(++hits);
        else {
          results.push(this.#result(name, end));
          break;
        }
      }
    }
    return results;
  }

  dispose() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
