"""Results as tables on the terminal."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_FRAME = "│  "
"""What a frame puts around a cell."""


def show_measures(title: str, measures: Mapping[str, float]) -> None:
    """One measure a line."""
    show_table(title, ("measure", "value"), [(name, f"{value:.4f}") for name, value in measures.items()])


def show_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; the first column is left-aligned, the others right.

    A terminal or notebook that is wide enough shows it framed, a narrower one as a list, a line a cell. A file or pipe
    gets aligned lines, a row each, however wide.
    """
    console = Console()
    _print(console, [title])
    if not (console.is_terminal or console.is_jupyter):
        _print(console, aligned_lines([header, *rows]))
        return
    cells = _widths(header, rows)
    words = _widths([max(name.split() or [""], key=cell_len) for name in header], rows)
    fitting = [widths for widths in (cells, words) if sum(widths) + len(_FRAME) * len(widths) < console.width]
    if fitting:
        console.print(_framed(header, rows, fitting[0]))
    else:
        _print(console, listed_lines(header, rows))


def aligned_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line a row, its cells below those of the row before."""
    widths = _widths(rows[0], rows[1:])
    return [
        "  ".join(
            " " * (width - cell_len(cell)) + cell if index else _padded(cell, width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def listed_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A line a row with its first cell, and below it one for each further cell, with the name of its column."""
    width = max(map(cell_len, header[1:]), default=0)
    return [
        line
        for first, *others in rows
        for line in (
            first,
            *(f"  {_padded(name, width)}  {cell}" for name, cell in zip(header[1:], others, strict=True)),
        )
    ]


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))


def _framed(header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Table:
    table = Table()
    for index, (name, width) in enumerate(zip(header, widths, strict=True)):
        table.add_column(name, justify="right" if index else "left", width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Of every column, that of its widest cell."""
    return [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]


def _print(console: Console, lines: Sequence[str]) -> None:
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def show_attack(title: str, measures: Mapping[str, float], targets: Sequence[str]) -> None:
    """An attack at a glance: a line a target, then the run's own numbers."""
    columns = ("accuracy_before", "accuracy_after", "auc_micro_before", "auc_micro_after", "asr", "accuracy_after_all")
    rows = [
        (name, *(f"{measures.get(f'{column}/{name}', float('nan')):.3f}" for column in columns)) for name in targets
    ]
    show_table(title, ("target", *(column.replace("_", " ") for column in columns)), rows)
    counts = "  ".join(
        f"{name} {measures[name]:.0f}" for name in ("images", "success", "failed", "skipped", "infeasible")
    )
    effort = f"queries {measures['queries_mean']:.1f} (most {measures['queries_max']:.0f})"
    quality = f"SSIM {measures['ssim']:.4f}  PSNR {measures['psnr']:.2f} dB  RMSE {measures['rmse']:.2f}"
    _print(Console(), [counts, f"{effort}  {quality}", _lesions(measures), *_misread(measures)])


def _misread(measures: Mapping[str, float]) -> list[str]:
    """A warning where most images were none that the sources read."""
    skipped, images = measures["skipped"], measures["images"]
    if skipped <= images / 2:
        return []
    return [f"{skipped:.0f} of {images:.0f} images were misread before, and were not searched; train longer"]


def _lesions(measures: Mapping[str, float]) -> str:
    """What became of the lesions that are known."""
    if measures["without_mask"] == measures["images"]:
        return "no lesion masks are given: what the marks cover is not known"
    pixels, images = measures["lesion_pixels_covered"], measures["lesions_covered"]
    caught = f"lesion caught by the mask {measures['lesion_caught']:.3f}"
    return f"lesion pixels covered {pixels:.0f} in {images:.0f} images  {caught}  gave way {measures['gave_way']:.0f}"
