/** The room Sweeps: many settings side by side, live during training; and comparisons of any runs. */
import { formatCount } from "@phinets/node/text";
import { useEffect, useId } from "preact/hooks";
import { titleOf } from "../../../shared/places.js";
import { nameOfSweep } from "../../../shared/sweeps.js";
import { connection } from "../../connection.js";
import { addressOfRoom } from "../../router.js";
import { CommandLine } from "../../ui/command-line.js";
import { Problem } from "../../ui/problem.js";
import { Costs, Curves, Mattered } from "./charts.js";
import { Compare } from "./compare.js";
import { SweepForm } from "./form.js";
import { jobOf, resume, resumeWords, stop } from "./form-store.js";
import { LeaderboardTable } from "./leaderboard.js";
import { addressOfPage, chosen, entries, problem, sweep, watch } from "./store.js";
import "./sweeps.css";

export default function SweepsRoom() {
  const isServed = connection.value.kind === "server";
  useEffect(() => (isServed ? watch() : undefined), [isServed]);
  if (!isServed) return <p class="card quiet">Sweeps lie in a folder on a machine: phinets studio there shows them.</p>;
  const shown = sweep.value;
  return (
    <div class="room sweeps">
      <section class="card" aria-labelledby="sweeps-title">
        <h1 id="sweeps-title">Sweeps</h1>
        {problem.value && <Problem error={problem.value} />}
        <Picker />
        {shown && (
          <>
            <p class="quiet" role="status">
              {shown.running ? "It runs: " : ""}
              {formatCount(shown.board.rows.length)} {shown.partial ? "trainings so far" : "settings"}, by{" "}
              {shown.board.objective} on the validation pictures.
            </p>
            <LeaderboardTable board={shown.board} id={shown.id} />
            {shown.hasPage && (
              <p class="actions">
                <a class="button" href={addressOfPage(shown.id)} target="_blank" rel="noreferrer">
                  Open sweep.html
                </a>
              </p>
            )}
          </>
        )}
        <Work />
      </section>
      <details class="card wide" open={entries.value?.length === 0}>
        <summary>Start a sweep</summary>
        <SweepForm />
      </details>
      {shown && shown.board.rows.length > 0 && (
        <>
          <section class="card charts" aria-labelledby="sweeps-costs">
            <h2 id="sweeps-costs">Accuracy and cost</h2>
            <p class="quiet">On the line: settings that no other beats. A point shows its row and its curve.</p>
            <Costs board={shown.board} />
          </section>
          <section class="card charts" aria-labelledby="sweeps-curves">
            <h2 id="sweeps-curves">Over the epochs</h2>
            <Curves board={shown.board} curves={shown.curves} />
          </section>
          <section class="card" aria-labelledby="sweeps-mattered">
            <h2 id="sweeps-mattered">Which option mattered</h2>
            <Mattered board={shown.board} />
          </section>
        </>
      )}
      <section class="card" aria-labelledby="sweeps-compare">
        <h2 id="sweeps-compare">Compare runs</h2>
        <Compare />
      </section>
    </div>
  );
}

/** Controls of the open sweep: its progress, stop and resume. */
function Work() {
  const id = chosen.value;
  if (id === undefined) return null;
  const job = jobOf(id);
  const shown = sweep.value;
  const isOurs = job?.state === "running";
  const sweepName = nameOfSweep(id);
  const isIdle = shown !== undefined && !shown.running && !isOurs;
  return (
    <>
      {isOurs && shown === undefined && <p class="quiet">Starting…</p>}
      {job?.state === "failed" && job.error && <Problem error={new Error(job.error.message)} />}
      {isOurs && (
        <p class="actions">
          <button type="button" onClick={() => void stop(job.id)}>
            Stop
          </button>
        </p>
      )}
      {isIdle && shown.canResume && sweepName !== undefined && (
        <>
          <p class="actions">
            <button type="button" class={shown.partial ? "main" : undefined} onClick={() => void resume(id)}>
              {shown.partial ? "Go on" : "Run again"}
            </button>
          </p>
          <CommandLine words={resumeWords(sweepName)} />
        </>
      )}
    </>
  );
}

function Picker() {
  const id = useId();
  const list = entries.value;
  if (list === undefined) return null;
  if (list.length === 0) return <p class="quiet">No sweep is in this folder yet.</p>;
  return (
    <p class="actions">
      <label for={id}>Sweep</label>
      <select
        id={id}
        value={sweep.value?.id}
        onChange={({ currentTarget }) => {
          location.hash = addressOfRoom("sweeps", currentTarget.value);
        }}
      >
        {list.map((each) => (
          <option key={each.id} value={each.id}>
            {titleOf(each.id)} ({each.running ? "runs" : each.done ? "done" : "stopped"})
          </option>
        ))}
      </select>
    </p>
  );
}
