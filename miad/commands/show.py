"""Results as tables on the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table


def show_measures(title: str, measures: Mapping[str, float]) -> None:
    """One measure a line."""
    show_table(title, ("measure", "value"), [(name, f"{value:.4f}") for name, value in measures.items()])


def show_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; the first column is left-aligned, the others right."""
    table = Table()
    for index, name in enumerate(header):
        table.add_column(name, justify="right" if index else "left", overflow="fold", no_wrap=not index)
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(title, highlight=False, soft_wrap=True)
    console.print(table)


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
    Console().print(f"{counts}\n{effort}  {quality}\n{_lesions(measures)}{_misread(measures)}", highlight=False)


def _misread(measures: Mapping[str, float]) -> str:
    """A warning where most images were none that the sources read."""
    skipped, images = measures["skipped"], measures["images"]
    if skipped <= images / 2:
        return ""
    return f"\n{skipped:.0f} of {images:.0f} images were misread before, and were not searched; train longer"


def _lesions(measures: Mapping[str, float]) -> str:
    """What became of the lesions that are known."""
    if measures["without_mask"] == measures["images"]:
        return "no lesion masks are given: what the marks cover is not known"
    pixels, images = measures["lesion_pixels_covered"], measures["lesions_covered"]
    caught = f"lesion caught by the mask {measures['lesion_caught']:.3f}"
    return f"lesion pixels covered {pixels:.0f} in {images:.0f} images  {caught}  gave way {measures['gave_way']:.0f}"
