/**
 * Installs the system packages that firmware, video, queue and the browser tests need, and two runtimes for the tests of --device
 * and of .tflite, which are too large for everybody's npm install. A second run is quick.
 *
 * Usage: npm run setup [-- --dry-run]
 * apt-get is what it is tested with; dnf, pacman, brew and winget get the same programs by their own names.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dryRun = process.argv.includes("--dry-run");
const windows = process.platform === "win32";

/** A program or a file that shows that a package is there, and the package's name in each manager ("" where it comes with another). */
const wanted = [
  {
    shows: ["gcc", "clang", "cl"],
    apt: "gcc",
    dnf: "gcc",
    pacman: "gcc",
    brew: "",
    winget: "BrechtSanders.WinLibs.POSIX.UCRT",
  },
  { shows: ["g++", "clang++", "cl"], apt: "g++", dnf: "gcc-c++", pacman: "", brew: "", winget: "" },
  { shows: ["tcc"], apt: "tcc", dnf: "tcc", pacman: "tcc", brew: "", winget: "" },
  { shows: ["/usr/include/stdlib.h"], apt: "libc6-dev", dnf: "glibc-devel", pacman: "", brew: "", winget: "" },
  {
    shows: ["arm-none-eabi-gcc"],
    apt: "gcc-arm-none-eabi",
    dnf: "arm-none-eabi-gcc-cs",
    pacman: "arm-none-eabi-gcc",
    brew: "--cask gcc-arm-embedded",
    winget: "Arm.GnuArmEmbeddedToolchain",
  },
  {
    shows: ["/usr/share/doc/libnewlib-arm-none-eabi", "/usr/arm-none-eabi/include/stdlib.h"],
    apt: "libnewlib-arm-none-eabi",
    dnf: "arm-none-eabi-newlib",
    pacman: "arm-none-eabi-newlib",
    brew: "",
    winget: "",
  },
  {
    shows: ["qemu-system-arm"],
    apt: "qemu-system-arm",
    dnf: "qemu-system-arm",
    pacman: "qemu-system-arm",
    brew: "qemu",
    winget: "SoftwareFreedomConservancy.QEMU",
  },
  { shows: ["ffmpeg"], apt: "ffmpeg", dnf: "ffmpeg-free", pacman: "ffmpeg", brew: "ffmpeg", winget: "Gyan.FFmpeg" },
  {
    shows: ["chromium", "chromium-browser"],
    apt: "chromium",
    dnf: "chromium",
    pacman: "chromium",
    brew: "--cask chromium",
    winget: "Hibbiki.Chromium",
  },
  {
    shows: ["/usr/share/doc/libvulkan1", "/usr/lib64/libvulkan.so.1", "/usr/lib/libvulkan.so.1"],
    apt: "libvulkan1",
    dnf: "vulkan-loader",
    pacman: "vulkan-icd-loader",
    brew: "",
    winget: "",
  },
  { shows: ["cmake"], apt: "cmake", dnf: "cmake", pacman: "cmake", brew: "cmake", winget: "Kitware.CMake" },
  {
    shows: ["redis-server", "valkey-server"],
    apt: "redis-server",
    dnf: "valkey",
    pacman: "valkey",
    brew: "redis",
    winget: "",
  },
  { shows: ["make"], apt: "make", dnf: "make", pacman: "make", brew: "", winget: "" },
];

/** Commands that install, in the order in which they are looked for. */
const managers = {
  apt: { program: "apt-get", before: ["update"], install: ["install", "-y", "--no-install-recommends"], root: true },
  dnf: { program: "dnf", install: ["install", "-y"], root: true },
  pacman: { program: "pacman", install: ["-S", "--needed", "--noconfirm"], root: true },
  brew: { program: "brew", install: ["install"], each: true },
  winget: {
    program: "winget",
    install: ["install", "--accept-package-agreements", "--accept-source-agreements", "--id"],
    each: true,
  },
};

function onPath(program) {
  const endings = windows ? [".exe", ".cmd", ".bat"] : [""];
  return (process.env.PATH ?? "")
    .split(delimiter)
    .some((folder) => endings.some((ending) => existsSync(join(folder, program + ending))));
}

const isThere = (shows) => shows.some((sign) => (sign.startsWith("/") ? existsSync(sign) : onPath(sign)));

function run(program, words, options = {}) {
  const line = [program, ...words].join(" ");
  if (dryRun) {
    console.log(`setup: would run ${line}`);
    return "";
  }
  const { status, error, stdout } = spawnSync(program, words, {
    cwd: root,
    stdio: ["ignore", options.read ? "pipe" : "inherit", "inherit"],
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (error || status !== 0) {
    console.error(`setup: \`${line}\` failed${error ? `: ${error.message}` : ` with exit code ${status}`}`);
    process.exit(1);
  }
  return stdout ?? "";
}

/** npm as a script of this Node: npm.cmd needs a shell on Windows. */
const npm = (words, options) =>
  process.env.npm_execpath === undefined
    ? run("npm", words, options)
    : run(process.execPath, [process.env.npm_execpath, ...words], options);

if (!existsSync(join(root, "node_modules/onnxruntime-node"))) {
  console.log("setup: installing onnxruntime-node");
  // Its own script only downloads what CUDA needs.
  npm([
    "install",
    "--no-save",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "onnxruntime-node@1.30.0",
  ]);
}

const tflite = join(root, "node_modules/@tensorflow/tfjs-tflite");
if (!existsSync(tflite)) {
  console.log("setup: installing @tensorflow/tfjs-tflite");
  // Unpacked, not installed: the tests need its WebAssembly, and nothing of the 300 MB that it asks for.
  const packed = npm(
    ["pack", "--silent", "--pack-destination", "node_modules", "@tensorflow/tfjs-tflite@0.0.1-alpha.10"],
    { read: true },
  );
  const archive = join("node_modules", packed.trim());
  if (!dryRun) mkdirSync(tflite, { recursive: true });
  run("tar", ["-xzf", archive, "-C", "node_modules/@tensorflow/tfjs-tflite", "--strip-components=1"]);
  if (!dryRun) rmSync(join(root, archive));
}

const missing = wanted.filter(({ shows }) => !isThere(shows));
const name = Object.keys(managers).find((each) => onPath(managers[each].program));
const packages = missing.map((each) => each[name ?? "apt"]).filter((each) => each !== "");
if (packages.length === 0) {
  console.log("setup: everything is installed");
  process.exit(0);
}
if (name === undefined) {
  const known = Object.values(managers).map(({ program }) => program);
  console.error(
    `setup: none of ${known.join(", ")} is on this system; install these with your package manager (Debian's names): ${packages.join(" ")}`,
  );
  process.exit(1);
}
console.log(`setup: ${dryRun ? "would install" : "installing"} ${packages.join(" ")} with ${name}`);
const { program, before, install, root: needsRoot, each } = managers[name];
const asRoot = needsRoot && process.getuid?.() !== 0;
if (asRoot && !onPath("sudo")) {
  console.error(`setup: needs root to install ${packages.join(" ")}, and there is no sudo; run it as root`);
  process.exit(1);
}
const manage = (words) =>
  asRoot ? run("sudo", ["--preserve-env=DEBIAN_FRONTEND", program, ...words]) : run(program, words);
if (before) manage(before);
if (each) for (const one of packages) manage([...install, ...one.split(" ")]);
else manage([...install, ...packages]);
if (!dryRun) console.log("setup: done");
