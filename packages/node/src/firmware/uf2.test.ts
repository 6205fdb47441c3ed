/** Images that the boot ROMs of the RP2040 and RP2350 start, and their UF2 files. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootOf, emitC, firmwareProgram, machineOf } from "@phinets/core/export";
import { boardNames, loadBoard } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { randomDetector } from "../../../../test/random-detector.js";
import { installed } from "../../../../test/tools.js";
import { runTool } from "../host/tool.js";
import { buildFirmware, firmwareSources, writeFirmware } from "./build.js";
import { readElf, regionBytes, symbolOf } from "./elf.js";
import { crc32, elfToUf2, isUf2, uf2Path } from "./uf2.js";

vi.setConfig({ testTimeout: 100_000 });

const root = mkdtempSync(join(tmpdir(), "phinets-uf2-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A polynomial's remainder by long division: message times x^32, with its first 32 bits inverted. */
function remainder(bytes: Uint8Array): number {
  let message = bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) << 32n;
  message ^= 0xffffffffn << BigInt(8 * bytes.length);
  for (let bit = BigInt(8 * bytes.length - 1); bit >= 0n; bit--)
    if ((message >> (bit + 32n)) & 1n) message ^= 0x104c11db7n << bit;
  return Number(message);
}

it("the checksum is CRC-32/MPEG-2", () => {
  // The catalogue's check value.
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0x0376e6e7);
  const bytes = Uint8Array.from({ length: 252 }, (_, i) => (i * 37) & 255);
  expect(crc32(bytes)).toBe(remainder(bytes));
});

it("the chips are known by their memory map", () => {
  expect(boardNames.filter((name) => bootOf(loadBoard(name)) !== undefined)).toEqual(["rp2040", "rp2350"]);
  const { regions, ...board } = loadBoard("rp2040");
  expect(bootOf({ ...board, regions })).toBe("rp2040");
  expect(bootOf({ ...board, regions: regions.slice(1) })).toBeUndefined();
});

describe.skipIf(!installed("arm-none-eabi-gcc", "arm-none-eabi-objcopy"))("an image", () => {
  const paths = new Map<string, string>();
  beforeAll(async () => {
    const { q, detector } = randomDetector(5, 0.4);
    for (const name of ["rp2040", "rp2350"]) {
      const board = loadBoard(name);
      const folder = join(root, name);
      writeFirmware(folder, emitC(q, { detector, program: firmwareProgram(q, board) }));
      paths.set(name, await buildFirmware(folder, board));
    }
  });

  it.each([
    ["rp2040", 0xe48bff56],
    ["rp2350", 0xe48bff59],
  ])("of the %s is whole in its blocks", async (name, family) => {
    const elf = paths.get(name)!;
    const file = readFileSync(elf.replace(/elf$/, "uf2"));
    expect(uf2Path(elf)).toBe(elf.replace(/elf$/, "uf2"));
    expect(isUf2(file)).toBe(true);
    expect(file.length % 512).toBe(0);
    const payloads: Buffer[] = [];
    for (let at = 0; at < file.length; at += 512) {
      const words = Array.from({ length: 8 }, (_, i) => file.readUInt32LE(at + 4 * i));
      const address = 0x10000000 + at / 2;
      expect(words).toEqual([0x0a324655, 0x9e5d5157, 0x2000, address, 256, at / 512, file.length / 512, family]);
      payloads.push(file.subarray(at + 32, at + 288));
      expect(file.subarray(at + 288, at + 508).every((byte) => byte === 0)).toBe(true);
      expect(file.readUInt32LE(at + 508)).toBe(0x0ab16f30);
    }
    // The bytes that binutils extract from the same ELF file, followed by erased flash up to the end of the sector.
    await runTool("arm-none-eabi-objcopy", ["-O", "binary", elf, `${elf}.bin`]);
    const image = readFileSync(`${elf}.bin`);
    const flash = Buffer.concat(payloads);
    expect(flash.length).toBe(Math.ceil(image.length / 4096) * 4096);
    expect(flash.subarray(0, image.length).equals(image)).toBe(true);
    expect(flash.subarray(image.length).every((byte) => byte === 0xff)).toBe(true);
  });

  it("of the RP2040 begins with a second stage, its CRC, and the vectors that it starts", () => {
    const path = paths.get("rp2040")!;
    const elf = readElf(readFileSync(path), path);
    const [{ address, bytes }] = elf.segments;
    expect([address, remainder(bytes.subarray(0, 252))]).toEqual([0x10000000, wordsOf(bytes)(63)]);
    expect(regionBytes(elf, { origin: 0x10000000, bytes: 256 })).toBe(256);
    expect(symbolOf(elf, "vectors", path).address).toBe(0x10000100);
  });

  it("of the RP2350 begins with its vectors, and has its definition in the first 4 KB", () => {
    const path = paths.get("rp2350")!;
    const elf = readElf(readFileSync(path), path);
    const [{ address, bytes }] = elf.segments;
    const word = wordsOf(bytes);
    expect(address).toBe(0x10000000);
    expect([word(0), word(1)]).toEqual([
      symbolOf(elf, "stack_top", path).address,
      symbolOf(elf, "Reset_Handler", path).address,
    ]);
    expect(word(1) & 1).toBe(1);
    // RP2350 datasheet, 5.9.5.1: the words of the minimal definition.
    const at = [...Array(1024).keys()].find((i) => word(i) === 0xffffded3)!;
    expect([1, 2, 3, 4].map((i) => word(at + i))).toEqual([0x10210142, 0x000001ff, 0, 0xab123579]);
  });

  it("that no boot ROM would start is refused in words", () => {
    const bytes = Uint8Array.from(readFileSync(paths.get("rp2040")!));
    const { segments } = readElf(bytes, "x");
    segments[0].bytes[7] ^= 1;
    expect(() => elfToUf2(bytes, "x.elf")).toThrow(
      /^x\.elf: begins neither with an RP2040's second stage .*link boot2\.S/,
    );
    expect(() => elfToUf2(bytes.subarray(0, 40), "x.elf")).toThrow("x.elf: not a 32-bit little-endian ELF file");
    const moved = Uint8Array.from(readFileSync(paths.get("rp2350")!));
    const view = new DataView(moved.buffer);
    view.setUint32(view.getUint32(28, true) + 12, 0x20000000, true); // the first segment's address
    expect(() => elfToUf2(moved, "x.elf")).toThrow(/^x\.elf: holds bytes for 0x20000000; .*begins at 0x10000000/);
  });
});

const wordsOf = (bytes: Uint8Array) => (index: number) =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * index, true);

/**
 * Acts as the boot ROM: copies the second stage to RAM and jumps to it. The image reports its initial stack pointer.
 */
const bootRom = `#include <stdint.h>
#include "semihosting.h"
extern const uint32_t stage[64];
typedef void (*handler)(void);
static void image(void) {
  uint32_t stack;
  __asm__("mrs %0, msp" : "=r"(stack));
  semihosting_print("image ");
  semihosting_print_number(stack & ~0xFFu);
  semihosting_print(" vectors ");
  semihosting_print_number(*(volatile uint32_t *)0xE000ED08);
  semihosting_exit(0);
}
static void fault(void) { semihosting_exit(3); }
void boot(void) {
  uint32_t *ram = (uint32_t *)0x20041F00;
  for (int i = 0; i < 64; i++) ram[i] = stage[i];
  ((handler)(uintptr_t)0x20041F01)();
}
__attribute__((section(".vectors"), used)) static const handler vectors[4] = {(handler)0x20001000, boot, fault, fault};
__attribute__((section(".image"), used)) static const handler image_vectors[2] = {(handler)0x20009100, image};
`;
const script = `ENTRY(boot)
SECTIONS {
  .rom 0 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) }
  .stage 0x10000 : { stage = .; KEEP(*(.boot2)) }
  .image 0x20100 : { KEEP(*(.image)) }
}
`;

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("the RP2040's second stage", () => {
  it("on an emulated Cortex-M0 sets the flash's controller up in order, and starts the image with its stack", async () => {
    const folder = join(root, "stage");
    mkdirSync(folder);
    writeFileSync(join(folder, "rom.c"), bootRom);
    writeFileSync(join(folder, "rom.ld"), script);
    const emulator = join(firmwareSources, "boards/semihosting");
    // The same instructions, with the flash controller where QEMU logs writes, and the image where its machine has
    // flash.
    const moved = ["-DBOOT2_SSI=0x48000000", "-DBOOT2_IMAGE=0x20100"];
    const sources = ["rom.c", join(firmwareSources, "boards/rp2040/boot2.S"), join(emulator, "semihosting.c")];
    const compiled = await runTool(
      "arm-none-eabi-gcc",
      [
        ...["-O1", "-Wall", "-Werror", ...machineOf({ ...loadBoard("rp2040"), core: "cortex-m0plus" })],
        ...[
          "--specs=nano.specs",
          "-nostartfiles",
          `-I${emulator}`,
          ...moved,
          ...sources,
          "-T",
          "rom.ld",
          "-o",
          "rom.elf",
        ],
      ],
      { cwd: folder },
    );
    expect(compiled.stderr).toBe("");
    const run = await runTool(
      "qemu-system-arm",
      [
        ...["-M", "microbit", "-global", "nrf51-soc.flash-size=4194304", "-global", "nrf51-soc.sram-size=4194304"],
        ...["-kernel", "rom.elf", "-display", "none", "-monitor", "none", "-serial", "none"],
        ...["-semihosting-config", "enable=on,target=native", "-d", "unimp,guest_errors", "-D", "log"],
      ],
      { cwd: folder, timeoutMs: 30_000 },
    );
    const log = readFileSync(join(folder, "log"), "utf8");
    expect([run.exitCode, `${run.stdout}${run.stderr}`], log).toEqual([
      0,
      `image ${0x20009100 - 0x100} vectors ${0x20100}`,
    ]);
    const writes = [...log.matchAll(/write \(size 4, offset 0x0*8([0-9a-f]{6}), value 0x0*([0-9a-f]+)\)/g)];
    expect(writes.map(([, offset, value]) => [Number.parseInt(offset, 16), Number.parseInt(value, 16)])).toEqual([
      [0x08, 0], // SSIENR: off
      [0x04, 0], // CTRLR1: one frame
      [0x10, 1], // SER: the flash
      [0x14, 4], // BAUDR
      [0x00, 0x001f0300], // CTRLR0: frames of 32 bits, EEPROM read
      [0xf4, 0x03000218], // SPI_CTRLR0: command 03h, 8 and 24 bits
      [0x08, 1], // SSIENR: on
    ]);
  });
});
