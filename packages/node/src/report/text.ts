/**
 * Escapes names from users and data sets for pages and documents: every character is visible and none acts as markup.
 */

/**
 * Characters that are invisible or act on the text around them: control characters (XML cannot express them), lone
 * surrogates and direction overrides. Marks that right-to-left names need are kept.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const acting = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Cs}/gu;

/** A name with its invisible characters made visible. */
export function visible(text: string): string {
  return text.replace(acting, (character) => {
    const code = character.codePointAt(0)!;
    return code >= 0x2000 && code < 0x2100 ? `[U+${code.toString(16).toUpperCase()}]` : "\ufffd";
  });
}

/** Escapes text for HTML and XML, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Escapes text for a line of Markdown or a table cell. */
export function escapeMarkdown(text: string): string {
  return visible(text)
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[\\`*[\]|~]|(?<!\w)_|_(?!\w)/g, "\\$&")
    .replace(/[&<>]/g, (character) => entities[character])
    .replace(/^([#+=-]|\d+(?=[.)](?:\s|$)))/, (start) => (/\d/.test(start) ? `${start}\\` : `\\${start}`));
}

/** A path or a command in a line of Markdown: as code, unless it has characters that code would need to escape. */
export function markdownCode(text: string): string {
  return /^[\w ./:@%+=,-]+$/.test(text) ? `\`${text}\`` : escapeMarkdown(text);
}

/** Lines kept verbatim in Markdown. */
export function markdownBlock(lines: readonly string[]): string {
  const text = visible(lines.join("\n"));
  const longestRun = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(Math.max(3, longestRun + 1));
  return `${fence}\n${text}\n${fence}`;
}
