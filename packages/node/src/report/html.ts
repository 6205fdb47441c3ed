/** HTML as tagged templates: interpolated values are escaped unless they are `Html` already. */
import { escapeHtml } from "./text.js";

export class Html {
  constructor(readonly text: string) {}
}

type Content = Html | string | number | undefined | false | readonly Content[];

/** Marks text as safe HTML: our own SVG. */
export function raw(text: string): Html {
  return new Html(text);
}

export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  let text = strings[0];
  for (const [i, value] of values.entries()) text += render(value) + strings[i + 1];
  return new Html(text);
}

function render(value: Content): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(render).join("");
  return escapeHtml(String(value));
}

export function jpegUrl(jpeg: Uint8Array): string {
  return `data:image/jpeg;base64,${Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength).toString("base64")}`;
}
