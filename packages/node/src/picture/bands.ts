/** Pictures as their files hold them, of any depth and with or without alpha, and from there to 8-bit RGB. */
import { letterboxGrey, type Picture } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";

export interface Bands {
  readonly width: number;
  readonly height: number;
  /** Values a pixel in `data`: 1 grey or 3 RGB, then alpha or bands that are not looked at. */
  readonly channels: number;
  readonly colours: 1 | 3;
  /** Whether the band after the colours says how opaque a pixel is, 0..white. */
  readonly alpha: boolean;
  /** The value of white: 255, 65535, 4294967295; 1 for floats. */
  readonly white: number;
  readonly data: ArrayLike<number>;
}

/** Values that become 0 and 255. */
export interface PixelRange {
  readonly low: number;
  readonly high: number;
}

/** "7000..9000" */
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
  /** Told where values lie so close together that 8 bits hold little of them. */
  readonly onHint?: (message: string) => void;
}

/** A picture that uses less than this share of what its depth can hold is worth a hint. */
const littleUse = 1 / 16;

/**
 * 8-bit RGB: low..high become 0..255, rounded and clipped; without a range 0..white do, which divides 16-bit values by
 * 257. What is transparent is laid over grey (114). Throws PhinetsError where the range cannot be meant for the picture.
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
      // NaN, in float pictures, is no value: black.
      const value = ((data[i * channels + (colours === 1 ? 0 : c)] - low) * 255) / (high - low) || 0;
      const clipped = Math.max(0, Math.min(255, value));
      out[3 * i + c] = (opacity === 1 ? clipped : clipped * opacity + letterboxGrey * (1 - opacity)) + 0.5;
    }
  }
  return { width, height, channels: 3, data: out };
}

/** An 8-bit picture with its values stretched likewise. */
export function stretchPicture(picture: Picture, file: string, pixelRange: PixelRange | undefined): Picture {
  if (pixelRange === undefined) return picture;
  const { width, height, channels, data } = picture;
  const colours = channels === 1 ? 1 : 3;
  return bandsToPicture({ width, height, channels, colours, alpha: false, white: 255, data }, file, { pixelRange });
}

/** Floats beyond 0..1 have no known white: an error. Values close together: a hint. */
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
