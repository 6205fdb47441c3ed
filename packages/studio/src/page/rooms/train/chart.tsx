/** Figures by epoch, of several runs in one chart. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colourOf } from "../../ui/colours.js";

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [epoch: number, value: number])[];
}

export interface ChartProps {
  readonly title: string;
  readonly curves: readonly Curve[];
}

const height = 220;

export function Chart({ title, curves }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shape = JSON.stringify(curves.map(({ name }) => name));
  useEffect(() => {
    const element = place.current!;
    plot.current = new uPlot(optionsOf(title, curves, element), aligned(curves), element);
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [title, shape]);
  useEffect(() => plot.current?.setData(aligned(curves)), [curves]);
  return (
    <figure class="chart" role="img" aria-label={describe(title, curves)}>
      <figcaption>{title}</figcaption>
      <div ref={place} />
    </figure>
  );
}

function describe(title: string, curves: readonly Curve[]): string {
  const last = curves.flatMap(({ name, points }) => {
    const point = points.at(-1);
    return point === undefined ? [] : [`${name} ${point[1].toPrecision(3)} at epoch ${point[0]}`];
  });
  return `${title} by epoch: ${last.join(", ") || "nothing yet"}`;
}

/** One column of epochs for all, and a column a curve; null where a curve has no point. */
function aligned(curves: readonly Curve[]): uPlot.AlignedData {
  const epochs = [...new Set(curves.flatMap(({ points }) => points.map(([epoch]) => epoch)))].sort((a, b) => a - b);
  const columns = curves.map(({ points }) => {
    const known = new Map(points);
    return epochs.map((epoch) => known.get(epoch) ?? null);
  });
  return [epochs, ...columns];
}

function optionsOf(title: string, curves: readonly Curve[], element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const [ink, line] = ["--quiet", "--line"].map((name) => style.getPropertyValue(name));
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
  return {
    width: element.clientWidth,
    height,
    scales: { x: { time: false } },
    axes: [{ ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }, axis],
    series: [
      { label: "epoch" },
      ...curves.map(({ name }, n) => ({
        label: curves.length === 1 ? title : name,
        stroke: colourOf(n),
        width: 2,
        points: { show: true, size: 5 },
        spanGaps: true,
        value: (_: uPlot, value: number | null) => value?.toPrecision(4) ?? "–",
      })),
    ],
  };
}
