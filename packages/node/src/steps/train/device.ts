/** The optional device for training steps, in place of our kernels: ONNX Runtime, which is installed separately. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { OnnxDevice, type OnnxRuntime } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import type { DeviceName } from "@phinets/core/training";

const packageName = "onnxruntime-node";
/** The tested version. Its installation script only downloads CUDA libraries, which are not used. */
const install = `npm install --ignore-scripts ${packageName}@1.30.0`;

/**
 * Starts a device; undefined for "cpu", which needs none. Throws PhinetsError `device.*` where it is not installed or
 * does not start.
 */
export async function openDevice(
  name: DeviceName = "cpu",
  threads: number,
  load: () => unknown = loadRuntime,
): Promise<OnnxDevice | undefined> {
  if (name === "cpu") return undefined;
  let runtime: OnnxRuntime;
  try {
    runtime = load() as OnnxRuntime;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem =
      code === "MODULE_NOT_FOUND" && message.includes(`'${packageName}'`)
        ? "is not installed; install it where phinets is"
        : `does not load here (${message.split("\n")[0]}); install it again`;
    throw new PhinetsError("device.missing", `--device ${name}: ${packageName} ${problem} (${install})`, "device");
  }
  const device = new OnnxDevice(runtime, { provider: name === "webgpu" ? "webgpu" : "cpu", threads });
  try {
    await device.probe();
  } catch (error) {
    await device.dispose();
    const reason = reasonOf(error as Error);
    const remedy =
      name === "webgpu"
        ? "it needs a GPU with a driver for Vulkan (on Linux libvulkan.so.1 too), Metal or Direct3D 12; without --device the CPU trains"
        : `install ${packageName} again (${install})`;
    throw new PhinetsError(
      "device.start",
      `--device ${name}: ONNX Runtime cannot start (${reason}); ${remedy}`,
      "device",
    );
  }
  return device;
}

/** Loads the package from beside phinets, else from the working directory. */
function loadRuntime(): unknown {
  try {
    return createRequire(import.meta.url)(packageName);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    return createRequire(join(process.cwd(), "package.json"))(packageName);
  }
}

/** Removes the source file, line, function and failed condition with which ONNX Runtime's messages begin. */
function reasonOf({ message }: Error): string {
  const line = message.trim().split("\n")[0];
  return line.slice(line.lastIndexOf(" was false. ") + 1).replace(/^was false\. /, "");
}
