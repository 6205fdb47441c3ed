/**
 * Reads sections, segments and symbols of a 32-bit little-endian ELF file. Source: System V ABI, "Object Files"; field
 * offsets from its tables.
 */
import { PhinetsError } from "@phinets/core/tensor";

export interface ElfSection {
  readonly name: string;
  /** Address at run time. */
  readonly address: number;
  readonly bytes: number;
  readonly offset: number;
  /** Occupies memory on the device (SHF_ALLOC). */
  readonly allocated: boolean;
  /** Has contents in the file: on a microcontroller it occupies flash, including the initial values of .data. */
  readonly stored: boolean;
  readonly writable: boolean;
}

export interface ElfSymbol {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
}

/** Bytes stored in the file, and the address at which a programmer writes them. */
export interface ElfSegment {
  /** Load address: for .data, its place in flash. */
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface Elf {
  /** Sorted by address. */
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
}

const sectionTypes = { symbols: 2, noBits: 8 } as const;
/** PT_LOAD. */
const loadSegment = 1;
const flags = { write: 1, alloc: 2 } as const;

/** Parses an ELF file. Throws PhinetsError where the bytes are not of this kind. */
export function readElf(bytes: Uint8Array, file: string): Elf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length >= 52 ? view.getUint32(0) : 0;
  if (magic !== 0x7f454c46 || bytes[4] !== 1 || bytes[5] !== 1)
    throw new PhinetsError("emulator.elf", `${file}: not a 32-bit little-endian ELF file; build it again`, file);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const u16 = (offset: number): number => view.getUint16(offset, true);
  const text = (offset: number): string => {
    const end = bytes.indexOf(0, offset);
    if (end < 0) throw new RangeError("string without an end");
    return new TextDecoder().decode(bytes.subarray(offset, end));
  };
  try {
    const [tableOffset, entryBytes, count, namesIndex] = [u32(32), u16(46), u16(48), u16(50)];
    const headers = Array.from({ length: count }, (_, i) => {
      const at = tableOffset + i * entryBytes;
      return {
        name: u32(at),
        type: u32(at + 4),
        flags: u32(at + 8),
        address: u32(at + 12),
        offset: u32(at + 16),
        bytes: u32(at + 20),
        link: u32(at + 24),
        entryBytes: u32(at + 36),
      };
    });
    const names = headers[namesIndex].offset;
    const sections = headers.map((header): ElfSection => {
      const allocated = (header.flags & flags.alloc) !== 0;
      return {
        name: text(names + header.name),
        address: header.address,
        bytes: header.bytes,
        offset: header.offset,
        allocated,
        stored: allocated && header.type !== sectionTypes.noBits,
        writable: (header.flags & flags.write) !== 0,
      };
    });
    const symbols = headers
      .filter((header) => header.type === sectionTypes.symbols)
      .flatMap((header) => {
        const strings = headers[header.link].offset;
        return Array.from({ length: header.bytes / header.entryBytes }, (_, i): ElfSymbol => {
          const at = header.offset + i * header.entryBytes;
          return { name: text(strings + u32(at)), address: u32(at + 4), bytes: u32(at + 8) };
        });
      });
    const [segmentsOffset, segmentBytes, segmentCount] = [u32(28), u16(42), u16(44)];
    const segments = Array.from({ length: segmentCount }, (_, i) => segmentsOffset + i * segmentBytes)
      .filter((at) => u32(at) === loadSegment && u32(at + 16) > 0)
      .map((at): ElfSegment => {
        const [offset, length] = [u32(at + 4), u32(at + 16)];
        if (offset + length > bytes.length) throw new RangeError("segment without an end");
        return { address: u32(at + 12), bytes: bytes.subarray(offset, offset + length) };
      })
      .sort((a, b) => a.address - b.address);
    return { segments, sections, symbols };
  } catch (error) {
    if (!(error instanceof RangeError) && !(error instanceof TypeError)) throw error;
    throw new PhinetsError("emulator.elf", `${file}: the ELF file is cut off; build it again`, file);
  }
}

/**
 * Bytes of flash: code, constants and the initial values of variables. A second-stage boot loader is excluded: it has
 * its own region.
 */
export function flashBytes(elf: Elf): number {
  return total(elf.sections.filter(({ stored, name }) => stored && name !== ".boot2"));
}

/** Bytes of RAM: variables, arena and the stack that the linker script reserves. */
export function ramBytes(elf: Elf): number {
  return total(elf.sections.filter((section) => section.allocated && section.writable));
}

/** Bytes of the sections whose run-time addresses lie in a memory region. */
export function regionBytes(elf: Elf, region: { readonly origin: number; readonly bytes: number }): number {
  return total(
    elf.sections.filter(
      ({ allocated, address }) => allocated && address >= region.origin && address < region.origin + region.bytes,
    ),
  );
}

/** Throws PhinetsError when the file has no symbol of that name. */
export function symbolOf(elf: Elf, name: string, file: string): ElfSymbol {
  const symbol = elf.symbols.find((candidate) => candidate.name === name);
  if (symbol === undefined) throw new PhinetsError("emulator.elf", `${file}: has no symbol "${name}"`, file);
  return symbol;
}

/** Size of a symbol. Throws as `symbolOf` does. */
export function symbolBytes(elf: Elf, name: string, file: string): number {
  return symbolOf(elf, name, file).bytes;
}

function total(sections: readonly ElfSection[]): number {
  return sections.reduce((sum, section) => sum + section.bytes, 0);
}

/** A larger span means that the segments lie in several memories. */
const mostFlatBytes = 64 * 1024 * 1024;

/**
 * The bytes that a programmer writes from `address` on, as in a .bin file; gaps are filled with 0xff, as erased flash
 * reads.
 * @throws PhinetsError where the file has no bytes to write, or they span more than one flash
 */
export function flatImage({ segments }: Elf, file: string): { readonly address: number; readonly bytes: Uint8Array } {
  const address = segments[0]?.address ?? 0;
  const end = Math.max(address, ...segments.map((segment) => segment.address + segment.bytes.length));
  if (end === address || end - address > mostFlatBytes)
    throw new PhinetsError(
      "firmware.flash",
      `${file}: has ${end === address ? "no bytes to write" : `bytes ${end - address} apart`}, which is no image of one flash; flash the .elf`,
      file,
    );
  const bytes = new Uint8Array(end - address).fill(0xff);
  for (const segment of segments) bytes.set(segment.bytes, segment.address - address);
  return { address, bytes };
}
