/** Figures by epoch of several runs in one chart. The drawing code is loaded when there is something to draw. */
import { useEffect, useRef } from "preact/hooks";
import type { Plot } from "./plot.js";
import "./line-chart.css";

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [epoch: number, value: number])[];
  /** True: highlighted; false: behind the highlighted curves; undefined: a colour of its own. */
  readonly strong?: boolean;
}

export interface LineChartProps {
  readonly title: string;
  readonly curves: readonly Curve[];
}

export function LineChart({ title, curves }: LineChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const newest = useRef(curves);
  newest.current = curves;
  const shape = JSON.stringify(curves.map(({ name, strong }) => [name, strong]));
  useEffect(() => {
    let isShown = true;
    void import("./plot.js").then(({ drawCurves }) => {
      if (isShown) plot.current = drawCurves(place.current!, title, newest.current);
    });
    return () => {
      isShown = false;
      plot.current?.end();
      plot.current = undefined;
    };
  }, [title, shape]);
  useEffect(() => plot.current?.set(curves), [curves]);
  return (
    <figure class="plot" role="img" aria-label={describe(title, curves)}>
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
