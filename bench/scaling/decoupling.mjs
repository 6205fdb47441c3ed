/**
 * Draws docs/pictures/decoupling.svg: networks with equal computation, working memory or parameter memory that differ
 * widely in the other two. All are single-class detectors from the lattice of `phinets fit`; the costs are exact.
 * Usage: node bench/scaling/decoupling.mjs [--check]; --check writes nothing and fails if the picture differs. Needs
 * `npm run build`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseNetwork } from "../../packages/core/dist/networks/index.js";
import { costOf } from "../../packages/core/dist/scaling/index.js";
import { walk } from "../../packages/core/dist/scaling/search.js";
import { loadBoard, readSlackBytes } from "../../packages/core/dist/target/index.js";

const file = new URL("../../docs/pictures/decoupling.svg", import.meta.url);
const board = loadBoard("stm32h743");
const limits = { arenaBytes: 512 * 1024, weightBytes: 2 ** 20, instructions: 1e12, macs: 60e6 };

/** Measures of a network that the panels hold equal or let vary. */
const measures = [
  { key: "macs", name: "MACs", colour: "#4c78a8", text: (v) => `${(v / 1e6).toFixed(1)} M` },
  { key: "arenaBytes", name: "RAM", colour: "#e4873b", text: (v) => `${Math.round(v / 1024)} KiB` },
  { key: "weightBytes", name: "flash", colour: "#59a14f", text: (v) => `${Math.round(v / 1024)} KiB` },
];

/** The quantity held equal, its value, and the measures that distinguish the three networks. */
const panels = [
  { title: "Same computation", held: "macs", value: 12e6, along: ["arenaBytes", "weightBytes"] },
  { title: "Same RAM", held: "arenaBytes", value: 160 * 1024, along: ["weightBytes", "macs"] },
  { title: "Same flash", held: "weightBytes", value: 160 * 1024, along: ["arenaBytes", "macs"] },
];

const fittings = [96, 128, 160, 192].map((side) => {
  const { input, head } = parseNetwork({
    family: "phinet",
    input: { height: side, width: side },
    head: { kind: "yolov2", classes: 1 },
  });
  return walk("ordinary", "detect", input, head, board, limits).fitting;
});

/** Within a quarter of a percent of the held value: the one that has most of the first measure and least of the second, the
 * reverse, and the one in the middle of both (in the logarithm). */
function three({ held, value, along: [first, second] }) {
  const near = fittings.flatMap((fitting) => {
    const found = [];
    for (let i = 0; i < fitting.count; i++)
      if (Math.abs(fitting[held][i] / value - 1) <= 0.0025)
        found.push({ fitting, i, a: Math.log(fitting[first][i]), b: Math.log(fitting[second][i]) });
    return found;
  });
  const best = (score) => near.reduce((top, one) => (score(one) > score(top) ? one : top));
  const extremes =
    held === "macs"
      ? [best((n) => n.a - n.b), best((n) => n.b - n.a)]
      : [best((n) => n.a + n.b), best((n) => -n.a - n.b)];
  const [a, b] = [(extremes[0].a + extremes[1].a) / 2, (extremes[0].b + extremes[1].b) / 2];
  const middle = best((n) => -((n.a - a) ** 2) - (n.b - b) ** 2);
  return [extremes[0], middle, extremes[1]].map(({ fitting, i }) => {
    const network = fitting.networkAt(i);
    const cost = costOf(network, board);
    const costs = { macs: fitting.macs[i], arenaBytes: fitting.arenaBytes[i], weightBytes: fitting.weightBytes[i] };
    // Each additional bank of a program needs some bytes at its end.
    const more = cost.ramBytes - costs.arenaBytes;
    if (cost.macs !== costs.macs || more % readSlackBytes !== 0 || more < 0 || more > 3 * readSlackBytes)
      throw new Error("the planner disagrees");
    return { network, costs };
  });
}

const drawn = panels.map((panel) => ({ ...panel, networks: three(panel) }));
const most = Object.fromEntries(
  measures.map(({ key }) => [key, Math.max(...drawn.flatMap((p) => p.networks.map((n) => n.costs[key])))]),
);

const [column, gap, margin, barWidth] = [290, 28, 24, 150];
const width = 2 * margin + 3 * column + 2 * gap;
const height = 456;
const text = (x, y, content, options = "") => `<text x="${x}" y="${y}" ${options}>${content}</text>`;
const parts = [
  text(margin, 36, "One rule, three dials: computation, RAM and flash move apart", 'class="title"'),
  text(margin, 58, "PhiNet detectors of one class, int8; costs are exact, before any training", 'class="quiet"'),
];
drawn.forEach(({ title, held, networks }, p) => {
  const left = margin + p * (column + gap);
  parts.push(
    `<rect x="${left}" y="78" width="${column}" height="${height - 78 - margin}" rx="8" class="card"/>`,
    text(left + 16, 106, title, 'class="heading"'),
  );
  networks.forEach(({ network, costs }, n) => {
    const top = 134 + n * 102;
    const { alpha, beta, t0, blocks, squeezeExcite, input } = network;
    const label = `α ${alpha.toFixed(2)}  β ${beta}  t₀ ${t0}  N ${blocks}  ${input.height} px${squeezeExcite ? "  SE" : ""}`;
    parts.push(text(left + 16, top, label, 'class="label" xml:space="preserve"'));
    measures.forEach(({ key, name, colour, text: format }, m) => {
      const y = top + 10 + m * 22;
      const length = Math.max(2, (barWidth * costs[key]) / most[key]).toFixed(1);
      const fixed = key === held;
      parts.push(
        text(left + 16, y + 12, name, 'class="quiet"'),
        `<rect x="${left + 62}" y="${y}" width="${barWidth}" height="15" rx="3" class="track"/>`,
        `<rect x="${left + 62}" y="${y}" width="${length}" height="15" rx="3" fill="${fixed ? "#6b7280" : colour}"/>`,
        text(left + 62 + barWidth + 8, y + 12, format(costs[key]), `class="${fixed ? "held" : "value"}"`),
      );
    });
  });
});
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Networks of equal computation, RAM or flash that differ in the other two">
<style>
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2937 }
.title { font-size: 20px; font-weight: 650 }
.heading { font-size: 15px; font-weight: 650 }
.label { font-weight: 600 }
.quiet { fill: #6b7280 }
.value, .held { font-variant-numeric: tabular-nums }
.held { font-weight: 700; fill: #374151 }
.card { fill: #f8fafc; stroke: #e2e8f0 }
.track { fill: #e8edf3 }
</style>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
for (const { title, networks } of drawn) {
  const rows = networks.map(({ network, costs }) => {
    const { alpha, beta, t0, blocks, downsampling, divisor, squeezeExcite, input } = network;
    return { side: input.height, alpha, beta, t0, blocks, downsampling, divisor, squeezeExcite, ...costs };
  });
  console.log(JSON.stringify({ bench: "decoupling", panel: title, networks: rows }));
}
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== svg) {
    console.error("docs/pictures/decoupling.svg is out of date: node bench/scaling/decoupling.mjs");
    process.exit(1);
  }
} else {
  mkdirSync(new URL(".", file), { recursive: true });
  writeFileSync(file, svg);
}
