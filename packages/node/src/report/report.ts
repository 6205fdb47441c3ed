/** report.html: everything a run has to show, in one file that loads nothing. */
import type { ReportData } from "./data.js";
import { analysisSections, classSections } from "./evaluation.js";
import { html, raw } from "./html.js";
import {
  artefactsSection,
  figuresTable,
  headline,
  networkSection,
  precisionRecallSection,
  predictionsSection,
  proofSection,
  trackingSection,
  trainingSection,
} from "./sections.js";
import { style } from "./style.js";

/** The page as text. A pure function: equal data, equal page. */
export function renderReport(data: ReportData): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${data.title}: phinets report</title>
<style>${raw(style)}</style>
</head>
<body><main>
${headline(data)}
${figuresTable(data)}
${predictionsSection(data)}
${precisionRecallSection(data)}
${data.analysis && analysisSections(data.analysis)}
${data.classAnalysis && classSections(data.classAnalysis)}
${networkSection(data)}
${proofSection(data)}
${trackingSection(data)}
${trainingSection(data)}
${artefactsSection(data)}
</main></body>
</html>
`.text;
}
