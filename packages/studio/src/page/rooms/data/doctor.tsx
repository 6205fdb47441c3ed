/** The doctor's findings; each one shows its pictures. */
import { formatCount } from "@phinets/node/text";
import { CommandLine } from "../../ui/command-line.js";
import { type Finding, picturesOf } from "./findings.js";
import { catalogue, examination, examine, filter, source } from "./store.js";

/** Further findings are counted, not listed. */
const mostListed = 200;

export function Doctor() {
  const set = catalogue.value!;
  const state = examination.value;
  const path = source.value?.commandPath(set.path);
  const { findings } = state ?? {};
  if (set.classes.length === 0)
    return (
      <>
        <h2>Doctor</h2>
        <p class="quiet">These are pictures alone; it examines labels. Draw some boxes first.</p>
      </>
    );
  return (
    <>
      <h2>Doctor</h2>
      {state === undefined && (
        <p class="actions">
          <button type="button" onClick={() => void examine()}>
            Examine every picture
          </button>
        </p>
      )}
      {state?.stop && state.report === undefined && (
        <p class="actions" role="status">
          <progress max={Math.max(1, state.total)} value={state.done} aria-label="Pictures read" />
          {formatCount(state.done)} of {formatCount(state.total)}
          <button type="button" onClick={state.stop}>
            Stop
          </button>
        </p>
      )}
      {findings && (
        <p role="status">{findings.length === 0 ? "Nothing is wrong." : `${formatCount(findings.length)} findings`}</p>
      )}
      {findings && findings.length > 0 && <Kinds findings={findings} />}
      {findings && findings.length > 0 && (
        <ul class="findings">
          {findings.slice(0, mostListed).map((finding) => (
            <li key={`${finding.kind} ${finding.files.join(" ")} ${finding.text}`}>
              <FindingRow finding={finding} />
            </li>
          ))}
        </ul>
      )}
      {path !== undefined && <CommandLine words={["phinets", "doctor", path]} />}
    </>
  );
}

/** Filters for all pictures with findings of one kind. */
function Kinds({ findings }: { readonly findings: readonly Finding[] }) {
  const kinds = [...new Set(findings.map(({ kind }) => kind))];
  return (
    <p class="actions">
      {kinds.map((kind) => {
        const own = findings.filter((finding) => finding.kind === kind);
        const show = () => {
          const files = own.flatMap((finding) => finding.files);
          filter.value = { only: [...new Set(picturesOf(files, catalogue.value!))] };
        };
        return (
          <button key={kind} type="button" onClick={show}>
            all {formatCount(own.length)}: {kind}
          </button>
        );
      })}
    </p>
  );
}

function FindingRow({ finding: { kind, text, files } }: { readonly finding: Finding }) {
  const only = picturesOf(files, catalogue.value!);
  const show = () => {
    filter.value = { only };
  };
  return (
    <button type="button" disabled={only.length === 0} onClick={show}>
      <b>{kind}</b> {text}
    </button>
  );
}
