/** What a command is given: where to write, how to say how far it is, and when to stop. */

import { visible } from "@phinets/node/text";
import { makeColours, wantsColours } from "./colours.js";
import { makeProgress } from "./progress.js";
export function makeContext(options) {
  const { json, stdout, stderr, signal } = options;
  const context = {
    json,
    stdout,
    stderr,
    signal,
    colours: makeColours(wantsColours(stdout)),
    document: undefined,
    exitCode: 0,
    progress: (progressOptions) => makeProgress(stderr, progressOptions),
    note: (line) => {
      stderr.write(`${visible(line)}\n`);
    },
    result: (document, text) => {
      if (context.document !== undefined) throw new Error("a command gives one result");
      context.document = document;
      if (!json) {
        const lines = text();
        stdout.write(lines.endsWith("\n") ? lines : `${lines}\n`);
      }
    },
  };
  return context;
}
//# sourceMappingURL=context.js.map
