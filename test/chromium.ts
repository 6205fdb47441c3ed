import { existsSync } from "node:fs";

/** Launch options of headless Chromium for playwright-core; undefined, with a message, where it is not installed. */
export function chromiumOptions(): { executablePath: string; args: string[] } | undefined {
  const executablePath = process.env.PHINETS_CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) {
    const message = `${executablePath} is absent; \`npm run setup\` installs it, PHINETS_CHROMIUM names another`;
    if (process.env.CI) throw new Error(message);
    console.warn(`skipped: ${message}`);
    return undefined;
  }
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  return { executablePath, args: [...args, "--disable-component-update", "--disable-sync"] };
}
