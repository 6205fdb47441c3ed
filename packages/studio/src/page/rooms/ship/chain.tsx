/** Progress of a run: its steps with their states, and the process that works in it. */
import { formatCount, formatMs } from "@phinets/node/text";
import type { ShipRun } from "../../../shared/ship.js";
import { CommandLine } from "../../ui/command-line.js";
import { Problem } from "../../ui/problem.js";
import { jobOf, resume, resumeCommand, stop } from "./store.js";

const titles: Readonly<Record<string, string>> = {
  fit: "Network for the board",
  train: "Training",
  quantize: "int8",
  export: "TFLite and ONNX",
  evaluate: "Float and int8 on test pictures",
  firmware: "Firmware, proven on the emulated core",
  track: "Tracks of the clip",
  report: "Report",
};

const words = {
  waiting: "waits",
  running: "runs",
  kept: "taken over",
  done: "done",
  stopped: "stopped here",
} as const;

export function Chain({ run }: { readonly run: ShipRun }) {
  const job = jobOf(run.id);
  const ours = job?.state === "running";
  const { holder, progress } = run;
  const idle = holder === undefined && !ours;
  const stopped = idle && run.steps.some(({ state }) => state === "stopped" || state === "waiting");
  return (
    <>
      <ol class="chain">
        {run.steps.map(({ name, state, seconds }) => (
          <li key={name} class={state}>
            <span class="name">{titles[name] ?? name}</span>
            <span class="text">
              {words[state]}
              {seconds !== undefined && (state === "done" || state === "kept") && ` · ${formatMs(1000 * seconds)}`}
            </span>
          </li>
        ))}
      </ol>
      {progress && !idle && (
        <p class="progress" role="status">
          <progress
            {...(progress.total > 0 && { max: progress.total, value: progress.done })}
            aria-label={progress.label}
          />
          {progress.label} {formatCount(progress.done)}
          {progress.total > 0 && ` of ${formatCount(progress.total)}`} {progress.unit} {progress.detail}
        </p>
      )}
      {holder !== undefined && !ours && (
        <p class="quiet" role="status">
          Process {holder.pid} is {holder.work} here; this page looks on.
        </p>
      )}
      {job?.state === "failed" && job.error && <Problem error={new Error(job.error.message)} />}
      <p class="actions">
        {ours && (
          <button type="button" onClick={() => void stop(job.id)}>
            Stop
          </button>
        )}
        {idle && run.canResume && (
          <button type="button" class={stopped ? "main" : undefined} onClick={() => void resume(run.id)}>
            {stopped ? "Go on" : "Ship again"}
          </button>
        )}
      </p>
      {idle && run.canResume && <CommandLine words={resumeCommand(run.id)} />}
    </>
  );
}
