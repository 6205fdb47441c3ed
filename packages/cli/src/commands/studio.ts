/** `phinets studio`: serves the studio's page for a folder and opens it. */
import { spawn } from "node:child_process";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";
import { ownProgram } from "./own-program.js";
import { groups, json, project } from "./shared-options.js";

interface StudioCommandOptions {
  readonly port?: number;
  readonly host?: string;
  readonly open: boolean;
  readonly project: string;
}

const definition: VerbDefinition = {
  name: "studio",
  description:
    "Serves a web page for a folder of data sets and runs until Ctrl-C, reachable only from this machine unless you give --host. Each button of the page runs a phinets command and shows it. Works offline; nothing leaves the machine.",
  arguments: [
    {
      name: "[folder]",
      help: "folder to open (default: the current folder); nothing outside it is read",
      completes: "path",
    },
  ],
  examples: [
    ["phinets studio", "open the current folder"],
    ["phinets studio my-parts --port 8080 --no-open", "print the address, open no browser"],
  ],
  options: [
    {
      flags: "--port <n>",
      help: "port to listen at",
      group: groups.machine,
      parse: integer(0, 65535),
      usual: "any free port",
    },
    {
      flags: "--host <address>",
      help: "listen at this address instead, so that other machines can reach it; anyone with the page's URL has access to the folder",
      group: groups.machine,
      usual: "only loopback",
    },
    { flags: "--no-open", help: "only print the page's address, do not open a browser", group: groups.machine },
    project,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (folder: string | undefined, options: StudioCommandOptions) => {
    const { startStudio } = await import("@phinets/studio");
    const { port, host, open, project } = options;
    const studio = await startStudio({ folder: folder ?? ".", port, host, project, phinets: ownProgram });
    try {
      const { url } = studio;
      if (context.json) context.stdout.write(`${JSON.stringify({ url, port: studio.port })}\n`);
      else context.stdout.write(`${url}\n`);
      context.note("serving the page until Ctrl-C");
      if (open && context.stdout.isTTY) openBrowser(url);
      await interrupted(context.signal);
    } finally {
      await studio.close();
    }
  });
}

function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** Without a browser, the printed address has to do. */
function openBrowser(url: string): void {
  const [program, ...words] = openers[process.platform] ?? ["xdg-open"];
  const child = spawn(program, [...words, url], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}
