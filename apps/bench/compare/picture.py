"""The comparison as a picture: for each metric a bar as long as one server is better, on a logarithmic
scale, with the span from the least to the greatest of the rounds. An SVG file of its own drawing."""

import math
from xml.sax.saxutils import escape

import results

ROW = 26
TOP = 64
LEFT = 400
PLOT = 400
RIGHT = 170
BETTER, WORSE, INK, PALE = "#2f6f8f", "#b0643c", "#222222", "#d8d8d8"
FONT = 'font-family="sans-serif" font-size="12"'


class Scale:
    """Ratios to places: logarithmic, and wide enough for all of them and for 1."""

    def __init__(self, ratios):
        numbers = [number for ratio in ratios for number in ratio if number > 0] + [1]
        self.low = min(0.5, min(numbers)) / 1.1
        self.high = max(2, max(numbers)) * 1.1

    def __call__(self, ratio):
        ratio = min(max(ratio, self.low), self.high)
        return LEFT + PLOT * math.log(ratio / self.low) / math.log(self.high / self.low)

    def ticks(self):
        return [tick for tick in (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if self.low <= tick <= self.high]


def _text(x, y, text, anchor="start", fill=INK, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-weight="{weight}" {FONT}>'
            f"{escape(text)}</text>")


def _row(comparison, y, scale):
    low, median, high = comparison.ratio
    one, end, middle = scale(1), scale(median), y + ROW / 2
    color = BETTER if median >= 1 else WORSE
    unit = comparison.metric.unit
    numbers = f"{results.readable(comparison.ours, unit)} / {results.readable(comparison.theirs, unit)}"
    return [
        _text(LEFT - 12, middle + 4, f"{comparison.scenario.title}: {comparison.metric.title}", "end"),
        f'<rect x="{min(one, end):.1f}" y="{y + 6}" width="{abs(end - one):.1f}" height="{ROW - 12}" fill="{color}"/>',
        f'<path d="M{scale(low):.1f} {middle}H{scale(high):.1f}M{scale(low):.1f} {middle - 4}v8'
        f'M{scale(high):.1f} {middle - 4}v8" stroke="{INK}" fill="none"/>',
        _text(LEFT + PLOT + 12, middle + 4, f"{median:.1f}×", weight="bold"),
        _text(LEFT + PLOT + 60, middle + 4, numbers, fill="#666666"),
    ]


def draw(comparisons, ours, theirs, footnotes):
    """The SVG's text."""
    rows = [row for row in comparisons if row.ratio]
    scale = Scale([row.ratio for row in rows])
    bottom = TOP + ROW * len(rows)
    width, height = LEFT + PLOT + RIGHT, bottom + 40 + 16 * len(footnotes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 22, f"How many times better {ours} is than {theirs}", weight="bold"),
        _text(LEFT + PLOT + 60, TOP - 12, f"{ours} / {theirs}", fill="#666666"),
    ]
    for tick in scale.ticks():
        x = scale(tick)
        parts.append(f'<path d="M{x:.1f} {TOP - 6}V{bottom}" stroke="{INK if tick == 1 else PALE}"/>')
        parts.append(_text(x, TOP - 12, f"{tick:g}×", "middle"))
    for number, row in enumerate(rows):
        parts += _row(row, TOP + ROW * number, scale)
    for number, note in enumerate(footnotes):
        parts.append(_text(12, bottom + 28 + 16 * number, note, fill="#666666"))
    return "\n".join(parts + ["</svg>", ""])
