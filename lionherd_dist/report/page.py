"""The page: one file that asks for nothing, not even for a script."""

from html import escape

from lionherd_dist.report.chronicle import Chronicle, Outline
from lionherd_dist.report.sections import failures, latency, limiter, rate, timeline
from lionherd_dist.report.style import CSS
from lionherd_dist.report.words import duration, number, shown

# What the browser is told to refuse, whatever stands below: all requests and all scripts.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

NEARLY_ALL = 0.95


def page(outline: Outline, seen: Chronicle) -> str:
    """The job as a page of HTML."""
    title = shown(outline.title)
    parts = (timeline(seen), rate(seen), failures(outline), latency(seen), limiter(seen))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{CSS}</style>
</head>
<body>
<h1>{title}</h1>
<p>{_state(outline, seen)}</p>
{_untimed(outline, seen)}
{_facts(outline, seen)}
{"".join(parts)}
</body>
</html>
"""


def _state(outline: Outline, seen: Chronicle) -> str:
    of_all = "" if outline.total is None else f" of {outline.total:,}"
    how = "Stopped after" if outline.stopped else "Done:"
    took_ms = outline.elapsed_s * 1000
    drawn = ""
    if 0 < seen.axis.span_ms < took_ms * NEARLY_ALL:  # workers had to be started, for one
        drawn = (
            f", of which the pictures show {duration(seen.axis.span_ms)}: from when the first call "
            "began to when the last one ended"
        )
    return f"{how} {outline.done:,}{of_all} calls in {duration(took_ms)}{drawn}."


def _untimed(outline: Outline, seen: Chronicle) -> str:
    """How many calls the drawings leave out, and why; nothing if they have them all."""
    untimed = outline.done - seen.durations.count
    if untimed <= 0:
        return ""
    return (
        f"<p>{untimed:,} of them came without times, and are in none of the pictures: no worker "
        "ran them to an end, or one of an older release did.</p>"
    )


def _facts(outline: Outline, seen: Chronicle) -> str:
    per_second = outline.done / outline.elapsed_s if outline.elapsed_s else 0.0
    facts = [
        ("done", number(outline.done), ""),
        ("failed", number(outline.failed), "bad" if outline.failed else ""),
        ("calls a second", number(per_second), ""),
        ("workers", number(len(seen.workers)), ""),
        ("p50", duration(seen.durations.percentile_ms(0.50)), ""),
        ("p95", duration(seen.durations.percentile_ms(0.95)), ""),
        ("p99", duration(seen.durations.percentile_ms(0.99)), ""),
    ]
    cells = "".join(
        f'<div><dt>{name}</dt><dd class="{kind}">{value}</dd></div>' for name, value, kind in facts
    )
    return f'<dl class="facts">{cells}</dl>'
