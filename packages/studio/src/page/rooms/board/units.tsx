/** Cost on the board and capacity gained for one step more of each multiplier, beside the current values. */
import { formatBytes, formatMs } from "@phinets/node/text";
import { change, choice, units } from "./store.js";
import type { Units } from "./units-worker.js";

export function UnitsMore() {
  const { value } = units;
  if (value === undefined) return null;
  const budgetMs = 1000 / choice.value.fps;
  return (
    <div class="scroll">
      <table class="layers">
        <caption class="quiet">What one step more takes, and what it brings; nothing is trained for that.</caption>
        <thead>
          <tr>
            {["More", "RAM", "Flash", "Time a frame", "Energy", "Work", "Weights", "Then"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            <th>
              <span class="hidden">Take it over</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {value.more.map(({ label, network, inspection }) => {
            const { target } = inspection;
            const now = value.now.target;
            if (target === undefined || now === undefined) return null;
            return (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{signed(target.ram.total - now.ram.total, formatBytes)}</td>
                <td>{signed(target.flashBytes - now.flashBytes, formatBytes)}</td>
                <td>{signed(middle(target.latencyMs) - middle(now.latencyMs), formatMs)}</td>
                <td>{signed(target.energyMj - now.energyMj, (mj) => `${mj.toFixed(2)} mJ`)}</td>
                <td>{share(inspection.macs, value.now.macs)}</td>
                <td>{share(inspection.parameters, value.now.parameters)}</td>
                <td>{verdict(target, budgetMs)}</td>
                <td>
                  <button type="button" aria-label={`Take over: ${label}`} onClick={() => change({ network })}>
                    Take
                  </button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

type Target = NonNullable<Units["now"]["target"]>;

const middle = ([low, high]: readonly [number, number]): number => (low + high) / 2;

function signed(value: number, format: (value: number) => string): string {
  return `${value < 0 ? "−" : "+"}${format(Math.abs(value))}`;
}

function share(then: number, now: number): string {
  return signed((100 * (then - now)) / now, (percent) => `${percent.toFixed(percent < 10 ? 1 : 0)} %`);
}

function verdict({ fits, latencyMs }: Target, budgetMs: number): string {
  if (!fits) return "does not fit";
  return middle(latencyMs) > budgetMs ? "fits, too slow" : "fits";
}
