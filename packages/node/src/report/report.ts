/** report.html: everything about a shipped run, in one file that loads no other. */
import type { ReportData } from "./data.js";
import { analysisSections, classSections } from "./evaluation.js";
import { html } from "./html.js";
import { renderPage } from "./page.js";
import { proofSection, trackingSection } from "./proof.js";
import {
  againSection,
  artefactsSection,
  classesSection,
  dataSection,
  figuresTable,
  headline,
  networkSection,
  precisionRecallSection,
  predictionsSection,
} from "./sections.js";
import { trainingSection } from "./training-section.js";

/** Returns the page's HTML. A pure function: equal data gives equal pages. */
export function renderReport(data: ReportData): string {
  const { dataset, version, date } = data;
  return renderPage({
    title: `${data.title}: phinets report`,
    header: headline(data),
    body: html`${figuresTable(data)}
${predictionsSection(data)}
${precisionRecallSection(data)}
${classesSection(data.perClass ?? [], `Int8, on the ${dataset.split} split.`)}
${data.analysis && analysisSections(data.analysis)}
${data.classAnalysis && classSections(data.classAnalysis)}
${networkSection(data)}
${proofSection(data)}
${trackingSection(data)}
${dataSection(data)}
${trainingSection(data)}
${artefactsSection(data)}
${againSection(data.commands)}`,
    footer: html`phinets ${version}${date && `, ${date}`}. This page is one file and loads nothing from elsewhere.`,
  });
}
