/** List of all runs with their state, a tick for those compared, and actions. */

import { type RunEntry, runName } from "../../../shared/runs.js";
import { colourOf } from "../../ui/colours.js";
import { isAliveInPage } from "./page-runs.js";
import { chosen, pause, resume, runs, stop, toggle } from "./store.js";

export function RunTable() {
  if (runs.value.length === 0) return <p class="quiet">No run yet.</p>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">State</th>
            <th scope="col">Epoch</th>
            <th scope="col">Best</th>
            <th scope="col">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.value.map((run) => (
            <Row key={run.id} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ run }: { readonly run: RunEntry }) {
  const { id, path, state, task, epoch, epochs, best, bestEpoch } = run;
  const name = runName(run);
  const place = chosen.value.indexOf(id);
  return (
    <tr>
      <th scope="row">
        <label class="switch">
          <input type="checkbox" checked={place >= 0} onChange={() => toggle(id)} />
          {place >= 0 && <Dot colour={colourOf(place)} />}
          <span title={path}>{name}</span>
        </label>
      </th>
      <td>{run.pausing ? "pausing" : state}</td>
      <td>{epochs === 0 ? "" : `${epoch} of ${epochs}`}</td>
      <td>{best === undefined ? "" : `${task === "classify" ? "top-1" : "AP50"} ${best.toFixed(3)} (${bestEpoch})`}</td>
      <td>
        <Actions run={run} />
      </td>
    </tr>
  );
}

/** The colour of a run's curves. */
function Dot({ colour }: { readonly colour: string }) {
  return (
    <svg class="dot" viewBox="0 0 2 2" aria-hidden="true">
      <circle cx="1" cy="1" r="1" fill={colour} />
    </svg>
  );
}

function Actions({ run }: { readonly run: RunEntry }) {
  const { id, job, resumable, pausing } = run;
  const name = runName(run);
  if (job !== undefined || (isAliveInPage(id) && !resumable))
    return (
      <span class="buttons">
        <button type="button" disabled={pausing} onClick={() => void pause(run)} aria-label={`Pause ${name}`}>
          Pause
        </button>
        <button type="button" onClick={() => void stop(run)} aria-label={`Stop ${name}`}>
          Stop
        </button>
      </span>
    );
  if (!resumable) return null;
  return (
    <button type="button" onClick={() => void resume(run)} aria-label={`Resume ${name}`}>
      Resume
    </button>
  );
}
