"""The sections of the page, one function each."""

from collections.abc import Sequence
from html import escape

from lionherd_dist.report import drawing
from lionherd_dist.report.chronicle import Chronicle, Outline
from lionherd_dist.report.series import Axis
from lionherd_dist.report.words import duration, number, shown

MOST_TYPES = 20


def timeline(seen: Chronicle) -> str:
    """Which worker ran how much when."""
    axis = seen.axis
    if not seen.workers:
        return _section("timeline", "Timeline by worker", "No call told when it ran.", "")
    busy = {
        name: [ms / axis.width_ms for ms in track.busy_ms] for name, track in seen.workers.items()
    }
    most = max(max(row) for row in busy.values())
    rows = []
    for name, track in sorted(seen.workers.items()):
        failed = f", {track.failed:,} failed" if track.failed else ""
        mean = track.busy_ms.total / axis.span_ms
        about = f"{track.calls:,} calls{failed}, {number(round(mean, 1))} at once"
        strip = drawing.chart(
            drawing.strip([share / most if most else 0 for share in busy[name]]),
            axis.count,
            1,
            kind="strip",
        )
        rows.append(f'<div class="who">{shown(name)}<small>{about}</small></div>{strip}')
    keys = "".join(
        f'<span><i class="s{shade}"></i>{words}</span>'
        for shade, words in (
            (0, "idle"),
            (1, "few at once"),
            (drawing.LEVELS, f"up to {number(most)}"),
        )
    )
    content = (
        f'<div class="workers">{"".join(rows)}<div class="empty"></div>{_along(axis)}</div>'
        f'<div class="key">{keys}</div>'
    )
    about = f"Calls at once on each worker; one cell is {duration(axis.width_ms)}."
    return _section("timeline", "Timeline by worker", about, content)


def rate(seen: Chronicle) -> str:
    """How many calls ended, and how many ran, over time."""
    axis, width_s = seen.axis, seen.axis.width_ms / 1000
    ended = [count / width_s for count in seen.ended]
    failed = [count / width_s for count in seen.failed]
    most = drawing.ceiling(max(ended, default=0))
    titles = [
        f"{duration(at * axis.width_ms)}: {number(all_)}/s, {number(bad)}/s failed"
        for at, (all_, bad) in enumerate(zip(ended, failed, strict=True))
    ]
    svg = drawing.chart(
        drawing.bars(ended, most, "good", titles) + drawing.bars(failed, most, "bad", titles),
        axis.count,
    )
    content = _plot(svg, f"{number(most)}/s", _along(axis)) + _key(
        ("good", "ended"), ("bad", "of these, failed")
    )
    about = f"Calls that ended, a second; one bar is {duration(axis.width_ms)}."
    return _section("rate", "Rate over time", about, content)


def failures(outline: Outline) -> str:
    """What failed, by the type of the error."""
    if not outline.failures:
        return _section("failures", "Failures by type", "None.", "")
    rows = [
        f'<tr><td class="number">{one.count:,}</td><td>{shown(one.type_name)}</td>'
        f"<td>{shown(one.example)}</td></tr>"
        for one in outline.failures[:MOST_TYPES]
    ]
    rest = outline.failures[MOST_TYPES:]
    if rest:
        count = sum(one.count for one in rest)
        rows.append(
            f'<tr><td class="number">{count:,}</td><td>{len(rest):,} more types</td><td></td></tr>'
        )
    table = (
        '<table><tr><th class="number">calls</th><th class="type">type</th><th>the first</th></tr>'
        f"{''.join(rows)}</table>"
    )
    about = f"{outline.failed:,} of {outline.done:,} calls."
    return _section("failures", "Failures by type", about, table)


def latency(seen: Chronicle) -> str:
    """How long the calls took on the workers."""
    bins = seen.durations.bins()
    if not bins:
        return _section("latency", "Latency", "No call told how long it took.", "")
    counts = [count for _, _, count in bins]
    most = drawing.ceiling(max(counts))
    titles = [f"{duration(low)} to {duration(high)}: {count:,}" for low, high, count in bins]
    marks, said = [], []
    for name, share in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99)):
        ms = seen.durations.percentile_ms(share)
        at = next(place for place, (_, high, _) in enumerate(bins) if ms < high)
        marks.append(drawing.upright(at + 0.5, "mark"))
        said.append(f"{name} {duration(ms)}")
    svg = drawing.chart(drawing.bars(counts, most, "good", titles) + "".join(marks), len(bins))
    ends = (bins[0][0], (bins[0][0] * bins[-1][1]) ** 0.5, bins[-1][1])
    along = _ends([duration(ms) for ms in ends])
    content = _plot(svg, number(most), along) + _key(("good", "calls"), ("m", ", ".join(said)))
    about = (
        "How long the last attempt of each call ran on its worker; the scale is logarithmic, each "
        "bar a tenth longer than the one before."
    )
    return _section("latency", "Latency distribution", about, content)


def limiter(seen: Chronicle) -> str:
    """How many tokens were held, and who waited; nothing for a job without a limiter."""
    used = seen.occupancy
    if used is None:
        return ""
    samples = list(used.samples)
    if not samples:
        return _section("limiter", "Limiter", "The job was over before it was looked at.", "")
    held, waiting = _means(list(used.held), samples), _means(list(used.waiting), samples)
    most = drawing.ceiling(max(used.total, *held, *waiting))
    svg = drawing.chart(
        drawing.steps(held, most, "good")
        + drawing.steps(waiting, most, "wait")
        + drawing.level(used.total, most, "mark", len(samples)),
        len(samples),
    )
    content = _plot(svg, number(most), _along(used.axis)) + _key(
        ("good", "tokens held"),
        ("wait", "requests that wait; a job counts as one"),
        ("m", f"{number(used.total)} tokens in all"),
    )
    mean = number(round(used.held.total / used.samples.total, 1))
    about = f"{mean} tokens held on average, by everybody who uses {shown(used.name)}."
    return _section("limiter", "Limiter occupancy", about, content)


def _means(sums: Sequence[float], samples: Sequence[float]) -> list[float]:
    """The mean of each bin; a bin without a sample has the one before it."""
    means: list[float] = []
    for sum_, count in zip(sums, samples, strict=True):
        means.append(sum_ / count if count else means[-1] if means else 0.0)
    return means


def _section(name: str, heading: str, about: str, content: str) -> str:
    return f'<section id="{name}"><h2>{heading}</h2><p>{about}</p>{content}</section>\n'


def _plot(svg: str, top: str, along: str) -> str:
    up = f'<div class="up"><span>{top}</span><span>0</span></div>'
    return f'<div class="plot">{up}{svg}{along}</div>'


def _along(axis: Axis) -> str:
    return _ends([duration(share * axis.span_ms) if share else "0" for share in (0, 0.5, 1)])


def _ends(labels: Sequence[str]) -> str:
    return f'<div class="along">{"".join(f"<span>{escape(one)}</span>" for one in labels)}</div>'


def _key(*entries: tuple[str, str]) -> str:
    spans = "".join(f'<span><i class="{kind}"></i>{words}</span>' for kind, words in entries)
    return f'<div class="key">{spans}</div>'
