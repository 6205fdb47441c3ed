/** The report's only style sheet: light, dark and print. It loads no fonts or pictures. */
export const style = `
:root{color-scheme:light dark;--page:#f6f5f1;--card:#fff;--ink:#1d2430;--soft:#5d6675;--faint:#8a93a1;--line:#e2e0d8;--track:#ecebe5;
--accent:#0f766e;--float:#3b6fd4;--int8:#d9730d;--firmware:#0f8a6d;--good:#0f8a6d;--bad:#d13a3a;--warn:#b97a00;--violet:#8250df;--shadow:0 1px 2px #1d243012,0 6px 20px #1d24300d}
@media (prefers-color-scheme:dark){:root{--page:#12151b;--card:#1a1f27;--ink:#e6e9ef;--soft:#a3acba;--faint:#768091;--line:#2b323d;--track:#2a313b;
--accent:#2dd4bf;--float:#7aa7ff;--int8:#ffa552;--firmware:#3ddbb0;--good:#3ddbb0;--bad:#ff7b7b;--warn:#f0b429;--violet:#b794ff;--shadow:none}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:40px 24px 64px}
header{margin-bottom:28px}
.brand{font-weight:650;letter-spacing:.02em;color:var(--accent);font-size:13px;text-transform:uppercase}
h1{font-size:34px;line-height:1.15;letter-spacing:-.02em;margin:6px 0 8px;font-weight:700;overflow-wrap:anywhere}
h2{font-size:20px;letter-spacing:-.01em;margin:0 0 4px;font-weight:650}
h3{font-size:13px;margin:0 0 6px;font-weight:600;color:var(--soft)}
p{margin:0 0 12px}.lead{color:var(--soft);margin:0;max-width:88ch}.note{color:var(--soft);font-size:13.5px;max-width:96ch}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:22px 24px;margin:18px 0;box-shadow:var(--shadow)}
section>.note{margin-bottom:16px}
a{color:var(--accent)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,165px),1fr));gap:14px;margin:22px 0 18px}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:16px 18px;box-shadow:var(--shadow)}
.card .name{font-size:12.5px;color:var(--soft)}
.card .value{font-size:27px;white-space:nowrap;font-weight:700;letter-spacing:-.025em;line-height:1.2;font-variant-numeric:tabular-nums}
.card .value small{font-size:16px;font-weight:600;color:var(--soft);letter-spacing:0}
.card .more{font-size:12.5px;color:var(--soft)}
.card .value.word{font-size:19px;line-height:1.7}
.good{color:var(--good)}.bad{color:var(--bad)}
.bar{height:9px;border-radius:5px;background:var(--track);margin:9px 0 7px;overflow:hidden}
.bar i{display:block;height:100%;border-radius:5px;background:var(--accent)}.bar i.over{background:var(--bad)}
td>.bar{margin:0}td:has(>.bar){vertical-align:middle}
nav{display:flex;flex-wrap:wrap;gap:2px 16px;margin:4px 0 0;padding:8px 2px;position:sticky;top:0;z-index:1;background:var(--page);font-size:13.5px}
nav a{text-decoration:none;padding:2px 0}nav a:hover{text-decoration:underline}section{scroll-margin-top:64px}
.callout{border-left:4px solid var(--bad);background:color-mix(in srgb,var(--bad) 9%,var(--card));border-radius:8px;padding:12px 16px;margin:16px 0;font-weight:500}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:22px}
.two>*{min-width:0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th{font-weight:600;color:var(--soft);text-align:left;font-size:12.5px}
th,td{padding:6px 14px 6px 0;border-bottom:1px solid var(--line);vertical-align:baseline}
tr:last-child>td,tr:last-child>th[scope=row]{border-bottom:0}
td.n,th.n{text-align:right;white-space:nowrap}table.facts td{text-align:right;overflow-wrap:anywhere}td:last-child,th:last-child{padding-right:0}
th[scope=row]{color:var(--ink);font-weight:500;font-size:13.5px}
table.big .change{width:5.5em;color:var(--soft);font-weight:400}
table.big td,table.big th[scope=row]{font-size:16px;padding-top:9px;padding-bottom:9px}
table.big tr:first-child td,table.big tr:first-child th[scope=row]{font-weight:650}
.dot{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:6px}
code,pre,.mono{font:12.5px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--track);border-radius:9px;padding:12px 14px;overflow-x:auto;margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
.hash{color:var(--soft);overflow-wrap:anywhere}
.left-out{border:1px dashed var(--line);border-radius:10px;padding:14px 16px;color:var(--soft)}
.left-out b{color:var(--warn);font-weight:600}
figure{margin:0;min-width:0}figcaption{font-size:12.5px;color:var(--soft);margin-top:5px;overflow-wrap:anywhere}
.on-narrow{display:none}
.plot{display:block;max-width:100%;height:auto;font:11px ui-sans-serif,system-ui,"DejaVu Sans",sans-serif;color:var(--soft);overflow:visible}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:12.5px;color:var(--soft);margin:0 0 12px}
.legend .key{display:inline-block;width:16px;height:11px;border-radius:3px;border:2px solid;margin-right:6px;vertical-align:-1px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr));gap:20px 22px}
.trajectories{margin-top:16px}.trajectories .picture{max-width:760px}
table.matrix{width:auto}table.matrix td,table.matrix th{padding:7px 8px;min-width:52px}table.matrix td{border:2px solid var(--card)}table.matrix td:last-child,table.matrix th:last-child{padding-right:8px}table.matrix tr>th{border:0}table.matrix tr>th:first-child{padding-left:0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:6px}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(110px,1fr));gap:12px}
.strip{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,240px),1fr));gap:12px}
.picture{display:block;width:100%;height:auto;border-radius:7px;background:var(--track)}
.pictures .picture{image-rendering:pixelated}
.picture text{font:600 1px ui-sans-serif,system-ui,"DejaVu Sans",sans-serif}
.map{background:#fff;border-radius:9px;padding:8px;overflow-x:auto;border:1px solid var(--line)}.map svg{display:block;max-width:100%;min-width:720px;height:auto;margin:auto}
@media screen and (prefers-color-scheme:dark){.map{background:#171717}.map svg{filter:invert(.91) hue-rotate(180deg)}}
.proof{display:flex;gap:14px;align-items:baseline;font-size:18px;font-weight:650;margin:8px 0 14px}
footer{color:var(--faint);font-size:12.5px;margin-top:26px}
@media screen and (max-width:640px){main{padding:20px 14px 48px}h1{font-size:25px}section{padding:18px 16px}
.cards{grid-template-columns:1fr 1fr;gap:10px}.card{padding:12px 13px}.card .value{font-size:23px}.card .value.word{font-size:16px;white-space:normal}
nav{flex-wrap:nowrap;overflow-x:auto;white-space:nowrap;margin:0 -14px;padding:9px 14px;scrollbar-width:none}section{scroll-margin-top:48px}
.pair{grid-template-columns:1fr}.on-wide{display:none}.on-narrow{display:block}.on-narrow .plot{width:100%}.two{gap:18px}
table.big td,table.big th{padding-right:7px}table.big td,table.big th[scope=row]{font-size:13px;letter-spacing:-.01em}table.big .change{width:auto;font-size:11.5px}table.big .dot{display:none}table.big th.n{white-space:normal}
table.folds,table.folds tbody,table.folds tr,table.folds td,table.folds th[scope=row]{display:block;width:auto}table.folds thead{display:none}
table.folds tr{padding:9px 0;border-bottom:1px solid var(--line)}table.folds tr:last-child{border-bottom:0}
table.folds td,table.folds th[scope=row]{border:0;padding:1px 0;text-align:left;white-space:normal}table.folds th[scope=row]{font-weight:600;overflow-wrap:anywhere}
table.folds td{display:flex;justify-content:space-between;gap:14px}table.folds td::before{content:attr(data-head);color:var(--soft);flex:none}table.folds td[data-head=""]::before{content:none}table.folds td>.bar{flex:1}}
@media print{nav{display:none}:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#111;--soft:#444;--faint:#666;--line:#ccc;--track:#e6e6e6;--accent:#0f766e;--float:#3b6fd4;--int8:#d9730d;--firmware:#0f8a6d;--good:#0f8a6d;--bad:#c22;--warn:#b97a00;--violet:#8250df;--shadow:none}
body{font-size:11pt}main{max-width:none;padding:0}section,.card{break-inside:avoid;box-shadow:none}section.long{break-inside:auto}figure,tr{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
