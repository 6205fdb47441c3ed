/** Files of the user's own, opened in the page itself: a folder, a .zip, or either dropped. Nothing is sent anywhere. */
import { useId } from "preact/hooks";
import { connection } from "../../connection.js";
import { problem, use } from "./store.js";

export function OpenFiles() {
  const [folder, archive] = [useId(), useId()];
  if (connection.value.kind !== "static") return null;
  const take = async (files: Iterable<File>) => {
    const { browserSource } = await import("./browser-source.js");
    try {
      await use(await browserSource([...files]));
    } catch (error) {
      problem.value = error as Error;
    }
  };
  return (
    <p class="actions">
      <label class="button" for={folder}>
        Open a folder…
        <input
          id={folder}
          class="hidden"
          type="file"
          multiple
          ref={(element) => {
            if (element) element.webkitdirectory = true;
          }}
          onChange={({ currentTarget }) => void take(currentTarget.files ?? [])}
        />
      </label>
      <label class="button" for={archive}>
        Open a .zip…
        <input
          id={archive}
          class="hidden"
          type="file"
          accept=".zip"
          onChange={({ currentTarget }) => void take(currentTarget.files ?? [])}
        />
      </label>
    </p>
  );
}
