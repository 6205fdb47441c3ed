// node mlflow.mjs [RUN] [SERVER]: a run's events.jsonl in MLflow, by its REST API. RUN "-": stdin.
import { createReadStream } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

const [run = "runs/detect/train", server = "http://127.0.0.1:5000"] = process.argv.slice(2);

async function call(path, body) {
  const response = await fetch(`${server}/api/2.0/mlflow/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(`${path}: ${answer.message}`), { code: answer.error_code });
  return answer;
}

async function experimentOf(name) {
  try {
    return (await call(`experiments/get-by-name?experiment_name=${name}`)).experiment.experiment_id;
  } catch (error) {
    if (error.code !== "RESOURCE_DOES_NOT_EXIST") throw error;
    return (await call("experiments/create", { name })).experiment_id;
  }
}

/** As metrics of a log-batch; what is not a number (null) is left out. */
const metricsOf = (values, prefix, step, timestamp) =>
  Object.entries(values).flatMap(([name, value]) =>
    value === null ? [] : [{ key: `${prefix}${name}`, value, step, timestamp }],
  );

let run_id;
for await (const line of createInterface(run === "-" ? process.stdin : createReadStream(join(run, "events.jsonl")))) {
  const event = JSON.parse(line);
  const timestamp = Date.parse(event.time);
  if (event.event === "started" && run_id === undefined) {
    const experiment_id = await experimentOf("phinets");
    const created = { experiment_id, run_name: basename(event.run), start_time: timestamp };
    run_id = (await call("runs/create", created)).run.info.run_id;
    const params = Object.entries(event.recipe).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
    await call("runs/log-batch", { run_id, params });
  }
  if (event.event === "epoch") {
    const { epoch, losses, learningRate } = event;
    await call("runs/log-batch", {
      run_id,
      metrics: metricsOf({ ...losses, learningRate }, "train/", epoch, timestamp),
    });
  }
  if (event.event === "validation")
    await call("runs/log-batch", { run_id, metrics: metricsOf(event.metrics, "val/", event.epoch, timestamp) });
  if (event.event === "finished" || event.event === "stopped") {
    const status = event.event === "finished" ? "FINISHED" : "KILLED";
    await call("runs/update", { run_id, status, end_time: timestamp });
  }
}
