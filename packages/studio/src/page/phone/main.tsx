import { render } from "preact";
import { codeInHash } from "../../shared/phone.js";
import { begin } from "./store.js";
import { PhonePage } from "./view.js";
import "../style.css";
import "./phone.css";

// Remove the code from the address, so that neither the history nor a copied address has it.
const code = codeInHash(location.hash);
if (location.hash !== "") history.replaceState(null, "", location.pathname);
void begin(code);
render(<PhonePage />, document.getElementById("app")!);
