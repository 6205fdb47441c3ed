/** The room Ship: labelled pictures and a board in, proven firmware out, step by step. */
import { useEffect } from "preact/hooks";
import { titleOf } from "../../../shared/places.js";
import { connection } from "../../connection.js";
import { route } from "../../router.js";
import { MemoryMap } from "../../ui/memory-map.js";
import { Problem } from "../../ui/problem.js";
import { Chain } from "./chain.js";
import { Form } from "./form.js";
import { Result } from "./result.js";
import { addressOfRun, jobOf, list, memory, problem, run, watch } from "./store.js";
import "./ship.css";

export default function ShipRoom() {
  const isServed = connection.value.kind === "server";
  useEffect(() => (isServed ? watch() : undefined), [isServed]);
  if (!isServed)
    return <p class="card quiet">Training and compilers need a machine: phinets studio on yours has this room.</p>;
  const shown = run.value;
  const id = route.value.rest;
  return (
    <div class="room ship">
      <section class="card ask" aria-labelledby="ship-title">
        <h1 id="ship-title">Ship</h1>
        {problem.value && <Problem error={problem.value} />}
        <Form />
        <Runs id={id} />
      </section>
      <section class="card steps" aria-labelledby="ship-run">
        <h2 id="ship-run">{id === "" ? "No run is chosen" : titleOf(id)}</h2>
        {shown && shown.steps.length === 0 && <p class="quiet">Starting…</p>}
        {shown && <Chain run={shown} />}
        {shown === undefined && id !== "" && <StartProblem id={id} />}
      </section>
      {shown?.result && (
        <section class="card outcome" aria-labelledby="ship-result">
          <h2 id="ship-result">What came out</h2>
          <Result run={shown} result={shown.result} />
        </section>
      )}
      {memory.value && shown && (
        <section class="card map" aria-labelledby="ship-memory">
          <h2 id="ship-memory">Working memory over time</h2>
          <MemoryMap svg={memory.value} />
        </section>
      )}
    </div>
  );
}

/** The error of a run that failed before its folder was made. */
function StartProblem({ id }: { readonly id: string }) {
  const job = jobOf(id);
  return job?.state === "failed" && job.error ? <Problem error={new Error(job.error.message)} /> : null;
}

function Runs({ id }: { readonly id: string }) {
  const runs = list.value?.runs ?? [];
  if (runs.length === 0) return null;
  return (
    <>
      <h2>Runs</h2>
      <ul class="runs">
        {runs.map((each) => (
          <li key={each.id}>
            <a href={addressOfRun(each.id)} aria-current={each.id === id ? "true" : undefined}>
              {titleOf(each.id)}
            </a>{" "}
            <span class="quiet">{each.running ? "running" : each.done ? "done" : "stopped"}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
