/** Runs side by side, with the content of `phinets compare`. */
import { formatBytes, formatCount, formatMacs, formatMs } from "@phinets/node/text";
import { useId } from "preact/hooks";
import { titleOf } from "../../../shared/places.js";
import { CommandLine } from "../../ui/command-line.js";
import { LineChart } from "../../ui/line-chart.js";
import { Problem } from "../../ui/problem.js";
import { chooseRuns, chosenRuns, compared, compareProblem, pathOf, runs } from "./store.js";

export function Compare() {
  const id = useId();
  const chosen = chosenRuns.value;
  const left = runs.value.filter((run) => !chosen.includes(run));
  const found = compared.value;
  if (runs.value.length < 2) return <p class="quiet">Two runs are needed to compare.</p>;
  return (
    <>
      <p class="actions">
        <label for={id}>Add a run</label>
        <select
          id={id}
          value=""
          onChange={({ currentTarget }) => {
            const { value } = currentTarget;
            currentTarget.value = "";
            if (value !== "") void chooseRuns([...chosen, value]);
          }}
        >
          <option value="">choose…</option>
          {left.map((run) => (
            <option key={run} value={run}>
              {titleOf(run)}
            </option>
          ))}
        </select>
        {chosen.map((run) => (
          <button key={run} type="button" onClick={() => void chooseRuns(chosen.filter((each) => each !== run))}>
            {titleOf(run)} <span aria-hidden="true">×</span>
            <span class="hidden">leave out</span>
          </button>
        ))}
      </p>
      {compareProblem.value && <Problem error={compareProblem.value} />}
      {found && (
        <>
          {found.warning && <p class="quiet">{found.warning}</p>}
          <Table />
          <LineChart
            title={"AP50" in (found.rows[0]?.figures ?? {}) ? "AP50" : "top1"}
            curves={found.rows.map(({ name, curve }) => ({
              name,
              points: curve.points.map(({ epoch, value }): [number, number] => [epoch, value]),
            }))}
          />
          <Differences />
          <CommandLine words={["phinets", "compare", ...chosen.map(pathOf)]} />
        </>
      )}
    </>
  );
}

function Table() {
  const { rows } = compared.value!;
  const names = "AP50" in rows[0].figures ? ["AP50", "AP"] : ["top1", "top5"];
  return (
    <div class="scroll">
      <table class="compared">
        <thead>
          <tr>
            {["run", ...names, "epoch", "parameters", "work", "flash", "RAM", "time", "board"].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, name, figures, epoch, parameters, macs, flashBytes, ramBytes, latencyMs, board }) => (
            <tr key={id}>
              <th scope="row">{name}</th>
              {names.map((metric) => (
                <td key={metric}>{figures[metric] >= 0 ? figures[metric].toFixed(3) : "–"}</td>
              ))}
              <td>{epoch ?? "–"}</td>
              <td>{formatCount(parameters)}</td>
              <td>{formatMacs(macs)}</td>
              <td>{formatBytes(flashBytes)}</td>
              <td>{formatBytes(ramBytes)}</td>
              <td>
                {formatMs(latencyMs[0])} to {formatMs(latencyMs[1])}
              </td>
              <td>{board}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Differences() {
  const { rows, differences } = compared.value!;
  if (differences.length === 0) return <p class="quiet">Their recipes are the same.</p>;
  return (
    <details>
      <summary>{formatCount(differences.length)} options of the recipes differ</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">option</th>
            {rows.map(({ id, name }) => (
              <th key={id} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {differences.map(({ name, values }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {values.map((value, i) => (
                <td key={rows[i].id}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
