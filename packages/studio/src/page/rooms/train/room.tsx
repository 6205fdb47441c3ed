/** The room Train: starts, shows, pauses and compares trainings, whether started in this page or in a terminal. */
import { useEffect } from "preact/hooks";
import { type RunDetail, type RunEntry, resumeWords, runName, runPictures } from "../../../shared/runs.js";
import { addressOf } from "../../api.js";
import { connection } from "../../connection.js";
import { CommandLine } from "../../ui/command-line.js";
import { type Curve, LineChart } from "../../ui/line-chart.js";
import { OpenFiles } from "../../ui/open-files.js";
import { Problem } from "../../ui/problem.js";
import { saveFile } from "../../ui/save.js";
import { TrainForm } from "./form.js";
import { isInPage, pageRuns } from "./page-runs.js";
import { RunTable } from "./runs.js";
import { begin, chosen, details, problem, runs, use } from "./store.js";
import "./train.css";

export default function TrainRoom() {
  useEffect(() => void begin(), []);
  return (
    <div class="room train">
      <section class="card side" aria-labelledby="train-title">
        <h1 id="train-title">Training</h1>
        {problem.value && <Problem error={problem.value} />}
        <OpenFiles
          onOpen={(source) => void use(source)}
          onError={(error) => {
            problem.value = error;
          }}
        />
        <TrainForm />
      </section>
      <section class="card" aria-labelledby="train-runs">
        <h2 id="train-runs">Runs</h2>
        <RunTable />
      </section>
      <Compared />
      <Focused />
    </div>
  );
}

/** The curves of all selected runs. */
function Compared() {
  const shown = chosen.value.flatMap((id) => runs.value.find((run) => run.id === id) ?? []);
  if (shown.length === 0) return null;
  const figure = shown.every(({ task }) => task === "classify") ? "top1" : "AP50";
  return (
    <section class="card" aria-label="Curves">
      <div class="charts">
        <LineChart title="Loss" curves={shown.map((run) => curveOf(run, "loss"))} />
        <LineChart title={figure === "top1" ? "top-1" : "AP50"} curves={shown.map((run) => curveOf(run, figure))} />
      </div>
    </section>
  );
}

function curveOf(run: RunEntry, figure: string): Curve {
  const { rows = [] } = details.value.get(run.id) ?? {};
  return {
    name: runName(run),
    points: rows.flatMap((row) => (figure in row ? [[row.epoch, row[figure]] as const] : [])),
  };
}

/** Pictures and details of the run selected last. */
function Focused() {
  const run = runs.value.find(({ id }) => id === chosen.value.at(-1));
  if (run === undefined) return null;
  const { value } = connection;
  const detail = details.value.get(run.id);
  return (
    <section class="card" aria-labelledby="train-run">
      <h2 id="train-run">{runName(run)}</h2>
      {run.message && <Problem error={run.message} />}
      {run.weightsSha256 && (
        <p class="quiet">
          weights <code class="digest">{run.weightsSha256}</code>
        </p>
      )}
      {detail?.warnings.map((warning) => (
        <p key={warning} class="quiet">
          {warning}
        </p>
      ))}
      {isInPage(run.id) && <InPage id={run.id} />}
      {run.resumable && value.kind === "server" && !isInPage(run.id) && (
        <CommandLine words={resumeWords(run.path, value.session.project)} />
      )}
      {detail && detail.rows.length > 0 && !isInPage(run.id) && (
        <p class="actions">
          <a class="button" href={addressOf("runs/file", { run: run.id, name: "results.csv" })} download="results.csv">
            Save results.csv
          </a>
          <a
            class="button"
            href={addressOf("runs/file", { run: run.id, name: "network.json" })}
            download="network.json"
          >
            Save network.json
          </a>
        </p>
      )}
      {detail && <Pictures run={run} detail={detail} />}
    </section>
  );
}

function Pictures({ run, detail }: { readonly run: RunEntry; readonly detail: RunDetail }) {
  return (
    <div class="shots">
      {detail.pictures.map((name) => (
        <figure key={name}>
          <figcaption>{runPictures[name]}</figcaption>
          <img
            src={addressOf("runs/file", { run: run.id, name, at: run.stamp })}
            alt={`${runPictures[name]}, ${runName(run)}`}
            loading="lazy"
          />
        </figure>
      ))}
    </div>
  );
}

/** The results to save of a training in the page. */
function InPage({ id }: { readonly id: string }) {
  const { reading, network, weights } = pageRuns.value.get(id) ?? {};
  return (
    <>
      {reading && (
        <p role="status">
          reading picture {reading.done} of {reading.total}
        </p>
      )}
      {weights && (
        <p class="actions">
          <button type="button" onClick={() => saveFile("best.safetensors", weights, "application/octet-stream")}>
            Save best.safetensors
          </button>
          <button type="button" onClick={() => saveFile("network.json", `${JSON.stringify(network, undefined, 1)}\n`)}>
            Save network.json
          </button>
        </p>
      )}
    </>
  );
}
