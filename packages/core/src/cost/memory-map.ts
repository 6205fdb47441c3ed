/**
 * Draws the working memory over time as an SVG picture: x is the time (`Program.times`), y the address, with one shape
 * per ring of rows. Banks are stacked, the fastest at the bottom. With a board, bars below show its regions and the
 * network's share of each. A pure function: equal programs give equal text.
 */
import type { Board, Place, Program, Spot } from "../target/index.js";
import { log2 } from "../tensor/index.js";

export interface MemoryMapOptions {
  /** Adds bars for the board's regions. */
  readonly board?: Board;
  /** Bytes in each of the board's regions by name (`plannedUse`, or an image's). Default: activations only. */
  readonly used?: Readonly<Record<string, number>>;
  /** Width of the picture in CSS pixels. Default 960. */
  readonly width?: number;
}

const top = 46;
const chartHeight = 300;
const left = 64;
const barRow = 24;

/** One colour per kind of value, readable on white and for colour-blind readers (Okabe & Ito's palette, lightened). */
const fills: Readonly<Record<string, string>> = {
  input: "#f5d76e",
  conv2d: "#8ec5e8",
  depthwise: "#7fd1b9",
  dense: "#8ec5e8",
  add: "#e6a3c7",
  multiply: "#f0b27a",
  scratch: "#dfe3e8",
  other: "#cfd6dd",
};

const legend: readonly (readonly [kind: string, label: string])[] = [
  ["input", "input"],
  ["conv2d", "convolution"],
  ["depthwise", "depthwise"],
  ["add", "residual sum"],
  ["multiply", "squeeze-and-excite"],
  ["scratch", "within a row"],
  ["other", "other"],
];

export function memoryMap(program: Program, options: MemoryMapOptions = {}): string {
  const width = options.width ?? 960;
  const chartWidth = width - left - 16;
  const entries = program.times;
  const { values } = program.lowering;
  const x = (index: number): number => left + (index / entries) * chartWidth;
  const y = (address: number): number => top + chartHeight - (address / Math.max(1, program.arenaBytes)) * chartHeight;
  // Start of each bank in the picture.
  const bases = program.banks.map((_, bank) => program.banks.slice(0, bank).reduce((sum, { bytes }) => sum + bytes, 0));
  const parts: string[] = [];
  // Drawn above all rectangles, so that no later neighbour covers them.
  const labels: string[] = [];

  for (const bytes of niceTicks(program.arenaBytes)) {
    parts.push(
      `<line x1="${left}" x2="${width - 16}" y1="${n(y(bytes))}" y2="${n(y(bytes))}" stroke="#e3e7eb"/>`,
      `<text x="${left - 6}" y="${n(y(bytes) + 4)}" text-anchor="end" fill="#5b6670">${formatBytes(bytes)}</text>`,
    );
  }
  const at = ({ bank, offset }: Spot): string =>
    program.banks.length === 1 ? String(offset) : `${offset} of ${program.banks[bank].region ?? "the arena's region"}`;
  const rings = [...program.places]
    .filter(([name, { bytes }]) => bytes > 0 && !program.stream.transient.has(name))
    .map(([name, place]) => {
      const { height, width: pixels, channels } = values.get(name)!;
      const rows = place.rows < height ? `${place.rows} of ${height}` : String(height);
      const shape = `${height}x${pixels}x${channels}`;
      const what = `${name}: ${shape}, ${rows} rows, ${place.bytes} bytes at ${at(place)}, times ${place.first}-${place.last}`;
      return { kind: kindOf(program, name), label: `${shortName(name)} ${rows}x${pixels}x${channels}`, what, place };
    });
  const areas = program.scratchAreas.map((place) => {
    const what = `within a row: ${place.bytes} bytes at ${at(place)}, times ${place.first}-${place.last}`;
    return { kind: "scratch", label: "within a row", what, place };
  });
  for (const { kind, label, what, place } of [...rings, ...areas]) {
    const { bytes, first, last } = place;
    const start = bases[place.bank] + place.offset;
    const [x0, x1, y0, y1] = [x(first), x(last + 1), y(start + bytes), y(start)];
    const shape =
      place.frees === undefined
        ? `<rect x="${n(x0)}" y="${n(y0)}" width="${n(x1 - x0)}" height="${n(Math.max(0.5, y1 - y0))}"`
        : `<path d="${stairs(place, { x, y: (bytes) => y(start + bytes) })}"`;
    const close = place.frees === undefined ? "rect" : "path";
    parts.push(
      `${shape} fill="${fills[kind]}" stroke="#fff" stroke-width=".6"><title>${escapeXml(what)}</title></${close}>`,
    );
    // At 9 px a character is about 5.4 px wide. Labels run along the longer side; one that does not fit is left to the
    // tooltip.
    const [middle, centre] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const fits = (along: number, across: number): boolean => along > label.length * 5.4 && across > 11;
    const upright = fits(x1 - x0, y1 - y0);
    if (upright || fits(y1 - y0, x1 - x0)) {
      const [tx, ty] = upright ? [middle, centre + 3] : [middle + 3, centre];
      const turn = upright ? "" : ` transform="rotate(-90 ${n(tx)} ${n(ty)})"`;
      labels.push(
        `<text x="${n(tx)}" y="${n(ty)}"${turn} text-anchor="middle" font-size="9" fill="#26323c" pointer-events="none">${escapeXml(label)}</text>`,
      );
    }
  }
  parts.push(...labels);
  for (const [bank, { region, bytes }] of program.banks.length > 1 ? program.banks.entries() : []) {
    const base = y(bases[bank]);
    parts.push(
      `<line x1="${left}" x2="${width - 16}" y1="${n(base)}" y2="${n(base)}" stroke="#26323c"/>`,
      `<text x="${left + 4}" y="${n(base - 4)}" font-weight="600" fill="#26323c">${escapeXml(region ?? options.board?.arenaRegion ?? "the arena's region")} ${formatBytes(bytes)}</text>`,
    );
  }
  const lower = y(program.lowerBoundBytes);
  parts.push(
    `<line x1="${left}" x2="${width - 16}" y1="${n(lower)}" y2="${n(lower)}" stroke="#b03a2e" stroke-dasharray="5 4"/>`,
    `<text x="${width - 18}" y="${n(lower - 4)}" text-anchor="end" fill="#b03a2e">most alive at once ${formatBytes(program.lowerBoundBytes)}</text>`,
  );
  let height = top + chartHeight + 22;
  parts.push(
    `<text x="${left}" y="18" font-size="14" font-weight="600" fill="#1b252d">Working memory ${formatBytes(program.arenaBytes)} over time</text>`,
    `<text x="${left}" y="${height - 6}" fill="#5b6670">begin</text>`,
    `<text x="${width - 16}" y="${height - 6}" text-anchor="end" fill="#5b6670">end</text>`,
  );
  let legendX = left;
  for (const [kind, label] of legend) {
    parts.push(
      `<rect x="${legendX}" y="27" width="10" height="10" fill="${fills[kind]}"/>`,
      `<text x="${legendX + 14}" y="36" fill="#5b6670">${label}</text>`,
    );
    legendX += 30 + label.length * 6;
  }
  if (options.board !== undefined) {
    height += 14;
    parts.push(...regionBars(options.board, options.used ?? usedBy(program, options.board), width, height));
    height += options.board.regions.length * barRow + 8;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="11" role="img" aria-label="Memory map"><rect width="${width}" height="${height}" fill="#fff"/>${parts.join("")}</svg>\n`;
}

/** Outline of a box that frees its first bytes step by step. */
function stairs(
  { bytes, first, last, frees = [] }: Pick<Place, "bytes" | "first" | "last" | "frees">,
  { x, y }: { readonly x: (time: number) => number; readonly y: (bytes: number) => number },
): string {
  let points = `M${n(x(first))} ${n(y(bytes))}V${n(y(0))}`;
  for (const freed of frees) points += `H${n(x(freed.last + 1))}V${n(y(freed.bytes))}`;
  return `${points}H${n(x(last + 1))}V${n(y(bytes))}Z`;
}

function usedBy({ banks }: Program, { arenaRegion }: Board): Record<string, number> {
  return Object.fromEntries(banks.map(({ region = arenaRegion, bytes }) => [region, bytes]));
}

/** One bar per region. Its length is the logarithm of the size, so that 64 K is still visible beside 2 M. */
function regionBars(board: Board, used: Readonly<Record<string, number>>, width: number, top: number): string[] {
  const barLeft = left + 120;
  const most = Math.max(...board.regions.map((region) => log2(region.bytes)));
  return board.regions.flatMap((region, i) => {
    const y = top + i * barRow;
    const length = ((width - barLeft - 220) * log2(region.bytes)) / most;
    const bytes = used[region.name] ?? 0;
    const share = Math.min(1, bytes / region.bytes);
    const fits = bytes <= region.bytes;
    const text =
      bytes === 0
        ? `${formatBytes(region.bytes)} ${region.use}`
        : `${formatBytes(bytes)} of ${formatBytes(region.bytes)} (${((100 * bytes) / region.bytes).toFixed(1)} %)`;
    return [
      `<text x="${left}" y="${y + 13}" fill="#26323c">${escapeXml(region.name)}</text>`,
      `<rect x="${barLeft}" y="${y + 2}" width="${n(length)}" height="15" rx="2" fill="#eef1f4" stroke="#cfd6dd"/>`,
      bytes > 0
        ? `<rect x="${barLeft}" y="${y + 2}" width="${n(Math.max(1, length * share))}" height="15" rx="2" fill="${fits ? "#5fa8d3" : "#b03a2e"}"/>`
        : "",
      `<text x="${n(barLeft + length + 8)}" y="${y + 14}" fill="#5b6670">${text}</text>`,
    ];
  });
}

function kindOf({ lowering }: Program, name: string): string {
  const node = lowering.steps.find(({ output }) => output === name)?.node;
  if (node === undefined) return name === lowering.input ? "input" : "other";
  if (node.op === "conv2d" && node.attributes.groups > 1) return "depthwise";
  if (node.op === "globalAveragePool") return "multiply";
  return node.op in fills ? node.op : "other";
}

/** `_layers.3._layers.4` -> `3.4` */
function shortName(name: string): string {
  return name.replaceAll("_layers.", "");
}

/** `12,345` below 10 KiB, `123.4 KiB` above. */
export function formatBytes(bytes: number): string {
  if (bytes < 10240) return `${bytes.toString().replace(/\B(?=(\d{3})+$)/g, ",")} B`;
  if (bytes < 1048576) return `${trim((bytes / 1024).toFixed(1))} KiB`;
  return `${trim((bytes / 1048576).toFixed(2))} MiB`;
}

function trim(text: string): string {
  return text.replace(/\.?0+$/, "");
}

/** Four to eight addresses for the axis, multiples of a power of two. */
function niceTicks(bytes: number): number[] {
  let step = 16;
  while (bytes / step > 8) step *= 2;
  const ticks: number[] = [];
  for (let at = 0; at <= bytes; at += step) ticks.push(at);
  return ticks;
}

/** At most two decimals: short, and equal on every machine. */
function n(value: number): string {
  return trim(value.toFixed(2));
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
