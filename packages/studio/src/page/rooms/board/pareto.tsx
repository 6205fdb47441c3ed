/** The Pareto set that `fit` finds, in time, RAM and flash; a click selects a network. */
import { formatBytes, formatCount, formatMs } from "@phinets/node/text";
import { useSignal } from "@preact/signals";
import { CommandLine } from "../../ui/command-line.js";
import { Problem } from "../../ui/problem.js";
import { Switch } from "../../ui/switch.js";
import { change, choice, commands, fitProblem, fitted, fitting, solve } from "./store.js";

const [width, height, left, bottom] = [560, 260, 44, 34];

export function Pareto() {
  const anySize = useSignal(true);
  return (
    <>
      <p class="actions">
        <button type="button" class="main" disabled={fitting.value} onClick={() => solve({ anySize: anySize.value })}>
          {fitting.value ? "Solving…" : "Fit this board"}
        </button>
        <Switch
          label="choose the resolution too"
          checked={anySize.value}
          onChange={(checked) => {
            anySize.value = checked;
          }}
        />
      </p>
      {fitProblem.value && <Problem error={fitProblem.value} />}
      {fitted.value && <Scatter />}
      <CommandLine words={commands.value.fit(anySize.value)} />
    </>
  );
}

function Scatter() {
  const { result, proxies } = fitted.value!;
  const times = result.pareto.map(({ latencyMs: [low, high] }) => (low + high) / 2);
  const slowest = Math.max(...times);
  const x = (ms: number) => left + (ms / slowest) * (width - left - 20);
  const y = (proxy: number) => height - bottom - proxy * (height - bottom - 20);
  const shown = JSON.stringify(choice.value.network);
  const take = (i: number) => change({ network: result.pareto[i].network });
  const press = (event: KeyboardEvent, i: number) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    take(i);
  };
  return (
    <svg class="scatter" viewBox={`0 0 ${width} ${height}`}>
      <title>Networks by time and expected accuracy</title>
      <line x1={left} y1={height - bottom} x2={width - 12} y2={height - bottom} class="axis" />
      <line x1={left} y1={12} x2={left} y2={height - bottom} class="axis" />
      <text x={width - 12} y={height - 10} text-anchor="end">
        time a frame, to {formatMs(slowest)}
      </text>
      <text x={14} y={height - bottom} transform={`rotate(-90 14 ${height - bottom})`}>
        proxy for accuracy
      </text>
      {result.pareto.map(({ network, parameters, ramBytes, flashBytes }, i) => {
        const chosen = i === result.pareto.length - 1;
        const words = `${chosen ? "fit's choice: " : ""}${formatMs(times[i])}, ${network.input.height}×${network.input.width}, α ${network.alpha}, ${formatCount(parameters)} parameters, RAM ${formatBytes(ramBytes)}, flash ${formatBytes(flashBytes)}`;
        return (
          // biome-ignore lint/a11y/useSemanticElements: a button cannot stand in a picture
          <circle
            key={words}
            cx={x(times[i])}
            cy={y(proxies[i])}
            r={chosen ? 9 : 7}
            class={chosen ? "chosen" : undefined}
            role="button"
            tabindex={0}
            aria-label={words}
            aria-pressed={JSON.stringify(network) === shown}
            onClick={() => take(i)}
            onKeyDown={(event) => press(event, i)}
          >
            <title>{words}</title>
          </circle>
        );
      })}
    </svg>
  );
}
