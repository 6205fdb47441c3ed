import { render } from "preact";
import { codeInHash } from "../../shared/phone.js";
import { begin } from "./store.js";
import { PhonePage } from "./view.js";
import "../style.css";
import "./phone.css";

// The code has done its work: it stands neither in the history nor in what a user copies.
const code = codeInHash(location.hash);
if (location.hash !== "") history.replaceState(null, "", location.pathname);
void begin(code);
render(<PhonePage />, document.getElementById("app")!);
