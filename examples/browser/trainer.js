/** The worker that trains: the engine waits for its threads, which the page's own thread may not do. */
import { browserThreads } from "@phinets/browser";
import { sha256, train } from "./training.js";

addEventListener("message", async ({ data: { threads, steps } }) => {
  try {
    const onStep = (step, loss) => postMessage({ step, loss });
    postMessage({ weightsSha256: await sha256(await train(browserThreads(threads), { steps, onStep })) });
  } catch (error) {
    postMessage({ error: error.message });
  }
});
