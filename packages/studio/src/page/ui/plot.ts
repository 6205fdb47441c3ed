/** Curves on a canvas, drawn by uPlot, which only this module loads. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colourOf } from "./colours.js";
import type { Curve } from "./line-chart.js";

/** A drawn chart. */
export interface Plot {
  /** Updates the points of the same curves. */
  set(curves: readonly Curve[]): void;
  end(): void;
}

const height = 220;
/** With more curves the legend would be longer than the chart. */
const mostInLegend = 12;

export function drawCurves(element: HTMLElement, title: string, curves: readonly Curve[]): Plot {
  const plot = new uPlot(optionsOf(element, title, curves), aligned(curves), element);
  const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
  resize.observe(element);
  return {
    set: (next) => plot.setData(aligned(next)),
    end: () => {
      resize.disconnect();
      plot.destroy();
    },
  };
}

/** One column of epochs for all curves, and one column per curve; null where a curve has no point. */
function aligned(curves: readonly Curve[]): uPlot.AlignedData {
  const epochs = [...new Set(curves.flatMap(({ points }) => points.map(([epoch]) => epoch)))].sort((a, b) => a - b);
  const columns = curves.map(({ points }) => {
    const known = new Map(points);
    return epochs.map((epoch) => known.get(epoch) ?? null);
  });
  return [epochs, ...columns];
}

function optionsOf(element: HTMLElement, title: string, curves: readonly Curve[]): uPlot.Options {
  const style = getComputedStyle(element);
  const [ink, line, accent] = ["--quiet", "--line", "--accent"].map((name) => style.getPropertyValue(name));
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
  const strokeOf = ({ strong }: Curve, n: number) =>
    strong === undefined
      ? { stroke: colourOf(n), width: 2 }
      : strong
        ? { stroke: accent, width: 2.5 }
        : { stroke: ink };
  return {
    width: element.clientWidth,
    height,
    legend: { show: curves.length <= mostInLegend },
    scales: { x: { time: false } },
    axes: [{ ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }, axis],
    series: [
      { label: "epoch" },
      ...curves.map((curve, n) => ({
        ...strokeOf(curve, n),
        label: curves.length === 1 ? title : curve.name,
        points: { show: true, size: 5 },
        spanGaps: true,
        value: (_: uPlot, value: number | null) => value?.toPrecision(4) ?? "–",
      })),
    ],
  };
}
