/**
 * Options for what a network may use of a board, shared by fit and the commands that solve for a network in the same
 * way.
 */
import { type Neck, necks } from "@phinets/core/networks";
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
  readonly neck?: Neck;
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
const limitNames = "imgsz channels fps timeLimit maxRam maxFlash maxMacs maxEnergy powerMw prefer wide neck".split(" ");
const yields = ["network", "weights"];

export const powerMw: OptionDefinition = {
  flags: "--power-mw <n>",
  help: "limit on average power in milliwatts, at --fps frames per second with sleep in between (no limit with --no-time-limit); fit also shows the frames per second of each network at this power",
  group,
  parse: number(1e-6),
  yields,
};

/** Options that `fit` solves for, except the task; also the limits of `train` and `ship`. */
export const limitOptions: readonly OptionDefinition[] = [
  {
    flags: "--imgsz <size>",
    help: "input size in pixels, N or HEIGHTxWIDTH",
    group,
    parse: pictureSize,
    usual: "chosen for the board",
    yields,
    wordsOf: ({ height, width }) => `${height}x${width}`,
  },
  {
    flags: "--channels <n>",
    help: "channels of the input: 1 for grey, 3 for colour",
    group,
    parse: integer(1, 1024),
    usual: 3,
    yields,
  },
  {
    flags: "--fps <n>",
    help: "frames per second that the board must reach",
    group,
    parse: number(1e-3, 1e4),
    usual: `${defaultFps}; no limit with --max-macs; ${defaultFpsAtPower} with --power-mw`,
    yields: [...yields, "timeLimit"],
  },
  {
    flags: "--no-time-limit",
    help: "set no limit on inference time, so that RAM and flash limit the network",
    group,
    conflicts: ["fps"],
    yields: [...yields, "fps"],
  },
  {
    flags: "--max-ram <bytes>",
    help: "limit on the arena, the working memory of an inference",
    group,
    parse: integer(1),
    usual: "the board's arena region",
    yields,
  },
  {
    flags: "--max-flash <bytes>",
    help: "limit on code and weights",
    group,
    parse: integer(1),
    usual: "the board's flash",
    yields,
  },
  { flags: "--max-macs <n>", help: "limit on multiply-accumulates per inference", group, parse: integer(1), yields },
  {
    flags: "--max-energy <mJ>",
    help: "limit on energy per inference, in millijoules",
    group,
    parse: number(1e-6),
    yields,
  },
  powerMw,
  {
    flags: "--prefer <what>",
    help: "how to choose among networks that fit. balanced: the best accuracy proxy; macs, parameters: the most of them; speed: the fastest that keeps half the best proxy; resolution: the largest input",
    group,
    parse: oneOf<Preference>(...preferences),
    usual: "balanced",
    yields,
  },
  {
    flags: "--wide",
    help: "also try stems without stride and 5x5 kernels: five times as many networks",
    group,
    yields,
  },
  {
    flags: "--neck <kind>",
    help: "fpn: give the chosen detector a feature pyramid (a grid twice as fine) and the greatest width that keeps the limits with it",
    group,
    parse: oneOf<Neck>(...necks),
    usual: "none",
    yields,
  },
];

/** Options of train and ship, which accept a given network too, and pictures of 1 or 3 channels. */
export const networkOptions: readonly OptionDefinition[] = [
  {
    flags: "--network <file>",
    help: "network.json to train; its head is fitted to the data set",
    group,
    completes: "path",
    yields: limitNames,
  },
  vary(target, { help: "board to solve the network for: a name or a board.json" }),
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
    neck: options.neck,
  };
}
