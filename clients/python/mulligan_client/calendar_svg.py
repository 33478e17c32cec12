"""A calendar as a picture: a row per provider, time from left to right, a colour per project."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape

from mulligan_client.calendar_lanes import CLEANING, Lane, Level

WIDTH, LABELS, ROW, GAP, TOP, DATE = 1680, 190, 18, 4, 64, 110
COLOURS = (
    "#3b6fb6", "#d9822b", "#4f9d69", "#8e5ea2", "#c0504d", "#2a9d9d", "#b59b2f", "#6b7a8f",
    "#a0623d", "#5c8f2e", "#b04a86", "#4a58a8",
)  # fmt: skip
SATURDAY, MOST_DAYS = 5, timedelta(days=35)
GREY, RED, INK, LINE = "#b9bec6", "#d0021b", "#24292f", "#e4e7eb"


def draw(
    lanes: Sequence[Lane],
    begins_at: datetime,
    ends_at: datetime,
    *,
    now: datetime,
    name: Callable[[str], str],
) -> str:
    """Draw rows of providers as an SVG document."""
    projects = sorted({one.project for lane in lanes for one in lane.levels} - {CLEANING})
    colours = {one: COLOURS[index % len(COLOURS)] for index, one in enumerate(projects)}
    height = TOP + len(lanes) * (ROW + GAP) + 48
    span = ends_at - begins_at

    def x(moment: datetime) -> float:
        return LABELS + (moment - begins_at) / span * (WIDTH - LABELS - 16)

    parts = [_box(0, 0, WIDTH, height, 'fill="white"'), *_days(begins_at, ends_at, x, height - 44)]
    for index, lane in enumerate(lanes):
        top = TOP + index * (ROW + GAP)
        parts += [
            _text(LABELS - 8, top + ROW - 5, name(lane.provider), 'text-anchor="end"'),
            _box(LABELS, top, WIDTH - LABELS - 16, ROW, f'fill="none" stroke="{LINE}"'),
            *_bars(lane, top, x, colours),
        ]
    if begins_at <= now <= ends_at:
        parts.append(_line(x(now), TOP - 6, height - 44, f'stroke="{RED}" stroke-width="1.5"'))
    parts += _legend(colours, name, height - 18)
    body = "\n".join(parts)
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    style = 'font-family="sans-serif" font-size="11"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{body}\n</svg>\n'


def _box(left: float, top: float, width: float, height: float, style: str) -> str:
    where = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f"<rect {where} {style}/>"


def _line(x: float, top: float, bottom: float, style: str) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" {style}/>'


def _text(x: float, y: float, words: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y}" fill="{INK}" {style}>{escape(_short(words))}</text>'


def _short(words: str) -> str:
    return words if len(words) <= 28 else f"{words[:27]}…"


def _days(
    begins_at: datetime, ends_at: datetime, x: Callable[[datetime], float], bottom: int
) -> Iterator[str]:
    """A line per day, weekends shaded, a date where there is room for one."""
    day = begins_at.replace(hour=0, minute=0, second=0, microsecond=0)
    each = ends_at - begins_at <= MOST_DAYS
    while day < ends_at:
        after = day + timedelta(days=1)
        left, right = x(max(day, begins_at)), x(min(after, ends_at))
        monday = day.weekday() == 0
        if day.weekday() >= SATURDAY:
            yield _box(left, TOP - 6, right - left, bottom - TOP + 6, 'fill="#f5f6f8"')
        if day >= begins_at:
            colour = INK if monday else LINE
            yield _line(left, TOP - (18 if monday else 6), bottom, f'stroke="{colour}"')
        if each or monday:
            yield _text((left + right) / 2, TOP - 12, str(day.day), 'text-anchor="middle"')
        to_monday = timedelta(days=7 - day.weekday())
        if monday or (day <= begins_at and x(day + to_monday) - left > DATE):
            yield _text(left + 3, TOP - 30, f"{day:%a %d %b %Y}", 'font-weight="bold"')
        day = after


def _bars(
    lane: Lane, top: int, x: Callable[[datetime], float], colours: dict[str, str]
) -> Iterator[str]:
    """What is booked at each moment, one upon the other from the bottom."""
    filled: dict[datetime, float] = {}
    for one in lane.levels:
        below = filled.get(one.begins_at, 0.0)
        filled[one.begins_at] = below + one.share
        height = max(1.0, min(one.share, 1.0) * ROW)
        bottom = top + ROW - min(below, 1.0) * ROW
        width = max(0.6, x(one.ends_at) - x(one.begins_at))
        yield _box(x(one.begins_at), bottom - height, width, height, _fill(one, colours))


def _fill(level: Level, colours: dict[str, str]) -> str:
    colour = colours.get(level.project, GREY)
    if level.overrun:
        return f'fill="{colour}" stroke="{RED}" stroke-width="1.5"'
    return f'fill="{colour}" fill-opacity="{0.4 if level.held else 1}"'


def _legend(colours: dict[str, str], name: Callable[[str], str], y: int) -> Iterator[str]:
    left = float(LABELS)
    shown = [(colour, name(project)) for project, colour in colours.items()]
    for colour, words in [*shown, (GREY, "kept free for cleaning")]:
        if left > WIDTH - 160:
            yield _text(left, y, "…")
            return
        yield _box(left, y - 10, 12, 12, f'fill="{colour}"')
        yield _text(left + 17, y, words)
        left += 34 + 6.4 * len(_short(words))
