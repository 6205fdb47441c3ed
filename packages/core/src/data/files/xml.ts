/**
 * A minimal XML parser for label files: elements, text, comments, CDATA and the five entities; attributes are skipped.
 */

export interface XmlElement {
  readonly name: string;
  /** line of the start tag, from 1 */
  readonly line: number;
  readonly children: XmlElement[];
  /** its own text without that of child elements, trimmed */
  text: string;
  /** Range in the source from the start tag's `<` to just after the end tag's `>`. */
  readonly start: number;
  end: number;
  /** Range between the two tags. */
  readonly contentStart: number;
  contentEnd: number;
}

export class XmlError extends Error {
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
  }
}

const deepest = 1000;

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Parses the root element. Throws XmlError with the line. */
export function parseXml(source: string): XmlElement {
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  let at = source.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;
  const fail = (message: string): never => {
    throw new XmlError(line, message);
  };
  // Cached, because a file without line ends would otherwise be searched to its end at every tag.
  let nextLine = source.indexOf("\n", at);
  const moveTo = (end: number) => {
    for (; nextLine >= 0 && nextLine < end; nextLine = source.indexOf("\n", nextLine + 1)) line++;
    at = end;
  };
  const after = (mark: string, what: string) => {
    const end = source.indexOf(mark, at);
    if (end < 0) fail(`${what} does not end`);
    return end + mark.length;
  };
  const addText = (text: string) => {
    if (open.length > 0) open[open.length - 1].text += text;
    else if (text.trim() !== "") fail(`"${text.trim().slice(0, 40)}" is outside the root element`);
  };
  while (at < source.length) {
    if (source[at] !== "<") {
      const next = source.indexOf("<", at);
      const end = next < 0 ? source.length : next;
      addText(source.slice(at, end).replace(/&(#?\w+);/g, (whole, name: string) => decode(whole, name)));
      moveTo(end);
    } else if (source.startsWith("<!--", at)) moveTo(after("-->", "a comment"));
    else if (source.startsWith("<![CDATA[", at)) {
      const end = after("]]>", "a CDATA section");
      addText(source.slice(at + 9, end - 3));
      moveTo(end);
    } else if (source.startsWith("<?", at)) moveTo(after("?>", "a processing instruction"));
    else if (source.startsWith("<!", at)) {
      const end = after(">", "a declaration");
      // Entities declared by a file could refer to other files or expand without limit.
      if (source.slice(at, end).includes("[")) fail("declares entities, which are not read; remove the declaration");
      moveTo(end);
    } else {
      const end = after(">", "a tag");
      const tag = source.slice(at + 1, end - 1);
      const match = /^(\/?)([^\s/<>="']+)([^<]*?)(\/?)$/s.exec(tag);
      if (!match) return fail(`<${tag.slice(0, 40)}> is no tag`);
      const [, closing, name, , empty] = match;
      if (closing) {
        const element = open.pop();
        if (element?.name !== name) {
          return fail(
            element ? `</${name}> ends <${element.name}> of line ${element.line}` : `</${name}> ends nothing`,
          );
        }
        element.text = element.text.trim();
        element.contentEnd = at;
        element.end = end;
      } else {
        if (open.length === 0 && root) fail(`<${name}> follows the root element`);
        const places = { start: at, end, contentStart: end, contentEnd: end };
        const element: XmlElement = { name, line, children: [], text: "", ...places };
        open.at(-1)?.children.push(element);
        root ??= element;
        if (!empty && open.push(element) > deepest) fail(`elements are nested deeper than ${deepest}`);
      }
      moveTo(end);
    }
  }
  const unfinished = open.at(-1);
  if (unfinished) throw new XmlError(unfinished.line, `<${unfinished.name}> does not end`);
  return root ?? fail("there is no element");
}

function decode(whole: string, name: string): string {
  if (name[0] !== "#") return entities[name] ?? whole;
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}
