/** Saves frames of a clip in the folder as pictures for labelling. */
import { useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import type { Job } from "../../../shared/events.js";
import type { WrittenFrames } from "../../../shared/labels.js";
import { get, post, remove } from "../../api.js";
import { connection, jobEnd, jobs } from "../../connection.js";
import { Problem } from "../../ui/problem.js";
import { catalogue, reload } from "./store.js";

export function Frames() {
  const [clips, clip, every] = [useSignal<readonly string[]>([]), useSignal(""), useSignal(5)];
  const [running, done, problem] = [
    useSignal<number | undefined>(undefined),
    useSignal(""),
    useSignal<unknown>(undefined),
  ];
  const [first, second] = [useId(), useId()];
  const isServed = connection.value.kind === "server";
  useEffect(() => {
    if (!isServed) return;
    get<readonly string[]>("labels/clips").then(
      (found) => {
        clips.value = found;
        clip.value = found[0] ?? "";
      },
      (error) => {
        problem.value = error;
      },
    );
  }, [isServed, clips, clip, problem]);
  if (clips.value.length === 0 && problem.value === undefined) return null;
  const take = async (event: Event) => {
    event.preventDefault();
    problem.value = undefined;
    done.value = "";
    try {
      const query = { set: catalogue.value?.path ?? "", clip: clip.value, every: every.value };
      const { id } = await post<Job>("labels/frames", { query });
      running.value = id;
      await jobEnd(id);
      const { count, folder } = await get<WrittenFrames>(`jobs/${id}`);
      done.value = `${count} pictures written into ${folder}`;
    } catch (error) {
      problem.value = error;
    }
    running.value = undefined;
    await reload();
  };
  const job = running.value === undefined ? undefined : jobs.value.get(running.value);
  return (
    <form onSubmit={take}>
      <h2>Frames of a clip</h2>
      {problem.value !== undefined && <Problem error={problem.value} />}
      <div class="actions">
        <label for={first} class="hidden">
          Clip
        </label>
        <select
          id={first}
          value={clip.value}
          onChange={({ currentTarget }) => {
            clip.value = currentTarget.value;
          }}
        >
          {clips.value.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
        <label for={second}>every</label>
        <input
          id={second}
          type="number"
          min={1}
          max={100000}
          value={every.value}
          onInput={({ currentTarget }) => {
            every.value = Math.max(1, Math.round(currentTarget.valueAsNumber) || 1);
          }}
        />
        {running.value === undefined && <button type="submit">Take frames</button>}
      </div>
      {job && running.value !== undefined && (
        <p class="actions">
          <progress max={Math.max(1, job.total)} value={job.done} aria-label="Frames read" />
          <button type="button" onClick={() => void remove(`jobs/${job.id}`)}>
            Stop
          </button>
        </p>
      )}
      <p role="status">{done.value}</p>
    </form>
  );
}
