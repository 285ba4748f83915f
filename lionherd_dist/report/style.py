"""How the page looks, on light and on dark ground, on a wide screen and on a narrow one."""

CSS = """
:root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--ink:#1c2430;--soft:#5b6675;
--line:#d9dee5;--good:#2f6fd6;--bad:#c8372d;--mark:#c2570c;
--s0:#e9edf2;--s1:#c9dcf7;--s2:#9dc0f0;--s3:#6a9fe6;--s4:#3f7fda;--s5:#1f57b3}
@media(prefers-color-scheme:dark){:root{--ground:#12161c;--card:#1a2029;--ink:#e6eaf0;
--soft:#9aa6b5;--line:#323b48;--good:#6aa5f8;--bad:#f0776d;--mark:#e0b050;
--s0:#232b36;--s1:#1f3d66;--s2:#275593;--s3:#3472c4;--s4:#5a97ea;--s5:#a9cdff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1040px;padding:24px 16px 48px;background:var(--ground);
color:var(--ink);font:15px/1.45 system-ui,sans-serif}
h1{font-size:22px;margin:0 0 2px;overflow-wrap:anywhere}h2{font-size:16px;margin:0 0 4px}
p{margin:0 0 12px;color:var(--soft);font-size:14px}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px;
margin-top:16px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(118px,1fr));gap:12px;
margin:16px 0 0}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:8px;
padding:10px 12px}
dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:20px;font-variant-numeric:tabular-nums}
.facts .bad{color:var(--bad)}
.plot{display:grid;grid-template-columns:auto 1fr;column-gap:8px}
.up{display:flex;flex-direction:column;justify-content:space-between;text-align:right}
.up,.along,.key{color:var(--soft);font-size:12px;font-variant-numeric:tabular-nums}
.along{grid-column:2;display:flex;justify-content:space-between;padding-top:3px}
.chart{display:block;width:100%;height:150px;border-left:1px solid var(--line);
border-bottom:1px solid var(--line)}
.strip{display:block;width:100%;height:22px;border-radius:3px;background:var(--s0)}
.workers{display:grid;grid-template-columns:fit-content(240px) 1fr;gap:6px 12px;
align-items:center}
.who{font-size:13px;overflow-wrap:anywhere}.who small{color:var(--soft);display:block}
.workers .along{padding-top:0}
.key{display:flex;flex-wrap:wrap;gap:4px 14px;margin:10px 0 0}
.key i{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:5px;
vertical-align:-1px}
.key .m,.key .wait{height:2px;vertical-align:4px}
.good{fill:var(--good)}.bad{fill:var(--bad)}
.wait{fill:none;stroke:var(--ink);stroke-width:1.5;vector-effect:non-scaling-stroke}
i.good{background:var(--good)}i.bad{background:var(--bad)}
i.wait{background:var(--ink)}i.m{background:var(--mark)}
.mark{stroke:var(--mark);stroke-width:2;stroke-dasharray:5 4;fill:none;
vector-effect:non-scaling-stroke}
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}.s3{fill:var(--s3)}
.s4{fill:var(--s4)}.s5{fill:var(--s5)}
i.s0{background:var(--s0)}i.s1{background:var(--s1)}i.s2{background:var(--s2)}
i.s3{background:var(--s3)}i.s4{background:var(--s4)}i.s5{background:var(--s5)}
table{width:100%;border-collapse:collapse;font-size:14px;table-layout:fixed}
th{text-align:left;color:var(--soft);font-weight:normal;font-size:13px}
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;
overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums;width:84px;white-space:nowrap;
padding-right:16px}
.type{width:34%}
@media(max-width:600px){.number{width:62px}.type{width:42%}.workers{grid-template-columns:1fr;gap:3px}
.workers .along{grid-column:1}.who{margin-top:6px}
.who small{display:inline;margin-left:6px}.chart{height:120px}section{padding:12px}
.empty{display:none}}
"""
