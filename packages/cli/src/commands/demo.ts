/** `phinets demo`, which `npm start` runs: the whole chain on a synthetic conveyor belt, without data or a board. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultTarget, loadTarget } from "@phinets/node/target";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";
import { groups, json, project, seed, target, threadsOf, workers } from "./shared-options.js";
import { describeShip } from "./ship.js";
import { epochs } from "./training-options.js";

interface DemoOptions {
  readonly project: string;
  readonly target: string;
  readonly epochs: number;
  readonly train: number;
  readonly seed?: number;
  readonly workers?: number;
  readonly open: boolean;
}

/** Size in pixels of the rendered pictures and of the network's input. */
const size = { height: 96, width: 128 };

const definition: VerbDefinition = {
  name: "demo",
  description:
    "Renders pictures of a conveyor belt, trains a detector for its parts, makes firmware for the board and tracks parts in an unseen clip.",
  examples: [
    ["phinets demo", "every step; needs no data and no board"],
    ["phinets demo --epochs 2 --train 200 --no-open", "a quick look"],
  ],
  options: [
    vary(target, { default: defaultTarget }),
    vary(epochs, { usual: undefined, default: 12 }),
    {
      flags: "--train <n>",
      help: "training pictures to render",
      group: groups.data,
      parse: integer(16),
      default: 2000,
    },
    seed,
    project,
    workers,
    { flags: "--no-open", help: "do not open the report in a browser", group: groups.run },
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((options: DemoOptions) => demo(options, context));
}

async function demo(options: DemoOptions, context: Context): Promise<void> {
  const [{ writeConveyorDataset }, { isProven, ship }] = await Promise.all([
    import("@phinets/node/dataset"),
    import("@phinets/node/steps"),
  ]);
  const { project, seed = 0, epochs, train } = options;
  context.resumeWith();
  const total = train + 100 + 150;
  const progress = context.progress({ label: "rendering", total, unit: "pictures", lineEvery: 1 });
  const data = await writeConveyorDataset(join(project, "demo/conveyor"), {
    seed,
    train,
    val: 100,
    clipFrames: 150,
    size,
    signal: context.signal,
    onProgress: (done) => progress.update(done),
  });
  progress.stop();
  const result = await ship(
    {
      data: [data],
      target: loadTarget(options.target),
      limits: { imgsz: size, fps: 30 },
      // Rendered pictures vary enough without augmentation, and a short run needs many large steps. Networks memorise
      // such pictures, so the network's own dropout helps it to generalise to a new scene.
      recipe: { epochs, seed, learningRate: 0.012, augment: false, dropout: 0.05 },
      threads: threadsOf(options),
      images: 150,
      clip: join(dirname(data), "clip/images"),
      project,
      out: join(project, "demo/ship"),
      commandLine: `npx phinets demo${seed === 0 ? "" : ` --seed ${seed}`}`,
    },
    context,
  );
  if (!isProven(result)) context.exitCode = 1;
  context.result(result, () => describeShip(result));
  if (options.open && !context.json && process.stdout.isTTY) openInBrowser(result.report);
}

/** Best effort: without a browser, the printed path has to do. */
function openInBrowser(path: string): void {
  if (!existsSync(path)) return;
  const [command, ...args] =
    process.platform === "darwin"
      ? ["open", path]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", "", path]
        : ["xdg-open", path];
  const child = spawn(command, args, { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}
