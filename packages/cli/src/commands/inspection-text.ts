/** An inspection for people. */
import type { Inspection } from "@phinets/core/cost";
import { type Network, networkSummary } from "@phinets/core/networks";
import { formatBytes, formatCount, formatMacs, formatMs, formatPercent } from "../terminal/format.js";
import { formatPairs, formatTable } from "../terminal/table.js";

/** `layers`: one line a layer too. */
export function inspectionText(network: Network, json: Inspection, layers = false): string {
  const { height, width, channels } = network.input;
  const size = (shape: readonly number[]): string => shape.join("x");
  const parts = [
    formatPairs([
      [network.family, networkSummary(network)],
      ["input", `${height}x${width}x${channels}`],
      ["output", `${size(json.output)} (${network.head.kind === "none" ? "features" : network.head.kind})`],
      ["parameters", formatCount(json.parameters)],
      ["MACs", `${formatCount(json.macs)} (${formatMacs(json.macs)})`],
      ["weights", `${formatBytes(json.weightsBytes)} of int8 network in flash`],
      [
        "arena",
        `${formatBytes(json.arenaBytes)} of activations in RAM; ${json.arenaBytes === json.arenaLowerBoundBytes ? "that many are alive at once" : `${formatBytes(json.arenaLowerBoundBytes)} are alive at once`}, ${formatBytes(json.arenaUnplannedBytes)} without a plan`,
      ],
    ]),
    formatTable(
      ["block", "input", "hidden", "output", "kernel", "stride", "skip"],
      json.blocks.map((block) => [
        block.id,
        size(block.input),
        block.hidden,
        size(block.output),
        `${block.kernel}x${block.kernel}`,
        block.stride,
        block.skip ? "yes" : "",
      ]),
    ),
  ];
  if (layers)
    parts.push(
      formatTable(
        ["layer", "op", "output", "parameters", "MACs"],
        json.layers.map((layer) => [
          layer.name,
          layer.op,
          size(layer.output),
          formatCount(layer.parameters),
          formatCount(layer.macs),
        ]),
      ),
    );
  const { target } = json;
  if (target !== undefined) {
    const share = (used: number, of: number): string =>
      `${formatBytes(used)} of ${formatBytes(of)} (${formatPercent(used / of)})${used > of ? `, ${formatBytes(used - of)} too much` : ""}`;
    const [low, high] = target.latencyMs;
    const [lowMj, highMj] = target.energyBandMj;
    const { flash, ram, atPower } = target;
    if (layers)
      parts.push(
        formatTable(
          ["runs", "op", "output", { title: "address", align: "right" }, "bytes", "instructions", "ms", "mJ"],
          target.layers.map((layer) => [
            layer.name,
            layer.op,
            size(layer.output),
            `0x${layer.address.toString(16).padStart(8, "0")}`,
            formatCount(layer.bytes),
            formatCount(layer.instructions),
            bandText(layer.latencyMs),
            bandText(layer.energyMj),
          ]),
        ),
      );
    parts.push(
      formatPairs([
        [target.name, target.fits ? "fits" : "does not fit"],
        ["RAM", share(target.ramBytes, target.ramBudgetBytes)],
        ["flash", share(target.flashBytes, target.flashBudgetBytes)],
        ["latency", `${formatMs(low)} to ${formatMs(high)}, estimated`],
        ["energy", `${lowMj.toFixed(1)} to ${highMj.toFixed(1)} mJ an inference, estimated`],
        ...(atPower === undefined ? [] : [["power", powerText(atPower)] as const]),
      ]),
      formatPairs([
        ["weights", formatCount(flash.weights.weights)],
        ["biases", formatCount(flash.weights.biases)],
        ["requantisation", formatCount(flash.weights.requantization)],
        ["look-up tables", formatCount(flash.weights.tables)],
        ["layers", formatCount(flash.descriptions)],
        ...(flash.follower > 0 ? [["detect, track", formatCount(flash.decoder + flash.follower)] as const] : []),
        ["kernels", formatCount(flash.kernels)],
        ["program", formatCount(flash.program)],
        [
          "flash, bytes",
          `${formatCount(flash.total)} of the linked image${flash.measured ? ", within 1 %" : "; the core was not measured: another's code sizes"}`,
        ],
      ]),
      formatPairs([
        ["arena", `${formatCount(ram.arena)}, the input's ${formatCount(ram.input)} among them`],
        ["output", formatCount(ram.output)],
        ...(ram.follower > 0 ? [["boxes, tracks", formatCount(ram.follower)] as const] : []),
        ["stack", formatCount(ram.stack)],
        ["RAM, bytes", formatCount(ram.total)],
      ]),
    );
  }
  return parts.join("\n\n");
}

/** Three digits of both ends. */
function bandText([low, high]: readonly [number, number]): string {
  return high === 0 ? "" : `${low.toPrecision(3)} to ${high.toPrecision(3)}`;
}

/** What a power budget allows, in words. */
export function powerText({
  powerMw,
  framesPerSecond: [low, high],
}: NonNullable<NonNullable<Inspection["target"]>["atPower"]>) {
  if (high === 0) return `${powerMw} mW do not even pay for sleeping`;
  return `${low.toPrecision(3)} to ${high.toPrecision(3)} frames a second at ${powerMw} mW, asleep in between, estimated`;
}
