/**
 * UF2: the file format that a boot ROM accepts when a file is copied onto the board's USB drive. Blocks of 512 bytes
 * hold 256 bytes of flash and their address each. Sources: Microsoft's "USB Flashing Format (UF2)"; RP2040 datasheet,
 * chapter Bootrom; RP2350 datasheet, 5.9.5 (image definition) and 5.10 (families).
 */
import { PhinetsError } from "@phinets/core/tensor";
import { readElf } from "./elf.js";

const flash = { start: 0x10000000, bytes: 16 * 1024 * 1024 } as const;
/** Flash is erased by sector: an image is padded to whole sectors, so that no bytes of an older image remain. */
const sectorBytes = 4096;
const payloadBytes = 256;
const blockBytes = 512;

/** Family ids by chip; the RP2350's is that of Arm code in secure state. */
export const uf2Families = { rp2040: 0xe48bff56, rp2350: 0xe48bff59 } as const;

export interface Uf2 {
  readonly chip: keyof typeof uf2Families;
  readonly bytes: Uint8Array;
}

/** Path of an ELF file's UF2 file, which lies beside it. */
export function uf2Path(elf: string): string {
  return elf.replace(/(?:\.elf)?$/, ".uf2");
}

/** Whether bytes begin as a UF2 file does. */
export function isUf2(bytes: Uint8Array): boolean {
  const magic = [0x55, 0x46, 0x32, 0x0a, 0x57, 0x51, 0x5d, 0x9e];
  return magic.every((byte, i) => bytes[i] === byte);
}

/**
 * Converts an ELF file for an RP2040 or RP2350 to UF2; the image's first bytes tell the chip. Throws PhinetsError when
 * it is not such an ELF file, when it does not begin at the start of the flash, and when it lacks what the chip's boot
 * ROM requires there.
 */
export function elfToUf2(elf: Uint8Array, file: string): Uf2 {
  const image = flashImage(elf, file);
  const chip = chipOf(image);
  if (chip === undefined)
    throw new PhinetsError(
      "firmware.boot",
      `${file}: begins neither with an RP2040's second stage (256 bytes that end in their CRC-32) nor, in its first 4 KB, with an RP2350's image definition; link boot2.S or image_def.S, which phinets export --target rp2040 or rp2350 writes`,
      file,
    );
  return { chip, bytes: toUf2(image, uf2Families[chip]) };
}

/** Contents of the flash from its start, padded to whole sectors. */
function flashImage(elf: Uint8Array, file: string): Uint8Array {
  const { segments } = readElf(elf, file);
  const end = Math.max(flash.start, ...segments.map(({ address, bytes }) => address + bytes.length));
  const outside = segments.find(({ address }) => address < flash.start || address >= flash.start + flash.bytes);
  if (outside !== undefined || segments[0]?.address !== flash.start || end > flash.start + flash.bytes) {
    const address = (outside ?? segments[0])?.address;
    const where =
      address === undefined ? "holds nothing" : `holds bytes for 0x${address.toString(16).padStart(8, "0")}`;
    throw new PhinetsError(
      "firmware.flash",
      `${file}: ${where}; an image for the RP2040 or RP2350 begins at 0x10000000, with 16 MB at most`,
      file,
    );
  }
  // Erased flash reads as ones.
  const image = new Uint8Array(Math.ceil((end - flash.start) / sectorBytes) * sectorBytes).fill(0xff);
  for (const { address, bytes } of segments) image.set(bytes, address - flash.start);
  return image;
}

function chipOf(image: Uint8Array): keyof typeof uf2Families | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const stage = image.subarray(0, 252);
  if (crc32(stage) === view.getUint32(252, true)) return "rp2040";
  for (let at = 0; at + 20 <= sectorBytes; at += 4) if (isImageDefinition(view, at)) return "rp2350";
  return undefined;
}

/**
 * Whether there is an image definition: a block with a single item, the image type "executable, secure, Arm, RP2350".
 */
function isImageDefinition(view: DataView, at: number): boolean {
  const words = [0xffffded3, 0x10210142, 0x000001ff, 0, 0xab123579];
  return words.every((word, i) => view.getUint32(at + 4 * i, true) === word);
}

/**
 * CRC-32 as the RP2040's boot ROM computes it: polynomial 04C11DB7, initial value FFFFFFFF, most significant bit first,
 * not inverted.
 */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

function toUf2(image: Uint8Array, family: number): Uint8Array {
  const count = image.length / payloadBytes;
  const out = new Uint8Array(count * blockBytes);
  const view = new DataView(out.buffer);
  const familyIsGiven = 0x2000;
  for (let i = 0; i < count; i++) {
    const at = i * blockBytes;
    const header = [
      0x0a324655,
      0x9e5d5157,
      familyIsGiven,
      flash.start + i * payloadBytes,
      payloadBytes,
      i,
      count,
      family,
    ];
    for (const [word, value] of header.entries()) view.setUint32(at + 4 * word, value, true);
    out.set(image.subarray(i * payloadBytes, (i + 1) * payloadBytes), at + 32);
    view.setUint32(at + blockBytes - 4, 0x0ab16f30, true);
  }
  return out;
}
