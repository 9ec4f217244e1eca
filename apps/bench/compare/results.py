"""From records to ratios: how many times better one server is than another, per round."""

import statistics


def value_of(record, metric):
    """The metric's number in a record; None where it is not known."""
    value = record["result"]
    for step in metric.path:
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return value


class Comparison:
    """One metric of one scenario: a server against the one that it is measured by."""

    def __init__(self, scenario, metric, ours, theirs):
        """`ours` and `theirs`: numbers by round."""
        self.scenario = scenario
        self.metric = metric
        self.ours = statistics.median(ours.values()) if ours else None
        self.theirs = statistics.median(theirs.values()) if theirs else None
        ratios = [_times_better(metric, ours[key], theirs[key]) for key in ours.keys() & theirs.keys()]
        ratios = [ratio for ratio in ratios if ratio is not None]
        self.ratio = (min(ratios), statistics.median(ratios), max(ratios)) if ratios else None


def _times_better(metric, ours, theirs):
    above, below = (ours, theirs) if metric.more_is_better else (theirs, ours)
    return above / below if above > 0 and below > 0 else None  # memory may have been given back meanwhile


def compare(records, rows, ours, theirs):
    """A Comparison for each metric of each scenario that both servers have numbers of."""
    comparisons = []
    for scenario in rows:
        for metric in scenario.metrics:
            numbers = {ours: {}, theirs: {}}
            for record in records:
                value = value_of(record, metric)
                if record["scenario"] == scenario.name and record["server"] in numbers and value is not None:
                    numbers[record["server"]][record["round"]] = value
            if numbers[ours] and numbers[theirs]:
                comparisons.append(Comparison(scenario, metric, numbers[ours], numbers[theirs]))
    return comparisons


def readable(value, unit):
    """A number for people: 1234567 B → 1.23 MB."""
    if unit == "us" and value >= 1000:
        value, unit = value / 1000, "ms"
    if unit == "ms" and value >= 1000:
        value, unit = value / 1000, "s"
    if unit in ("B", "/s"):
        for prefix, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
            if value >= size:
                value, unit = value / size, (prefix + unit if unit == "B" else f"{prefix}{unit}")
                break
    if value >= 100:
        return f"{value:.0f} {unit}"
    return f"{value:.3g} {unit}"


def table(comparisons, ours, theirs):
    """The ratios as text; above 1 the first server is better."""
    lines = [f"{'':48} {'':16} {theirs:>12} {ours:>12}   times better: min  median     max"]
    last = None
    for row in comparisons:
        title = row.scenario.title if row.scenario is not last else ""
        last = row.scenario
        ratio = "".join(f"{number:8.2f}" for number in row.ratio) if row.ratio else "       -"
        lines.append(f"{title:48} {row.metric.title:16} {readable(row.theirs, row.metric.unit):>12} "
                     f"{readable(row.ours, row.metric.unit):>12}          {ratio}")
    return "\n".join(lines)
