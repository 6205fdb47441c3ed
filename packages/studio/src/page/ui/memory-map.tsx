/**
 * The memory map (arena over time) of `phinets inspect --svg`, embedded as an image, so that its content is not markup
 * of this page.
 */
import { useEffect, useState } from "preact/hooks";

export function MemoryMap({ svg }: { readonly svg: string }) {
  const [address, setAddress] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [svg]);
  if (address === "") return null;
  return <img class="memory" src={address} alt="Which values lie where in memory while the network runs" />;
}
