/** The command that is equivalent to the page's state, ready to copy. */
import { shellQuote } from "@phinets/node/text";
import { useSignal } from "@preact/signals";

export function CommandLine({ words }: { readonly words: readonly string[] }) {
  const copied = useSignal(false);
  const line = shellQuote(words);
  const copy = async () => {
    await navigator.clipboard.writeText(line);
    copied.value = true;
    setTimeout(() => {
      copied.value = false;
    }, 1500);
  };
  return (
    <div class="command">
      <code>{line}</code>
      <button type="button" onClick={copy} aria-label={`Copy: ${line}`}>
        {copied.value ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
