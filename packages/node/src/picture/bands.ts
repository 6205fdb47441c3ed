/** Pictures as stored in files, of any depth and with or without alpha, and their conversion to 8-bit RGB. */
import { letterboxGrey, type Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";

export interface Bands {
  readonly width: number;
  readonly height: number;
  /** Values per pixel in `data`: 1 (grey) or 3 (RGB) colours, then alpha or bands that are ignored. */
  readonly channels: number;
  readonly colours: 1 | 3;
  /** Whether the band after the colours is the opacity, 0..white. */
  readonly alpha: boolean;
  /** The value of white: 255, 65535, 4294967295; 1 for floats. */
  readonly white: number;
  readonly data: ArrayLike<number>;
}

/** Pixel values that map to 0 and 255. */
export interface PixelRange {
  readonly low: number;
  readonly high: number;
}

/** Parses "7000..9000". */
export function parsePixelRange(text: string): PixelRange {
  const match = /^\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*\.\.\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*$/i.exec(text);
  const [low, high] = [Number(match?.[1]), Number(match?.[2])];
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
    throw new PhinetsError(
      "cli.usage",
      `--pixel-range is ${text}; it is LOW..HIGH, the pixel values that become 0 and 255, as 7000..9000`,
    );
  }
  return { low, high };
}

export interface BandsOptions {
  /** Default: 0..white. */
  readonly pixelRange?: PixelRange;
  /** Called where values lie so close together that 8 bits keep little of their variation. */
  readonly onHint?: (message: string) => void;
}

/** Give a hint where a picture uses less than this fraction of its depth's range. */
const littleUse = 1 / 16;

/**
 * Converts to 8-bit RGB: low..high map to 0..255, rounded and clipped. Without a range 0..white are mapped, which
 * divides 16-bit values by 257. Transparent pixels are composited over grey (114). Throws PhinetsError where the range
 * cannot fit the picture.
 * @param file named in errors and hints
 */
export function bandsToPicture(bands: Bands, file: string, { pixelRange, onHint }: BandsOptions = {}): Picture {
  const { width, height, channels, colours, alpha, white, data } = bands;
  const count = width * height;
  if (pixelRange === undefined && white === 255 && !alpha && channels === 3 && data instanceof Uint8Array)
    return { width, height, channels: 3, data };
  if (pixelRange === undefined && white !== 255) checkUse(bands, file, onHint);
  if (pixelRange !== undefined && pixelRange.low >= white && white > 1) {
    throw new PhinetsError(
      "data.pixel-range",
      `${file}: its values end at ${white}, so --pixel-range ${formatRange(pixelRange)} makes all of it black; choose a range within 0..${white}`,
      file,
    );
  }
  const { low, high } = pixelRange ?? { low: 0, high: white };
  const out = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const opacity = alpha ? data[i * channels + colours] / white : 1;
    for (let c = 0; c < 3; c++) {
      // NaN in float pictures becomes black.
      const value = ((data[i * channels + (colours === 1 ? 0 : c)] - low) * 255) / (high - low) || 0;
      const clipped = Math.max(0, Math.min(255, value));
      out[3 * i + c] = (opacity === 1 ? clipped : clipped * opacity + letterboxGrey * (1 - opacity)) + 0.5;
    }
  }
  return { width, height, channels: 3, data: out };
}

/** Applies a pixel range to an 8-bit picture. */
export function stretchPicture(picture: Picture, file: string, pixelRange: PixelRange | undefined): Picture {
  if (pixelRange === undefined) return picture;
  const { width, height, channels, data } = picture;
  const colours = channels === 1 ? 1 : 3;
  return bandsToPicture({ width, height, channels, colours, alpha: false, white: 255, data }, file, { pixelRange });
}

/** Float values outside 0..1 are an error, because their white is unknown; values close together give a hint. */
function checkUse(bands: Bands, file: string, onHint: BandsOptions["onHint"]): void {
  const { width, height, channels, colours, white, data } = bands;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < width * height * channels; i += channels) {
    for (let c = 0; c < colours; c++) {
      const value = data[i + c];
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  const found = formatRange({ low: least, high: most });
  if (white === 1 && (least < 0 || most > 1)) {
    throw new PhinetsError(
      "data.pixel-range",
      `${file}: its values are floats in ${found}; say which become black and white with --pixel-range LOW..HIGH, as --pixel-range ${found}`,
      file,
    );
  }
  if (onHint && most > least && most - least < white * littleUse) {
    const share = Math.floor(white / (most - least));
    onHint(
      `${file}: its values, ${found}, are 1/${share} of the ${white === 1 ? "range 0..1" : `${white + 1} that it can hold`}: hardly any contrast is left in 8 bits; spread them with --pixel-range LOW..HIGH, as --pixel-range ${found}`,
    );
  }
}

function formatRange({ low, high }: PixelRange): string {
  const text = (value: number) => String(Number(value.toPrecision(7)));
  return `${text(low)}..${text(high)}`;
}
