export { browserThreads } from "./threads.js";
