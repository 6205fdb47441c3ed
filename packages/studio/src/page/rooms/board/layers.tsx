/** Every step of the firmware's program with its MACs, memory and time. */
import type { Inspection } from "@phinets/core/cost";
import { formatBytes, formatCount, formatMs } from "@phinets/node/text";

export function Layers({ inspection }: { readonly inspection: Inspection }) {
  const layers = inspection.target?.layers ?? [];
  const parameters = new Map(inspection.layers.map((layer) => [layer.name, layer.parameters]));
  const slowest = Math.max(...layers.map(({ latencyMs: [, high] }) => high));
  return (
    <div class="scroll">
      <table class="layers">
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <th scope="col">Kernel</th>
            <th scope="col">Output</th>
            <th scope="col">Weights</th>
            <th scope="col">MAC</th>
            <th scope="col">RAM</th>
            <th scope="col" colSpan={2}>
              Time
            </th>
          </tr>
        </thead>
        <tbody>
          {layers.map(({ name, kernel, output, macs, bytes, rows, latencyMs: [low, high] }) => (
            <tr key={name}>
              <th scope="row">{name.replaceAll("_layers.", "")}</th>
              <td>{kernel}</td>
              <td>{output.join("×")}</td>
              <td>{formatCount(parameters.get(name) ?? 0)}</td>
              <td>{formatCount(macs)}</td>
              <td title={`${rows} rows`}>{formatBytes(bytes)}</td>
              <td>{formatMs((low + high) / 2)}</td>
              <td class="share">
                <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={(100 * high) / slowest} height="1" class="fill" />
                </svg>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
