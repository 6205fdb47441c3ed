/**
 * A built-in stroke font, so that labels look the same on every machine, with or without installed fonts. A glyph is
 * its width and its strokes on a grid whose capitals reach from y = 0 to the baseline y = 12; lower case starts at 4,
 * descenders end at 16. A point is two base-36 characters (x, y); strokes are separated by |. A stroke that starts with
 * ~ is rounded, and closed if it ends where it starts; a stroke of one point is a dot.
 */
const bowl = "~54 24 06 0a 2c 5c 7a 76 54";
const glyphs: Readonly<Record<string, readonly [width: number, strokes: string]>> = {
  A: [8, "0c 40 8c|18 78"],
  B: [8, "00 0c|~00 70 76 06|~06 86 8c 0c"],
  C: [8, "~82 60 20 03 09 2c 6c 8a"],
  D: [8, "00 0c|~00 50 83 89 5c 0c"],
  E: [7, "70 00 0c 7c|06 56"],
  F: [7, "70 00 0c|06 56"],
  G: [8, "~82 60 20 03 09 2c 6c 89|89 87 57"],
  H: [8, "00 0c|80 8c|06 86"],
  I: [0, "00 0c"],
  J: [6, "~60 6a 4c 2c 0a"],
  K: [8, "00 0c|70 08|25 8c"],
  L: [7, "00 0c 7c"],
  M: [9, "0c 00 58 90 9c"],
  N: [8, "0c 00 8c 80"],
  O: [8, "~30 50 83 89 5c 3c 09 03 30"],
  P: [7, "00 0c|~00 70 77 07"],
  Q: [8, "~30 50 83 89 5c 3c 09 03 30|59 8d"],
  R: [8, "00 0c|~00 70 77 07|37 8c"],
  S: [8, "~82 60 20 02 04 26 66 88 8a 6c 2c 0a"],
  T: [8, "00 80|40 4c"],
  U: [8, "~00 09 2c 6c 89 80"],
  V: [8, "00 4c 80"],
  W: [10, "00 2c 53 8c a0"],
  X: [8, "00 8c|80 0c"],
  Y: [8, "00 46 80|46 4c"],
  Z: [8, "00 80 0c 8c"],
  a: [7, `${bowl}|74 7c`],
  b: [7, `${bowl}|00 0c`],
  c: [6, "~65 44 24 06 0a 2c 4c 6b"],
  d: [7, `${bowl}|70 7c`],
  e: [7, "08 78|~78 76 54 24 06 0a 2c 5c 7b"],
  f: [5, "~50 30 22 2c|04 54"],
  g: [7, `${bowl}|~74 7e 5g 2g 0f`],
  h: [7, "00 0c|~07 24 54 76 7c"],
  i: [0, "04 0c|00"],
  j: [3, "~34 3e 1g 0g|30"],
  k: [6, "00 0c|64 09|27 7c"],
  l: [0, "00 0c"],
  m: [10, "04 0c|~06 24 44 56 5c|~56 74 94 a6 ac"],
  n: [7, "04 0c|~07 24 54 76 7c"],
  o: [7, bowl],
  p: [7, `${bowl}|04 0g`],
  q: [7, `${bowl}|74 7g`],
  r: [4, "04 0c|~07 24 44"],
  s: [6, "~65 44 24 05 07 28 48 69 6b 4c 2c 0b"],
  t: [5, "~20 29 2c 5c|04 54"],
  u: [7, "~04 0a 2c 5c 79|74 7c"],
  v: [6, "04 3c 64"],
  w: [10, "04 2c 55 8c a4"],
  x: [6, "04 6c|64 0c"],
  y: [7, "04 4b|74 2g"],
  z: [6, "04 64 0c 6c"],
  "0": [7, "~20 50 73 79 5c 2c 09 03 20"],
  "1": [7, "13 40 4c"],
  "2": [7, "~02 20 50 72 75 48 0c|0c 7c"],
  "3": [7, "~02 20 50 72 74 56 36|~36 56 78 7a 5c 2c 0a"],
  "4": [7, "5c 50 08 78"],
  "5": [7, "70 00 05|~05 24 54 76 7a 5c 2c 0a"],
  "6": [7, "~61 50 20 03 09 2c 5c 7a 77 55 25 07"],
  "7": [7, "00 70 2c"],
  "8": [7, "~20 50 72 74 56 26 04 02 20|~26 56 78 7a 5c 2c 0a 08 26"],
  "9": [7, "~1b 2c 5c 79 73 50 20 02 05 27 57 75"],
  ".": [0, "0c"],
  ",": [1, "1b 0e"],
  ":": [0, "05|0c"],
  ";": [1, "15|1b 0e"],
  "-": [5, "07 57"],
  _: [7, "0e 7e"],
  "/": [6, "60 0c"],
  "\\": [6, "00 6c"],
  "|": [0, "00 0e"],
  "%": [9, "90 0c|~10 30 42 34 14 02 10|~68 88 9a 8c 6c 5a 68"],
  "#": [8, "2c 40|4c 60|04 84|08 88"],
  "(": [3, "~30 04 0a 3e"],
  ")": [3, "~00 34 3a 0e"],
  "[": [3, "30 00 0e 3e"],
  "]": [3, "00 30 3e 0e"],
  "+": [6, "34 3a|07 67"],
  "=": [6, "05 65|09 69"],
  "*": [6, "31 37|02 66|62 06"],
  "<": [6, "63 07 6b"],
  ">": [6, "03 67 0b"],
  "?": [6, "~02 20 40 62 64 36 38|3c"],
  "!": [0, "00 08|0c"],
  "'": [0, "00 03"],
  '"': [2, "00 03|20 23"],
  "°": [4, "~10 30 41 43 34 14 03 01 10"],
  "·": [0, "07"],
  "@": [9, "~68 56 36 28 3a 5a 68|~66 69 79 88 84 60 30 03 09 3c 7c"],
  "&": [8, "~8c 24 22 30 50 62 64 08 0a 2c 5c 88"],
};
/** Glyph of characters that the font lacks. */
const unknown = [6, "00 60 6c 0c 00"] as const;
const spaceWidth = 4;
const gap = 3.4;
const capHeight = 12;
/** Highest and lowest grid line of any glyph. */
const descent = 4;

type Point = readonly [x: number, y: number];

/** Coverage mask of a glyph: `alpha` is `[height, width]`, 0..255. */
interface Glyph {
  readonly width: number;
  readonly height: number;
  readonly alpha: Uint8Array;
  /** From the pen position on the baseline to the mask's left and top pixel. */
  readonly left: number;
  readonly top: number;
}

export interface TextStyle {
  /** Height of a capital in pixels; may be fractional. */
  readonly size: number;
  /** Width of a stroke as a fraction of `size`. Default 0.15. */
  readonly weight?: number;
}

/** Characters as the font has them: accents are removed (é -> e). */
function fold(text: string): string[] {
  return [...text.normalize("NFD").replace(/\p{Mn}/gu, "")];
}

/** Width of a text in pixels, and its extent above and below the baseline. */
export function measureText(text: string, style: TextStyle): { width: number; ascent: number; descent: number } {
  const scale = style.size / capHeight;
  let width = 0;
  const characters = fold(text);
  for (const character of characters) width += advance(character);
  if (characters.length > 0) width -= gap;
  return { width: Math.max(0, width) * scale, ascent: style.size, descent: descent * scale };
}

/** Calls `paint` for every pixel that the text covers, with alpha 1..255; the pen starts at (x, y) on the baseline. */
export function drawText(
  text: string,
  x: number,
  y: number,
  style: TextStyle,
  paint: (x: number, y: number, alpha: number) => void,
): void {
  const scale = style.size / capHeight;
  let pen = x;
  const baseline = Math.round(y);
  for (const character of fold(text)) {
    if (character !== " ") {
      const glyph = rasterize(character, style);
      const left = Math.round(pen) + glyph.left;
      const top = baseline + glyph.top;
      for (let row = 0, i = 0; row < glyph.height; row++) {
        for (let column = 0; column < glyph.width; column++, i++) {
          if (glyph.alpha[i] > 0) paint(left + column, top + row, glyph.alpha[i]);
        }
      }
    }
    pen += advance(character) * scale;
  }
}

function advance(character: string): number {
  return (character === " " ? spaceWidth : (glyphs[character] ?? unknown)[0]) + gap;
}

const cache = new Map<string, Glyph>();

function rasterize(character: string, { size, weight = 0.15 }: TextStyle): Glyph {
  const key = `${character}/${size}/${weight}`;
  const found = cache.get(key);
  if (found) return found;
  if (cache.size > 2000) cache.clear();
  const scale = size / capHeight;
  const radius = Math.max(0.55, (size * weight) / 2);
  const lines = strokesOf(character).map((line) => line.map(([x, y]): Point => [x * scale, (y - capHeight) * scale]));
  const points = lines.flat();
  const margin = radius + 1;
  const left = Math.floor(Math.min(...points.map(([x]) => x)) - margin);
  const right = Math.ceil(Math.max(...points.map(([x]) => x)) + margin);
  const top = Math.floor(Math.min(...points.map(([, y]) => y)) - margin);
  const bottom = Math.ceil(Math.max(...points.map(([, y]) => y)) + margin);
  const width = right - left;
  const height = bottom - top;
  const alpha = new Uint8Array(width * height);
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      let nearest = Number.POSITIVE_INFINITY;
      for (const line of lines) {
        for (let p = 0; p < Math.max(1, line.length - 1); p++) {
          nearest = Math.min(nearest, distance(left + column + 0.5, top + row + 0.5, line[p], line[p + 1] ?? line[p]));
        }
      }
      // Coverage falls from 1 to 0 over the pixel that the stroke's edge crosses.
      alpha[i] = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - nearest)));
    }
  }
  const glyph = { width, height, alpha, left, top };
  cache.set(key, glyph);
  return glyph;
}

function strokesOf(character: string): Point[][] {
  return (glyphs[character] ?? unknown)[1].split("|").map((stroke) => {
    const rounded = stroke.startsWith("~");
    const points = stroke
      .slice(rounded ? 1 : 0)
      .split(" ")
      .map((pair): Point => [Number.parseInt(pair[0], 36), Number.parseInt(pair[1], 36)]);
    return rounded ? smooth(smooth(smooth(points))) : points;
  });
}

/** Cuts every corner at a quarter of its sides (Chaikin 1974); the ends stay, unless the line is closed. */
function smooth(points: readonly Point[]): Point[] {
  const closed = same(points[0], points[points.length - 1]);
  const cut: Point[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i], points[i + 1]];
    if (closed || i > 0) cut.push([0.75 * a[0] + 0.25 * b[0], 0.75 * a[1] + 0.25 * b[1]]);
    if (closed || i + 2 < points.length) cut.push([0.25 * a[0] + 0.75 * b[0], 0.25 * a[1] + 0.75 * b[1]]);
  }
  return closed ? [...cut, cut[0]] : [points[0], ...cut, points[points.length - 1]];
}

function same(a: Point, b: Point): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

function distance(x: number, y: number, a: Point, b: Point): number {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) / length));
  return length2(x - a[0] - t * dx, y - a[1] - t * dy);
}

/** Length of a vector. Math.hypot's last bit differs between engines; sqrt is exact in all. */
export function length2(dx: number, dy: number): number {
  return Math.sqrt(dx * dx + dy * dy);
}
