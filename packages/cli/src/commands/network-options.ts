/**
 * Options for what a network may use of a board, shared by fit and the commands that solve for a network in the same
 * way.
 */
import { defaultFps, defaultFpsAtPower, type Preference, preferences } from "@phinets/core/scaling";
import type { ChooseOptions } from "@phinets/node/steps";
import { type OptionDefinition, vary } from "../terminal/definition.js";
import { integer, number, oneOf, pictureSize } from "../terminal/options.js";
import { groups, target } from "./shared-options.js";

export interface LimitOptions {
  readonly imgsz?: { readonly height: number; readonly width: number };
  readonly channels?: number;
  readonly fps?: number;
  /** False with `--no-time-limit`. */
  readonly timeLimit?: boolean;
  readonly maxRam?: number;
  readonly maxFlash?: number;
  readonly maxMacs?: number;
  readonly maxEnergy?: number;
  readonly powerMw?: number;
  readonly prefer?: Preference;
  readonly wide?: boolean;
}

export interface NetworkOptions extends LimitOptions {
  readonly network?: string;
  readonly target?: string;
}

const group = groups.network;

/**
 * A given network has its own size: --network or --weights on the command line overrides limits in a file, and vice
 * versa.
 */
const limitNames = "imgsz channels fps timeLimit maxRam maxFlash maxMacs maxEnergy powerMw prefer wide".split(" ");
const yields = ["network", "weights"];

export const powerMw: OptionDefinition = {
  flags: "--power-mw <n>",
  help: "most milliwatts on average at --fps frames a second, asleep in between; says how many frames a second every network makes on it (with --no-time-limit it only says so)",
  group,
  parse: number(1e-6),
  yields,
};

/** Options that `fit` solves for, except the task; also the limits of `train` and `ship`. */
export const limitOptions: readonly OptionDefinition[] = [
  {
    flags: "--imgsz <size>",
    help: "input in pixels, N or HEIGHTxWIDTH",
    group,
    parse: pictureSize,
    usual: "solved for",
    yields,
    wordsOf: ({ height, width }) => `${height}x${width}`,
  },
  { flags: "--channels <n>", help: "1 grey, 3 colour", group, parse: integer(1, 1024), usual: 3, yields },
  {
    flags: "--fps <n>",
    help: "frames a second that the board must reach",
    group,
    parse: number(1e-3, 1e4),
    usual: `${defaultFps}, none with --max-macs, ${defaultFpsAtPower} with --power-mw`,
    yields: [...yields, "timeLimit"],
  },
  {
    flags: "--no-time-limit",
    help: "however long an inference takes: RAM and flash decide",
    group,
    conflicts: ["fps"],
    yields: [...yields, "fps"],
  },
  {
    flags: "--max-ram <bytes>",
    help: "most bytes of arena",
    group,
    parse: integer(1),
    usual: "the board's arena region",
    yields,
  },
  {
    flags: "--max-flash <bytes>",
    help: "most bytes of code and weights",
    group,
    parse: integer(1),
    usual: "the board's flash",
    yields,
  },
  { flags: "--max-macs <n>", help: "most multiply-accumulates an inference", group, parse: integer(1), yields },
  { flags: "--max-energy <mJ>", help: "most millijoules an inference", group, parse: number(1e-6), yields },
  powerMw,
  {
    flags: "--prefer <what>",
    help: "balanced; macs or parameters: the most that fits; speed: the fastest with half the proxy; resolution: the largest input",
    group,
    parse: oneOf<Preference>(...preferences),
    usual: "balanced",
    yields,
  },
  {
    flags: "--wide",
    help: "weigh stems without stride and 5x5 kernels too: five times as many networks",
    group,
    yields,
  },
];

/** Options of train and ship, which accept a given network too, and pictures of 1 or 3 channels. */
export const networkOptions: readonly OptionDefinition[] = [
  {
    flags: "--network <file>",
    help: "network.json; its head is fitted to the data set",
    group,
    completes: "path",
    yields: limitNames,
  },
  vary(target, { help: "board to solve the network for, by name or board.json" }),
  ...limitOptions.map((option) =>
    option.flags.startsWith("--channels") ? vary(option, { parse: integer(1, 3) }) : option,
  ),
];

/** The limits of `fit` that the options give. */
export function limitsOf(options: LimitOptions): ChooseOptions["limits"] {
  return {
    imgsz: options.imgsz,
    channels: options.channels,
    fps: options.fps,
    noTimeLimit: options.timeLimit === false ? true : undefined,
    maxRamBytes: options.maxRam,
    maxFlashBytes: options.maxFlash,
    maxMacs: options.maxMacs,
    maxEnergyMj: options.maxEnergy,
    powerMw: options.powerMw,
    prefer: options.prefer,
    wide: options.wide,
  };
}
