/**
 * Shows where boxes are saved without a server: in the picked folder's files, or in this browser until they are
 * downloaded.
 */
import { formatCount } from "@phinets/node/text";
import { useSignal } from "@preact/signals";
import { connection } from "../../connection.js";
import { Problem } from "../../ui/problem.js";
import { catalogue, reload, source } from "./store.js";

export function Kept() {
  const problem = useSignal<unknown>(undefined);
  const labels = source.value?.labels;
  if (connection.value.kind !== "static" || labels === undefined || catalogue.value?.task !== "detect") return null;
  const { kept } = labels;
  if (kept === undefined) return <p class="quiet">Boxes are saved into the folder's own files.</p>;
  const [count, outdated] = [kept.count.value, kept.outdated.value];
  if (count === 0) return <p class="quiet">Boxes are kept in this browser until you save them as a .zip.</p>;
  const download = async () => {
    problem.value = undefined;
    try {
      await kept.download();
    } catch (error) {
      problem.value = error;
    }
  };
  const discard = async () => {
    if (!confirm(`Give up what was drawn, ${count} label ${count === 1 ? "file" : "files"}?`)) return;
    await kept.discard();
    await reload();
  };
  return (
    <>
      {problem.value !== undefined && <Problem error={problem.value} />}
      <p role="status">
        {formatCount(count)} label {count === 1 ? "file is" : "files are"} kept in this browser, and nowhere else.
        {outdated > 0 && ` Of ${formatCount(outdated)} the set has another by now, which is not shown.`}
      </p>
      <p class="actions">
        <button type="button" onClick={() => void download()}>
          Save labels…
        </button>
        <button type="button" onClick={() => void discard()}>
          Give up…
        </button>
      </p>
    </>
  );
}
