/**
 * `npm run docs` at the root serves the site, `npm run docs:build` builds it into docs/.vitepress/dist. docs/ is none of the
 * workspaces: VitePress and TypeDoc are 150 packages and 150 MB, which a clone does not need for anything else.
 */
import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { defineConfig } from "vitepress";
import { pages } from "./pages.mjs";

const docs = resolve(import.meta.dirname, "..");
const root = resolve(docs, "..");

/**
 * Links that lead out of docs/, or to a file that is no page, are to the repository's files: on the site their names are
 * shown, as it has them not. A file that does not exist fails the build.
 */
function repositoryLinks(markdown) {
  markdown.core.ruler.push("repository_links", ({ tokens, env }) => {
    for (const { children } of tokens) {
      let inside = false;
      for (const token of children ?? []) {
        if (token.type === "link_open") {
          const target = token.attrGet("href").split("#")[0];
          const isPage = /^[a-z]+:|^$/.test(target) || (target.endsWith(".md") && !target.startsWith("../"));
          if (isPage || env.path.includes("/api/")) continue;
          const file = resolve(dirname(env.path), target);
          if (!existsSync(file)) throw new Error(`${env.path}: ${target} does not exist`);
          Object.assign(token, { tag: "code", attrs: [["title", relative(root, file)]] });
          inside = true;
        } else if (token.type === "link_close" && inside) {
          token.tag = "code";
          inside = false;
        }
      }
    }
  });
}

export default defineConfig({
  title: "PhiNets",
  description: "Labelled pictures and a board in, proven detection and tracking firmware out.",
  srcExclude: ["apps/**", "node_modules/**"],
  cleanUrls: true,
  markdown: { config: repositoryLinks, languageAlias: { h: "c", mjs: "js" } },
  themeConfig: {
    sidebar: pages,
    outline: [2, 3],
    search: { provider: "local" },
    docFooter: { prev: "Before", next: "Next" },
  },
});
