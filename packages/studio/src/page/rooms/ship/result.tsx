/** Result of a run: figures of each form, the proof, and its files. */
import { formatBytes, formatCount, formatMacs, formatMs, formatPercent } from "@phinets/node/text";
import type { ShipFigures, ShipRun } from "../../../shared/ship.js";
import { addressOf } from "../../api.js";

type Result = NonNullable<ShipRun["result"]>;

const columns = {
  detect: ["AP50", "AP", "precision", "recall"],
  classify: ["top1", "top5"],
} as const;

export function Result({ run, result }: { readonly run: ShipRun; readonly result: Result }) {
  const { evaluation, network, artefacts } = result;
  const forms = (["float", "int8", "firmware"] as const).flatMap((name) => {
    const figures = evaluation[name];
    return figures === undefined ? [] : [{ name, figures }];
  });
  const names = columns[evaluation.float.task];
  return (
    <>
      <table class="figures">
        <caption class="hidden">Figures on the {evaluation.split} pictures</caption>
        <thead>
          <tr>
            <th scope="col">{evaluation.split}</th>
            {names.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col">pictures</th>
          </tr>
        </thead>
        <tbody>
          {forms.map(({ name, figures }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {names.map((metric) => (
                <td key={metric}>{shown(figures, metric)}</td>
              ))}
              <td>{formatCount(figures.images)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Proof result={result} />
      <dl class="pairs">
        <dt>Network</dt>
        <dd>
          {formatCount(network.parameters)} parameters, {formatMacs(network.macs)}
        </dd>
        <dt>Time a frame</dt>
        <dd>
          {formatMs(network.latencyMs[0])} to {formatMs(network.latencyMs[1])}, planned
        </dd>
        {"leftOut" in result.emulate || (
          <>
            <dt>On the board</dt>
            <dd>
              RAM {formatBytes(result.emulate.arenaBytes)}, flash {formatBytes(result.emulate.flashBytes)},{" "}
              {formatCount(result.emulate.instructions)} instructions a frame
            </dd>
          </>
        )}
      </dl>
      <p class="actions">
        <a class="button" href={addressOf("ship/firmware.zip", { run: run.id })} download>
          Firmware as .zip
        </a>
        {run.hasReport && (
          <a class="button" href={addressOf("ship/report", { run: run.id })} target="_blank" rel="noreferrer">
            Open the report
          </a>
        )}
      </p>
      <details>
        <summary>{formatCount(artefacts.length)} files</summary>
        <ul class="files">
          {artefacts.map(({ file, bytes, sha256 }) => (
            <li key={file}>
              <a href={addressOf("ship/file", { run: run.id, file })} download title={`SHA-256 ${sha256}`}>
                {file}
              </a>{" "}
              <span class="quiet">{formatBytes(bytes)}</span>
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

function shown(figures: ShipFigures, metric: string): string {
  const value = figures[metric];
  if (typeof value !== "number" || value < 0) return "–";
  return metric.startsWith("top") ? formatPercent(value, 2) : value.toFixed(3);
}

function Proof({ result: { emulate, track } }: { readonly result: Result }) {
  if ("leftOut" in emulate) return <p class="quiet">The firmware was left out: {emulate.leftOut}</p>;
  const tracked = track?.firmware;
  const tracks =
    tracked === undefined || "leftOut" in tracked
      ? ""
      : tracked.tracksMatch
        ? ` Its tracks of ${formatCount(tracked.frames)} frames are the library's.`
        : " Its TRACKS DIFFER from the library's.";
  const proven = emulate.matchesInterpreter && emulate.target.fits;
  return (
    <p class={proven ? "verdict" : "verdict over"}>
      {emulate.matchesInterpreter
        ? `Every output byte of ${formatCount(emulate.images)} pictures is the interpreter's, on the ${emulate.machine}.`
        : `${formatCount(emulate.differingBytes)} output bytes differ on the ${emulate.machine}.`}
      {!emulate.target.fits && ` It does not fit ${emulate.target.name}.`}
      {tracks}
    </p>
  );
}
