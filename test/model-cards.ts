/** Tables of the pages of models/: measured figures (from figures.json), and costs as planned by this version. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspectNetwork } from "@phinets/core/cost";
import { networkSummary } from "@phinets/core/networks";
import { loadBoard } from "@phinets/core/target";
import { loadNetwork } from "../packages/node/src/run/load.js";
import { formatCount, markdownTable } from "../packages/node/src/text/index.js";

/** Figures of one form of a network on one set of pictures: fractions by the figure's name. */
type FiguresOf = Readonly<Record<string, number>>;

export interface Figures {
  /** The data set that it was trained on. */
  readonly data: string;
  /** What it detects or classifies, in a word or two. */
  readonly finds: string;
  /** The board that it was made for, by name. */
  readonly board: string;
  readonly weightsSha256: string;
  /** Hash of the int8 network's output bytes for one rendered picture. */
  readonly outputSha256: string;
  /** Measurements of its firmware by `phinets emulate` for that board, as in device_report.json. */
  readonly proof: {
    readonly machine: string;
    readonly images: number;
    /** Output bytes that differ from the int8 network's. */
    readonly differingBytes: number;
    /** Per picture. */
    readonly instructions: number;
  };
  /** Number of test pictures by data set. */
  readonly pictures: Readonly<Record<string, number>>;
  /** Figures on the test pictures, by data set. */
  readonly float: Readonly<Record<string, FiguresOf>>;
  readonly int8: Readonly<Record<string, FiguresOf>>;
  /** The int8 network's figures by class, where there are several classes. */
  readonly byClass?: { readonly figure: string; readonly of: FiguresOf };
  /** Situations in which the int8 network fails, as `npm run bench:limits` prints them. */
  readonly limits: Limits;
}

interface Limits {
  /** The data set that it was measured on. */
  readonly data: string;
  /** For a detector: the score from which on objects count as found. */
  readonly confidence?: number;
  /** By object height, as fractions of the picture's height: the number of objects, and of those found. */
  readonly heights?: readonly {
    readonly from: number;
    readonly to: number;
    readonly objects: number;
    readonly found: number;
  }[];
  /** The AP50 that each kind of error costs, as a fraction. */
  readonly errors?: FiguresOf;
  /** Confusions: [true class, predicted class, count], most frequent first. */
  readonly taken: readonly (readonly [string, string, number])[];
}

/** The boards on every card, small to large. */
const boards = ["rp2040", "nrf52840", "esp32-s3", "rp2350", "stm32h743", "stm32n657"];

export const readFigures = (folder: string): Figures =>
  JSON.parse(readFileSync(join(folder, "figures.json"), "utf8")) as Figures;

/** The table of all networks in models/README.md; `folders` by name. */
export function zooTable(folders: ReadonlyMap<string, string>): string {
  const rows = [...folders].map(([name, folder]) => {
    const { finds, board, int8 } = readFigures(folder);
    const [[data, figures]] = Object.entries(int8);
    const [[figure, value]] = Object.entries(figures);
    const { input, parameters, macs, arena, flash, latency } = costsOn(folder, board);
    const best = `${percent(value, figure)} ${calledOn(figure)}, ${data}`;
    return [`[${name}](${name}/README.md)`, finds, input, parameters, macs, best, board, arena, flash, latency];
  });
  const titles = ["", "finds", "input", "parameters", "M MACs", "int8, %", "board", "arena", "flash image", "planned"];
  return markdownTable(titles, rows).join("\n");
}

/** The tables of a network's card: its figures, then its cost on every board. */
export function cardTables(folder: string): string {
  const { float, int8, pictures, proof, byClass, limits } = readFigures(folder);
  const network = loadNetwork(join(folder, "network.json"));
  const figures = Object.entries(int8).flatMap(([data, of]) =>
    Object.entries(of).map(([figure, value], i) => [
      i === 0 ? `${data}, ${formatCount(pictures[data])}` : "",
      calledOn(figure),
      float[data]?.[figure] === undefined ? "" : percent(float[data][figure], figure),
      percent(value, figure),
    ]),
  );
  const classes = Object.entries(byClass?.of ?? {}).map(([name, value]) => [name, percent(value, byClass!.figure)]);
  const costs = boards.map((board) => {
    const { title, arena, flash, latency } = costsOn(folder, board);
    return [title, arena, flash, latency];
  });
  const { input, parameters, macs } = costsOn(folder, boards[0]);
  return [
    `${networkSummary(network).replaceAll("  ", ", ")}; input ${input}, ${parameters} parameters, ${macs} M multiply-accumulates.`,
    "",
    ...markdownTable(["test pictures", "%", "float", "int8 and firmware"], figures),
    "",
    ...markdownTable(["planned on", "arena", "flash image", "a frame"], costs),
    "",
    `Firmware on an emulated core (${proof.machine}): ${formatCount(proof.images)} pictures, ${formatCount(proof.differingBytes)} output bytes differ, ${formatCount(proof.instructions)} instructions a picture.`,
    "",
    ...(byClass === undefined ? [] : [...markdownTable(["class", `${byClass.figure} of int8, %`], classes), ""]),
    `Where it fails, int8 on the test pictures of ${limits.data} (\`npm run bench:limits\`):`,
    ...limitsTables(limits).flatMap((table) => ["", ...table]),
  ].join("\n");
}

function limitsTables({ confidence, heights, errors, taken }: Limits): string[][] {
  const tables: string[][] = [];
  if (heights !== undefined && confidence !== undefined) {
    const title = `found at a score of ${confidence.toFixed(2)}, %`;
    const rows = heights.map(({ from, to, objects, found }) => [
      `${shareOf(from)} to ${shareOf(to)}`,
      formatCount(objects),
      percent(found / objects, "recall"),
    ]);
    tables.push(markdownTable(["height, of the picture's", "objects", title], rows));
  }
  if (errors !== undefined) {
    const costs = Object.entries(errors).filter(([, cost]) => cost > 0);
    const rows = costs.map(([kind, cost]) => [kind, percent(cost, "AP50")]);
    tables.push(markdownTable(["error", "costs, points of AP50"], rows));
  }
  const rows = taken.map(([truth, found, count]) => [truth, found, formatCount(count)]);
  if (rows.length > 0) tables.push(markdownTable(["is", "taken for", "times"], rows));
  return tables;
}

/** .25 is "1/4". */
const shareOf = (share: number): string => (share === 0 || share === 1 ? String(share) : `1/${1 / share}`);

const markers = ["<!-- figures -->", "<!-- end of figures -->"] as const;

/** Returns `page` with `tables` between its two markers. */
export function withTables(page: string, tables: string): string {
  const [before, rest = ""] = page.split(markers[0]);
  const [, after] = rest.split(markers[1]);
  if (after === undefined) throw new Error(`a page of models/ has ${markers.join(" and ")}, each on its own line`);
  return `${before}${markers[0]}\n\n${tables}\n\n${markers[1]}${after}`;
}

function costsOn(folder: string, name: string) {
  const network = loadNetwork(join(folder, "network.json"));
  const board = loadBoard(name);
  const { parameters, macs, target } = inspectNetwork(network, { board });
  const { fits, ramBytes, flashBytes, latencyMs } = target!;
  const { width, height, channels } = network.input;
  return {
    title: board.title,
    input: `${width}x${height}x${channels}`,
    parameters: formatCount(parameters),
    macs: (macs / 1e6).toFixed(macs < 1e6 ? 2 : 1),
    arena: kib(ramBytes),
    flash: kib(flashBytes),
    latency: fits ? `${latencyMs.map((ms) => ms.toFixed(ms < 10 ? 1 : 0)).join(" to ")} ms` : "does not fit",
  };
}

/** Names on the page of figures that figures.json calls otherwise. */
const called: Readonly<Record<string, string>> = {
  top1: "top-1",
  mAP: "mAP, area",
  mAP11: "mAP, 11 points",
  APs: "AP, small",
  APm: "AP, medium",
  APl: "AP, large",
};
const calledOn = (figure: string): string => called[figure] ?? figure;
const percent = (fraction: number, figure: string): string => (100 * fraction).toFixed(figure === "top1" ? 2 : 1);
const kib = (bytes: number): string => `${Math.round(bytes / 1024)} KiB`;
