/** The frame of every page: head, title, contents, footer. A page is one file that loads no other. */
import { type Html, html, raw } from "./html.js";
import { style } from "./style.js";

export interface Page {
  /** Title of the browser window. */
  readonly title: string;
  readonly header: Html;
  /** The sections and anything between them. */
  readonly body: Html;
  readonly footer: Html;
}

/** Returns the page's HTML. A pure function: equal parts give equal pages. */
export function renderPage({ title, header, body, footer }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${title}</title>
<style>${raw(style)}</style>
</head>
<body><main>
${header}
${contents(body)}
${body}
<footer>${footer}</footer>
</main></body>
</html>
`.text;
}

/** Links to the sections; undefined where the page has too few sections. */
function contents({ text }: Html): Html | undefined {
  const sections = [...text.matchAll(/<section[^>]* id="([\w-]+)"><h2>(.*?)<\/h2>/g)];
  if (sections.length < 3) return undefined;
  return html`<nav aria-label="contents">${sections.map(([, id, title]) => html`<a href="#${id}">${raw(title)}</a>`)}</nav>`;
}

/** A section of the page, listed in its contents. */
export function section(title: string, note: string | undefined, body: Html | readonly Html[], long = false): Html {
  const id = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return html`<section${long && raw(' class="long"')} id="${id}"><h2>${title}</h2>${note && html`<p class="note">${note}</p>`}${body}</section>`;
}

/** A highlighted sentence. */
export function callout(text: string | undefined): Html | undefined {
  return text === undefined ? undefined : html`<p class="callout">${text}</p>`;
}

export type Cell = string | number | Html;

/**
 * A table that scrolls horizontally where it is wider than the page; the first cell of a row names it. `folds`: on a
 * phone each row becomes a block, with its cells below each other and their titles beside them.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  {
    folds = false,
    words = [],
  }: { readonly folds?: boolean /** Columns of text, by index. */; readonly words?: readonly number[] } = {},
): Html {
  const kind = (i: number) => i > 0 && !words.includes(i) && raw(' class="n"');
  const cell = (value: Cell, i: number) =>
    i === 0
      ? html`<th scope="row">${value}</th>`
      : html`<td${kind(i)}${folds && html` data-head="${head[i]}"`}>${value}</td>`;
  return html`<div class="scroll"><table${folds && raw(' class="folds"')}><thead><tr>${head.map((name, i) => html`<th${kind(i)}>${name}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}</tbody></table></div>`;
}

/** A list of facts, one name and value per line. */
export function facts(rows: readonly (readonly [name: string, value: Cell])[]): Html {
  return html`<table class="facts"><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`;
}
