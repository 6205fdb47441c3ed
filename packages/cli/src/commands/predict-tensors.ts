/** `phinets predict --tensor`: runs a run's network on raw int8 inputs. */
import { join } from "node:path";
import { IntegerEngine } from "@phinets/core/inference";
import { classNames } from "@phinets/core/networks";
import { dequantizeOutput } from "@phinets/core/quantization";
import { PhinetsError } from "@phinets/core/tensor";
import type { Context } from "../terminal/context.js";
import { readTensors } from "./tensor-input.js";

interface TensorOptions {
  readonly model: string;
  readonly tensor: string;
  readonly project: string;
  readonly name?: string;
  readonly existOk?: boolean;
  readonly save?: string | false;
}

/** Values of an output to print; the files have all. */
const shown = 8;

interface Record {
  readonly index: number;
  /** The network's int8 outputs, one array per output. */
  readonly outputs: readonly (readonly number[])[];
  /** The dequantised values of all outputs, concatenated. */
  readonly values: readonly number[];
  readonly class?: string;
}

/**
 * Prints a line per input; writes outputs.bin (int8, all outputs of one input after the other, then the next input) and
 * predictions.json.
 */
export async function predictTensors(options: TensorOptions, context: Context): Promise<void> {
  const [{ createRunFolder, loadRun, requireQuantized }, { writeFileAtomic }] = await Promise.all([
    import("@phinets/node/run"),
    import("@phinets/node/host"),
  ]);
  if (typeof options.save === "string")
    throw new PhinetsError("cli.usage", `--save ${options.save} is only for pictures; --tensor writes outputs.bin`);
  const run = loadRun(options.model);
  const quantized = requireQuantized(run);
  const inputs = readTensors(options.tensor, run.network);
  const engine = new IntegerEngine(quantized);
  const { head } = run.network;
  // A detector's values are not class scores.
  const names = head.kind === "classifier" ? classNames(head) : [];
  const bytes: Int8Array[] = [];
  const records = inputs.map((input, index): Record => {
    context.signal.throwIfAborted();
    const outputs = engine.run(input);
    bytes.push(...outputs.map((output) => output.slice()));
    const [first, ...others] = outputs.map((output, i) => Array.from(dequantizeOutput(quantized, output, i)));
    const best = first.indexOf(Math.max(...first));
    return {
      index,
      outputs: outputs.map((output) => [...output]),
      values: [first, ...others].flat(),
      ...(names.length > 0 && { class: names[best] }),
    };
  });
  const { project, name, existOk } = options;
  const folder =
    options.save === false
      ? undefined
      : createRunFolder({ project, task: "predict", name, defaultName: "predict", existOk });
  if (folder !== undefined) {
    writeFileAtomic(join(folder, "outputs.bin"), Buffer.concat(bytes.map((output) => Buffer.from(output))));
    writeFileAtomic(join(folder, "predictions.json"), `${JSON.stringify(records)}\n`);
  }
  context.result(context.json ? records : undefined, () => {
    const several = quantized.graph.outputs.length > 1;
    const lines = records.flatMap(({ index, outputs, values, class: label }) => {
      let at = 0;
      return outputs.map(({ length }, i) => {
        const first = values.slice(at, at + Math.min(length, shown)).map((value) => value.toPrecision(4));
        at += length;
        const of = several ? `${quantized.graph.outputs[i]}  ` : "";
        const named = label === undefined || i > 0 ? "" : `${label}  `;
        return `${index}  ${of}${named}${first.join(" ")}${length > shown ? " ..." : ""}`;
      });
    });
    return [...lines, ...(folder ? ["", `written to ${folder}`] : [])].join("\n");
  });
}
