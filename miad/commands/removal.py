"""``miad evaluate removal``: what is left of the marks when others take them off."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from miad.commands.each_once import check_each_once
from miad.commands.marked_run import open_marked_run
from miad.commands.marking import check_targets, load_targets
from miad.commands.passphrase import passphrase_of
from miad.commands.removal_run import carry_out
from miad.commands.run import Run
from miad.commands.vaccines import DEFAULT_VACCINE, load_removers
from miad.commands.words import read_words, split_words
from miad.data import ImageDataModule, Split, spread
from miad.errors import InputError, check_at_least
from miad.evaluation import NOTHING, OWN, Case, RemovalStudy
from miad.evaluation.adversaries import FILTERS, Adversary, adversary
from miad.models import Remover
from miad.search import Status
from miad.targets import weights_digest
from miad.vaccine import Family, Vaccine, VaccineName, VaccineOptions
from miad.watermark import NO_TEXTURE, TextureOptions

MadeOn: TypeAlias = Literal["each", "all"]
Orders: TypeAlias = Literal["before", "after"]

_CHOSEN = {"success": {Status.SUCCESS}, "attacked": {Status.SUCCESS, Status.FAILED}, "marked": set(Status)}
_HARDENED, _BARE = f"{OWN},none", "none,noise,delta_d,delta_i"
"""Deltas to compare, where an attack has its own and where it has none."""
_ADVERSARIES = "known_logo,inpaint_telea,inpaint_ns,jpeg,median,blur,resize"


def removal(
    data: ImageDataModule,
    attack: Path,
    models: str,
    removers: str,
    run: Run,
    unseen_removers: str = "",
    vaccines: str = "",
    made_on: str = "each,all",
    orders: str = "before",
    vaccine: VaccineOptions = DEFAULT_VACCINE,
    families: str = "",
    denoised_by: str = "nlm",
    removed_by: str = _ADVERSARIES,
    spare_lesions: bool = False,
    logo: str | None = None,
    grant: Path | None = None,
    identity: Path | None = None,
    passphrase_file: Path | None = None,
    status: Literal["success", "attacked", "marked"] = "success",
    split: Split = "test",
    limit: int | None = None,
    batch_size: int = 8,
    pictures: int = 3,
    texture: TextureOptions = NO_TEXTURE,
) -> None:
    """Test how well marks, with and without delta, withstand removal.

    Takes the marks of a finished 'miad attack', at the places where it put them, and lets every remover and adversary
    take them off images with each delta and with none. Where the attack gave the images deltas of its own (--vaccine),
    off its images as they are, and the same marks off images without delta. Writes RUN/removal.csv (a row for every
    delta and adversary: distances to the original, and to the original plus delta, inside and outside of the marks;
    overlap of the masks; accuracy of the classifiers; bytes an image in a key), delta_families.csv (what each delta
    costs and protects), removal_images.csv (the same for every image), removal.png and pictures/. 'nothing' is the
    marked image as it is, 'exact' the image with its mark taken off exactly: what remains is delta. An interrupted run
    goes on.

    Args:
        data: images and labels, as they were marked.
        attack: folder of a finished 'miad attack'.
        models: classifiers to read what is left: folders of 'miad fit classifier' or checkpoints, separated by commas.
        removers: removers that delta is made on, and that remove: folders of 'miad fit remover', likewise.
        run: where to write, on what to run.
        unseen_removers: removers that delta is not made on, likewise.
        vaccines: any of own, none, noise, delta_d, delta_i, separated by commas; own is the attack's. By default own
            and none, and all others where the attack has none of its own.
        made_on: delta made on each remover alone, on all at once, or both.
        orders: delta added before the mark, after it, or both.
        vaccine: how delta is made; its kind is not used.
        families: any of free, block, near, universal, separated by commas; by default the vaccine's own. A universal
            delta is learned from training images (from those chosen where there are none).
        denoised_by: filters after each of which every remover removes again, as one would who expects a delta:
            nlm:STRENGTH (non-local means) or others of --removed_by, separated by commas; empty for none.
        removed_by: adversaries that are no networks: known_logo, known_logo_mean, _median, _bilateral, _nlm, _tv or
            _wiener, who also know how strong and fine the marks' texture is, inpaint_telea, inpaint_ns, jpeg:QUALITY,
            median:SIZE, nlm:STRENGTH, blur:SIGMA, resize:FACTOR, separated by commas.
        spare_lesions: keep delta off the given lesions.
        logo: of the marks; by default the one that the attack's configuration names.
        grant: of the attack's key, where only the people of --key.to can open it.
        identity: your private key for the grant, or, without --grant, that of the attack's key; by default the one
            beside it.
        passphrase_file: file whose first line opens the grant or the identity; by default it is asked for.
        status: which images: whose mark succeeded, was searched for at all, or every marked one.
        split: which images; test means val where there are no test images.
        limit: at most so many, evenly spread.
        batch_size: images at a time.
        pictures: images to draw.
        texture: of marks that have none, put the same ones on with this texture as well; their rows say so.
    """
    check_at_least(1, batch_size=batch_size, **({} if limit is None else {"limit": limit}))
    check_at_least(0, pictures=pictures)
    if run.processes > 1:
        raise InputError(f"expected one process, found {run.processes}; leave out --run.devices and --run.num_nodes")
    known, targets = load_removers(removers), load_targets(models)
    if not targets:
        raise InputError("expected one or more --models to read what is left, found none")
    check_targets(data, targets)
    marks = open_marked_run(attack, logo, identity, grant, passphrase_of(passphrase_file))
    if OWN in split_words(vaccines) and not marks.has_deltas:
        raise InputError(
            f"{attack}: expected images with deltas of their own, found none; leave {OWN} out of --vaccines"
        )
    if texture.enabled and marks.texture.enabled:
        raise InputError(f"{attack}: expected marks without texture, found some with; leave out --texture")
    dataset = data.split(split)
    chosen = spread(marks.subjects(dataset, _CHOSEN[status]), limit)
    kinds = _families(families, vaccine)
    study = RemovalStudy(
        cases=_cases(vaccines or (_HARDENED if marks.has_deltas else _BARE), made_on, orders, kinds, known, texture),
        removers=_joined(known, load_removers(unseen_removers)),
        adversaries=_adversaries(removed_by),
        targets=targets,
        marker=marks.marker,
        seed=run.seed,
        spare=spare_lesions,
        own=marks.texture,
        added=texture,
        denoisers=_denoisers(denoised_by),
    )
    carry_out(study, marks, data, dataset, chosen, run, batch_size, spread(chosen, pictures))


def _families(families: str, given: VaccineOptions) -> list[VaccineOptions]:
    """The vaccine in each family."""
    chosen = read_words(families, get_args(Family)) if families else [given.family]
    return [replace(given, family=family) for family in chosen]


def _cases(
    vaccines: str,
    made_on: str,
    orders: str,
    families: Sequence[VaccineOptions],
    removers: Mapping[str, Remover],
    texture: TextureOptions,
) -> dict[Case, Vaccine | None]:
    """Every delta in every order; where there is none to add, neither order nor family makes a difference."""
    words = read_words(vaccines, (OWN, *get_args(VaccineName)))
    named = [word for word in words if word != OWN]
    kinds = [replace(one, kind=kind) for kind in named for one in (families[:1] if kind == "none" else families)]
    groups = _groups(read_words(made_on, get_args(MadeOn)), list(removers))
    textures = ["", texture.words] if texture.enabled else [""]
    cases: dict[Case, Vaccine | None] = {Case(OWN, "", "before"): None} if OWN in words else {}
    for kind in kinds:
        for names in groups if kind.optimised else [[]]:
            for order in ["before"] if kind.kind == "none" else read_words(orders, get_args(Orders)):
                # What is marked already needs no mark to be made against.
                options = replace(kind, host="clean") if order == "after" else kind
                made = Vaccine(options, [removers[name] for name in names])
                family = "free" if kind.kind == "none" else kind.family
                cases |= {Case(kind.kind, "+".join(names), order, family, one): made for one in textures}
    return cases


def _groups(made_on: Sequence[str], names: Sequence[str]) -> list[list[str]]:
    each = [[name] for name in names] if "each" in made_on else []
    return [*each, list(names)] if "all" in made_on and (len(names) > 1 or not each) else each


def _adversaries(removed_by: str) -> list[Adversary]:
    """Each once; the marked image as it is comes of itself."""
    chosen = [adversary(word) for word in split_words(removed_by)]
    return [one for name, one in {one.name: one for one in chosen}.items() if name != NOTHING]


def _denoisers(denoised_by: str) -> list[Adversary]:
    chosen = {one.name: one for one in map(adversary, split_words(denoised_by))}
    for name in chosen:
        if name.partition(":")[0] not in FILTERS:
            raise InputError(f"expected --denoised_by of {', '.join(FILTERS)}, found {name}; it needs to know the mark")
    return [*chosen.values()]


def _joined(known: Mapping[str, Remover], unseen: Mapping[str, Remover]) -> dict[str, Remover]:
    for name in unseen:
        if name in known:
            raise InputError(f"expected {name} in --removers or in --unseen_removers, found it in both")
    both = {**known, **unseen}
    check_each_once("remover", [(name, weights_digest(remover)) for name, remover in both.items()])
    return both
