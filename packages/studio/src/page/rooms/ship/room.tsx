/** Ship: labelled pictures and a board in, proven firmware out, step by step. */
import { useEffect } from "preact/hooks";
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
  const path = route.value.rest;
  return (
    <div class="ship">
      <section class="card ask" aria-labelledby="ship-title">
        <h1 id="ship-title">Ship</h1>
        {problem.value && <Problem error={problem.value} />}
        <Form />
        <Runs path={path} />
      </section>
      <section class="card steps" aria-labelledby="ship-run">
        <h2 id="ship-run">{path === "" ? "No run is chosen" : path}</h2>
        {shown && shown.steps.length === 0 && <p class="quiet">Starting…</p>}
        {shown && <Chain run={shown} />}
        {shown === undefined && path !== "" && <StartProblem path={path} />}
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

/** A run that failed before it had a folder. */
function StartProblem({ path }: { readonly path: string }) {
  const job = jobOf(path);
  return job?.state === "failed" && job.error ? <Problem error={new Error(job.error.message)} /> : null;
}

function Runs({ path }: { readonly path: string }) {
  const runs = list.value?.runs ?? [];
  if (runs.length === 0) return null;
  return (
    <>
      <h2>Runs</h2>
      <ul class="runs">
        {runs.map((each) => (
          <li key={each.path}>
            <a href={addressOfRun(each.path)} aria-current={each.path === path ? "true" : undefined}>
              {each.path}
            </a>{" "}
            <span class="quiet">{each.running ? "running" : each.done ? "done" : "stopped"}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
