/** Server functions of the room Try: runs the firmware, and saves a frame into a data set for labelling. */
import { PhinetsError } from "@phinets/core/tensor";
import { loadRun, requireQuantized } from "@phinets/node/run";
import { firmwareOutputs } from "@phinets/node/steps";
import { targetOf } from "@phinets/node/target";
import { Hono } from "hono";
import type { Routes } from "../app.js";
import { saveFrame } from "../frames.js";
import { textOf } from "../request.js";

export const tryRoutes: Routes = ({ runs, jobs, datasets }) =>
  new Hono()
    /** The body is a picture as the network's input, `[height, width, channels]` bytes. */
    .post("/firmware", async (context) => {
      const id = textOf(context, "run");
      const run = loadRun(runs.place(id));
      const quantized = requireQuantized(run);
      const { height, width, channels } = run.network.input;
      const data = new Uint8Array(await context.req.arrayBuffer());
      if (data.length !== height * width * channels)
        throw new PhinetsError(
          "studio.request",
          `the picture has ${data.length} bytes; the network takes ${height} x ${width} x ${channels}`,
        );
      const source = { length: 1, at: () => ({ picture: { height, width, channels, data } }) };
      const job = jobs.start("firmware", id, async ({ signal }) => {
        const target = targetOf(run.folder, undefined);
        const { outputs, emulation } = await firmwareOutputs(quantized, run.network, source, { signal, target });
        const { machine, instructions, latencyMs } = emulation;
        return { output: Array.from(outputs[0]), machine, instructions, latencyMs };
      });
      return context.json(job);
    })
    /** The body is a PNG. */
    .post("/frame", async (context) => {
      const png = new Uint8Array(await context.req.arrayBuffer());
      return context.json(await saveFrame(datasets, textOf(context, "set"), png));
    });
