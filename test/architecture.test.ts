import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const core = join(root, "packages/core/src");
const node = join(root, "packages/node/src");

/** A module imports only modules that stand before it in this list. */
const coreRooms = [
  "tensor",
  "graph",
  "networks",
  "target",
  "cost",
  "scaling",
  "sweep",
  "kernels",
  "data",
  "detection",
  "training",
  "quantization",
  "inference",
  "import",
  "tracking",
  "wire",
  "labelling",
  "evaluation",
  "learning",
  "export",
  "model",
];
const nodeRooms = [
  "text",
  "host",
  "files",
  "serial",
  "target",
  "picture",
  "video",
  "dataset",
  "threads",
  "run",
  "firmware",
  "emulator",
  "report",
  "steps",
  "sweep",
];

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter(
      (file) =>
        !/\/assembly(-int8|-resample)?\//.test(file) && !file.includes("/dist/") && !file.includes("/node_modules/"),
    );
}

const imports = (file: string) =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]);

const isSource = (file: string) => !file.endsWith(".test.ts");

describe("architecture", () => {
  const files = sources(core).filter(isSource);

  for (const [name, folder, rooms] of [
    ["core", core, coreRooms],
    ["node", node, nodeRooms],
  ] as const) {
    it(`finds the rooms of ${name} that it watches`, () => {
      const found = readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name);
      expect(
        found.filter((room) => !(rooms as readonly string[]).includes(room)),
        "rooms missing from the list above",
      ).toEqual([]);
      expect(sources(folder).filter(isSource).length).toBeGreaterThan(rooms.length);
    });

    it(`rooms of ${name} import only rooms above them`, () => {
      const place = (room: string) => (rooms as readonly string[]).indexOf(room);
      const upward = sources(folder)
        .filter(isSource)
        .flatMap((file) => {
          const [room] = relative(folder, file).split("/");
          if (place(room) < 0) return [];
          return imports(file).flatMap((target) => {
            const other = /^(?:\.\.\/)+([a-z0-9]+)\//.exec(target)?.[1];
            const wrong = other !== undefined && place(other) > place(room);
            return wrong ? [`${relative(root, file)} imports ${target}`] : [];
          });
        });
      expect(upward).toEqual([]);
    });
  }

  it("the command line leaves pictures, threads and programs to @phinets/node", () => {
    const machine = /^(sharp|node:worker_threads|linkedom|@observablehq\/plot|@resvg\/resvg-js)$/;
    const own = sources(join(root, "packages/cli/src"))
      .filter(isSource)
      .flatMap((file) =>
        imports(file)
          .filter((target) => machine.test(target))
          .map((target) => `${relative(root, file)} imports ${target}`),
      );
    expect(own).toEqual([]);
  });

  it("the studio's page is core's work, its server is @phinets/node's, and what both share is neither's", () => {
    const studio = join(root, "packages/studio/src");
    // Numbers in text and YAML do not depend on a module.
    const allowed = {
      page: /^(\.|@phinets\/(core|browser)\b|@phinets\/node\/text$|preact\b|@preact\/signals$|uplot\b|idb$|yaml$|qrcode-generator$|fflate$|mediabunny$)/,
      server: /^(\.|node:|@phinets\/(core|node)\b|hono\b|@hono\/node-server$|zod$|fflate$)/,
      shared: /^(\.|@phinets\/core\/)/,
    };
    const wrong = Object.entries(allowed).flatMap(([folder, mayImport]) =>
      sources(join(studio, folder))
        .filter(isSource)
        .flatMap((file) =>
          imports(file)
            .filter((target) => !mayImport.test(target) || /^(?:\.\.\/)+(?:server|page)\//.test(target))
            .map((target) => `${relative(root, file)} imports ${target}`),
        ),
    );
    expect(wrong).toEqual([]);
    // Rooms of the page do not import each other: code that two of them need is in ui/ or beside rooms/.
    const across = sources(join(studio, "page/rooms")).flatMap((file) =>
      imports(file)
        .filter((target) => /^\.\.\/[a-z]+\//.test(target))
        .map((target) => `${relative(root, file)} imports ${target}`),
    );
    expect(across).toEqual([]);
  });

  it("a queue is met by the verbs that are asked for one alone", () => {
    const queue = sources(join(root, "packages/queue/src")).filter(isSource);
    const strange = queue.flatMap((file) => imports(file).filter((target) => /^@phinets\/(?!core|node)/.test(target)));
    expect(strange).toEqual([]);
    // It takes longer to load than most commands run: no other package imports it, and the command line only in an
    // action.
    const others = ["cli", "node", "studio", "browser"].flatMap((name) => sources(join(root, `packages/${name}/src`)));
    const eager = others.filter((file) => /^import (?!type).*"@phinets\/queue"/m.test(readFileSync(file, "utf8")));
    expect(eager.map((file) => relative(root, file))).toEqual([]);
  });

  it("core imports nothing from the host", () => {
    const host = files.flatMap((file) =>
      imports(file)
        .filter((target) => !target.startsWith("."))
        .map((target) => `${relative(root, file)} imports ${target}`),
    );
    expect(host).toEqual([]);
  });

  it("no result takes bits from the host's mathematics", () => {
    // exp, log and similar functions may differ in the last bit between engines: tensor/math.ts has our own. Math.sqrt
    // is exact.
    const inexact = "a?(?:sin|cos|tan)h?|atan2|exp|expm1|log|log1p|log2|log10|pow|cbrt|hypot|f16round";
    const isSource = (file: string) => !/\.test\.tsx?$/.test(file) && !file.endsWith("tensor/math.ts");
    const found = (folder: string, names: string) =>
      sources(folder)
        .filter(isSource)
        .flatMap((file) => {
          const uses = new RegExp(`^(?!\\s*(?:\\*|//)).*\\bMath\\.(${names})\\(`, "gm");
          return [...readFileSync(file, "utf8").matchAll(uses)].map((use) => `${relative(root, file)}: Math.${use[1]}`);
        });
    expect(found(core, `${inexact}|random`)).toEqual([]);
    // Names of temporary files may be random, but nothing written into them.
    expect(found(join(root, "packages/node/src"), inexact)).toEqual([]);
    expect(found(join(root, "packages/cli/src"), inexact)).toEqual([]);
    expect(found(join(root, "packages/queue/src"), inexact)).toEqual([]);
    expect(found(join(root, "packages/browser/src"), inexact)).toEqual([]);
    expect(found(join(root, "packages/studio/src"), inexact)).toEqual([]);
  });
});
