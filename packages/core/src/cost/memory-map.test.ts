import { describe, expect, it } from "vitest";
import { deployGraph } from "../graph/index.js";
import { buildNetwork, parseNetwork } from "../networks/index.js";
import { loadBoard, programOf } from "../target/index.js";
import { memoryMap } from "./index.js";

describe("memoryMap", () => {
  const network = { family: "phinet", input: { height: 96, width: 96, channels: 3 }, alpha: 0.25, downsampling: [5] };
  const graph = deployGraph(buildNetwork(parseNetwork({ ...network, head: { kind: "yolov2", classes: 1 } })));
  const board = loadBoard("stm32h743");
  const program = programOf(graph, board);
  const draw = () => memoryMap(program, { board, used: { FLASH: 100_000, AXI_SRAM: program.arenaBytes } });
  const svg = draw();
  it("draws a rectangle per ring and per phase's scratch inside the picture, and every region", () => {
    const titles = [...svg.matchAll(/<title>([^<]+): /g)].map((match) => match[1]);
    const rings = [...program.places.keys()].filter((name) => !program.stream.transient.has(name));
    expect(titles.map((title) => title.replace(/: \d.*$/, "")).sort()).toEqual(
      [...rings, ...program.scratchAreas.map(() => "within a row")].sort(),
    );
    for (const [, x, y, width, height] of svg.matchAll(
      /<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g,
    )) {
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(960);
      expect(Number(y) + Number(height)).toBeLessThanOrEqual(620);
    }
    for (const { name } of board.regions) expect(svg).toContain(`>${name}</text>`);
    for (const { region = "AXI_SRAM" } of program.banks)
      expect(svg).toContain(`font-weight="600" fill="#26323c">${region} `);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
  it("draws no rectangle over another, since values alive together share no byte", () => {
    const boxes = [
      ...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*><title>/g),
    ].map((match) => match.slice(1).map(Number));
    expect(boxes.length).toBeGreaterThan(20);
    boxes.forEach(([x, y, width, height], i) => {
      for (const [ox, oy, ow, oh] of boxes.slice(0, i)) {
        const [across, along] = [
          Math.min(x + width, ox + ow) - Math.max(x, ox),
          Math.min(y + height, oy + oh) - Math.max(y, oy),
        ];
        expect(Math.min(across, along)).toBeLessThan(0.51); // a rectangle is at least half a pixel high
      }
    });
  });
  it("draws values that free their rows while they are read, with no shape over another at any time", () => {
    const plain = parseNetwork({ ...network, squeezeExcite: false, head: { kind: "yolov2", classes: 1 } });
    const small = programOf(deployGraph(buildNetwork(plain)), board, { optimize: "ram" });
    const drawn = memoryMap(small, { width: 4000 });
    const rects = [
      ...drawn.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*><title>/g),
    ].map(([, ...numbers]) => {
      const [x, y, width, height] = numbers.map(Number);
      return { from: x, to: x + width, top: y, bottomAt: () => y + height };
    });
    const paths = [...drawn.matchAll(/<path d="M([\d.]+) ([\d.]+)V([\d.]+)([^Z]+)Z"/g)].map(
      ([, from, top, bottom, rest]) => {
        const turns = [...rest.matchAll(/H([\d.]+)V([\d.]+)/g)].map((turn) => turn.slice(1).map(Number));
        // The height of the stairs at x follows from the last turn before it.
        const bottomAt = (x: number) => turns.filter(([at]) => at <= x).at(-1)?.[1] ?? Number(bottom);
        return { from: Number(from), to: turns.at(-1)![0], top: Number(top), bottomAt };
      },
    );
    expect(paths.length).toBeGreaterThan(0);
    const shapes = [...rects, ...paths];
    const edges = [...new Set(shapes.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
    for (const [i, edge] of edges.slice(1).entries()) {
      if (edge - edges[i] < 0.1) continue; // coordinates are rounded
      const x = (edge + edges[i]) / 2;
      const column = shapes.filter(({ from, to }) => from < x && x < to).sort((a, b) => a.top - b.top);
      for (const [k, { top }] of column.slice(1).entries()) expect(column[k].bottomAt(x)).toBeLessThan(top + 0.51);
    }
  });
  it("lets no later rectangle cover a label", () => {
    const number = (tag: string, name: string) => Number(new RegExp(` ${name}="([\\d.]+)"`).exec(tag)![1]);
    const wide = memoryMap(program, { width: 3000 });
    const chart = wide.slice(0, wide.indexOf("most alive at once"));
    const labels = [...chart.matchAll(/<text [^>]*pointer-events[^>]*>/g)];
    expect(labels.length).toBeGreaterThan(5);
    const last = chart.lastIndexOf("<rect");
    for (const { 0: tag, index } of labels) {
      expect(index).toBeGreaterThan(last);
      // The label's centre is covered by its own rectangle and by no later one.
      const over = [...chart.matchAll(/<rect [^>]*><title>/g)].filter(([rect]) => {
        const shift = tag.includes("rotate") ? [3, 0] : [0, 3];
        const [x, y] = ["x", "y"].map((axis, i) => number(tag, axis) - shift[i] - number(rect, axis));
        return x > 0.1 && x < number(rect, "width") - 0.1 && y > 0.1 && y < number(rect, "height") - 0.1;
      });
      expect(over).toHaveLength(1);
    }
  });
  it("is well-formed and the same every time", () => {
    expect(draw()).toBe(svg);
    const open: string[] = [];
    for (const [, close, tag, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(tag);
      else if (!self) open.push(tag);
    }
    expect(open).toEqual([]);
  });
});
