"""Tiny data sets in exactly their publishers' layouts; each builder gives what a test needs to know about them."""

import csv
from typing import NamedTuple

import h5py
import numpy as np
import xlwt
from PIL import Image

SOFT_EXUDATES = (1, 4)
"""Only these numbers of IDRiD's photographs have a file of soft exudates."""


class Slice(NamedTuple):
    """A slice of BTMRI as a viewer of the publisher's MATLAB variables sees it."""

    id: str
    label: int
    patient: str
    fold: int
    image: np.ndarray
    mask: np.ndarray


def colour(number):
    """The colour of photograph ``number``; unlike that of any other below 100."""
    return 100 + number, 50 + number, 60


def save_photograph(path, number):
    """12 x 16 pixels: black, with a square of 10 x 10 in one colour for a disc, left of the middle."""
    pixels = np.zeros((12, 16, 3), np.uint8)
    pixels[1:11, 2:12] = colour(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    jpeg = {"quality": 100, "subsampling": 0} if path.suffix != ".tif" else {}
    Image.fromarray(pixels).save(path, **jpeg)


def write_csv(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def edit(path, old, new):
    """Replace what stands once in a text file."""
    text = path.read_bytes().decode()
    assert text.count(old) == 1
    path.write_bytes(text.replace(old, new).encode())


MESSIDOR = {
    "Base11": {
        "20051019_38557_0100_PP.tif": 1,
        "20051020_43808_0100_PP.tif": 2,
        "20051020_43832_0100_PP.tif": 1,
        "20051020_63045_0100_PP.tif": 3,  # corrected to 0
        "20051020_63936_0100_PP.tif": 3,  # corrected to 1
        "20051020_64007_0100_PP.tif": 1,  # corrected to 3
        "20051020_43906_0100_PP.tif": 0,
        "20051020_44261_0100_PP.tif": 0,
    },
    "Base13": {
        "20060523_48477_0100_PP.tif": 2,  # corrected to 3
        "20060522_45451_0100_PP.tif": 0,
        "20060522_46106_0100_PP.tif": 2,
    },
    "Base33": {
        "20051202_54744_0400_PP.tif": 0,  # a duplicate of the next
        "20051202_55582_0400_PP.tif": 0,
        "20051202_41076_0400_PP.tif": 1,
        "20051202_40508_0400_PP.tif": 1,  # a duplicate of the one before
        "20051205_33025_0400_PP.tif": 3,  # the same photograph as the next
        "20051202_55626_0400_PP.tif": 2,
        "20051202_36696_0400_PP.tif": 0,
        "20051202_36720_0400_PP.tif": 2,
    },
}
"""Grades as first published."""


def write_annotation(path, rows, header=("Image name", "Ophthalmologic department", "Retinopathy grade", "Risk")):
    """An Excel 97 table; ``rows`` are tuples of cells."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("Feuil1")
    for y, row in enumerate([header, *rows]):
        for x, cell in enumerate(row):
            sheet.write(y, x, cell)
    book.save(str(path))


def messidor(root, inside=False):
    """Three bases, their annotations beside or inside of them; gives the grade of every id as first published."""
    grades = {f"{base}/{name}": grade for base, names in MESSIDOR.items() for name, grade in names.items()}
    for number, id_ in enumerate(grades):
        save_photograph(root / id_, number)
    header = ("Image name", "Ophthalmologic department", "Retinopathy grade", "Risk of macular edema")
    for base, names in MESSIDOR.items():
        rows = [(name, "Service Ophtalmologie Lariboisière", grade, grade % 3) for name, grade in names.items()]
        write_annotation((root / base if inside else root) / f"Annotation_{base}.xls", rows, header)
    return grades


def eyepacs(root):
    """Forty patients with two eyes, which differ in some; gives the grade of every name."""
    eyes = {}
    for patient in range(10, 50):
        grade = (0, 0, 0, 1, 2, 2, 3, 4)[patient % 8]
        eyes |= {f"{patient}_left": grade, f"{patient}_right": (grade + (patient % 5 == 0)) % 5}
    write_csv(root / "trainLabels.csv", ("image", "level"), eyes.items())
    for number, name in enumerate(eyes):
        save_photograph(root / "train" / f"{name}.jpeg", number)
    return eyes


IDRID_SETS = {"train": "a. Training Set", "test": "b. Testing Set"}
IDRID_LABELS = {
    "train": "B. Disease Grading/2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv",
    "test": "B. Disease Grading/2. Groundtruths/b. IDRiD_Disease Grading_Testing Labels.csv",
}
IDRID_LESIONS = {
    "MA": "1. Microaneurysms",
    "HE": "2. Haemorrhages",
    "EX": "3. Hard Exudates",
    "SE": "4. Soft Exudates",
    "OD": "5. Optic Disc",
}


def idrid(root):
    """Twenty training and seven test photographs, whose names are the same; gives the grade of every name by set."""
    grades = {
        "train": {f"IDRiD_{number:03}": (0, 2, 3, 4, 1)[number % 5] for number in range(1, 21)},
        "test": {f"IDRiD_{number:03}": (4, 0, 2)[number % 3] for number in range(1, 8)},
    }
    for name, graded in grades.items():
        tail = [""] * 9 if name == "train" else []
        header = ["Image name", "Retinopathy grade", "Risk of macular edema ", *tail]
        write_csv(root / IDRID_LABELS[name], header, [[image, grade, 1, *tail] for image, grade in graded.items()])
        folder = root / "B. Disease Grading" / "1. Original Images" / IDRID_SETS[name]
        for number, image in enumerate(graded):
            save_photograph(folder / f"{image}.jpg", number + 50 * (name == "test"))
    return grades


def idrid_lesions(root):
    """Eight training and three test photographs; gives, by set and name, the lesion pixel (y, x) of each kind."""
    pixels = {"train": {}, "test": {}}
    for name, number in [("train", number) for number in range(1, 9)] + [("test", number) for number in range(1, 4)]:
        stem = f"IDRiD_{number:02}"
        save_photograph(root / "A. Segmentation" / "1. Original Images" / IDRID_SETS[name] / f"{stem}.jpg", number)
        kinds = [kind for kind in IDRID_LESIONS if kind != "SE" or number in SOFT_EXUDATES]
        pixels[name][stem] = {kind: (2 + number, 3 + list(IDRID_LESIONS).index(kind)) for kind in kinds}
        for kind, place in pixels[name][stem].items():
            folder = root / "A. Segmentation" / "2. All Segmentation Groundtruths" / IDRID_SETS[name]
            save_idrid_mask(folder / IDRID_LESIONS[kind] / f"{stem}_{kind}.tif", place, ("P", "RGBA", "L")[number % 3])
    return pixels


def save_idrid_mask(path, place, mode):
    """One lesion pixel on a mask of 12 x 16: red, as IDRiD draws it, where the mode has colours."""
    mask = np.zeros((12, 16), np.uint8)
    mask[place] = 255 if mode == "L" else 1
    image = Image.fromarray(mask)
    if mode != "L":
        image.putpalette([0, 0, 0, 255, 0, 0])
        image = image.convert(mode)  # opaque everywhere if it has an alpha channel
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


ISIC_CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")
ISIC_TRUTH = "ISIC_2019_Training_GroundTruth.csv"
ISIC_METADATA = "ISIC_2019_Training_Metadata.csv"


def isic2019(root):
    """Six photographs of each diagnosis, of three lesions or none; gives diagnosis and lesion of every name."""
    truth = {}
    for number in range(48):
        diagnosis, of_diagnosis = ISIC_CLASSES[number % 8], number // 8
        lesion = f"HAM_000{number % 8}{of_diagnosis // 2}" if of_diagnosis < 4 else ""
        truth[f"ISIC_{number:07}"] = diagnosis, lesion
        save_photograph(root / "ISIC_2019_Training_Input" / f"ISIC_{number:07}.jpg", number)
    columns = (*ISIC_CLASSES, "UNK")
    hot = [[name, *(f"{float(column == diagnosis)}" for column in columns)] for name, (diagnosis, _) in truth.items()]
    write_csv(root / ISIC_TRUTH, ("image", *columns), hot)
    header = ("image", "age_approx", "anatom_site_general", "lesion_id", "sex")
    write_csv(root / ISIC_METADATA, header, [[name, "55.0", "", lesion, ""] for name, (_, lesion) in truth.items()])
    return truth


def btmri(root):
    """Thirty-six slices of twelve patients, of whom no two neighbours are the same; gives them in order."""
    generator = np.random.default_rng(0)
    slices = []
    for number in range(1, 37):
        patient = number % 12
        mask = np.zeros((6, 5), np.uint8)
        mask[1, 2:4] = mask[4, 0] = 1
        image = generator.integers(0, 15000, (6, 5), dtype=np.int16)
        slices.append(Slice(f"{number}.mat", 1 + patient % 3, f"MR{patient:03}B", 1 + patient % 5, image, mask))
        save_slice(root / f"{number}.mat", image, slices[-1].label, slices[-1].patient, mask)
    with h5py.File(root / "cvind.mat", "w", userblock_size=512) as file:
        file["cvind"] = np.array([[float(slice_.fold) for slice_ in slices]])
    return slices


def save_slice(path, image, label=1, patient="100360", mask=None):
    """A slice as ``save -v7.3`` writes it: columns first, characters as numbers."""
    mask = np.zeros(image.shape, np.uint8) if mask is None else mask
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        data = file.create_group("cjdata")
        data["PID"] = np.array([[ord(character)] for character in patient], np.uint16)
        data.create_dataset("image", data=image.T, compression="gzip")
        data["label"] = np.array([[float(label)]])
        data["tumorBorder"] = np.array([[1.5, 2.5, 3.5, 1.5]])
        data.create_dataset("tumorMask", data=mask.T, compression="gzip")
