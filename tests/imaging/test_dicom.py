"""DICOM in and out, on the files that pydicom ships and on ones that it packs. Patterns with .* allow one line only."""

import builtins
import io
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from miad.errors import InputError
from miad.imaging import (
    Shell,
    Window,
    file_kind,
    image_size,
    is_dicom_file,
    pixel_digest,
    read_image,
    read_stored,
    resize_stored,
    with_mark,
    write_stored,
)

PLAIN = ["CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_padded.dcm"]
PLAIN += ["ExplVR_BigEnd.dcm", "SC_rgb_small_odd.dcm", "examples_rgb_color.dcm"]
PACKED = ["MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "SC_rgb_rle_16bit.dcm"]
PACKED += ["GDCMJ2K_TextGBR.dcm", "image_dfl.dcm", "693_J2KI.dcm", "SC_rgb_jpeg_gdcm.dcm", "J2K_pixelrep_mismatch.dcm"]
PACKING = {"PixelData", "PlanarConfiguration", "PhotometricInterpretation"}
"""Tags that tell how pixels are packed."""
DERIVED = {"ImageType", "SOPInstanceUID", "SeriesInstanceUID", "SourceImageSequence", "DerivationDescription"}
DERIVED |= {"BurnedInAnnotation", "WindowCenter", "WindowWidth", "SmallestImagePixelValue", "LargestImagePixelValue"}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the shipped files break many a rule
        yield


@pytest.fixture
def shipped(tmp_path):
    """A function that copies a file that pydicom ships, changed perhaps."""

    def copy(name, change=None, as_="a.dcm"):
        source = get_testdata_file(name, download=False)
        assert source is not None
        path = tmp_path / as_
        if change is None:
            path.write_bytes(Path(source).read_bytes())
            return path
        ds = pydicom.dcmread(source)
        change(ds)
        ds.save_as(path)
        return path

    return copy


def differences(one, other):
    """Keywords of what two data sets do not share; lengths of groups are retired, and never written again."""
    tags = {tag for tag in {*one.keys(), *other.keys()} if tag.element}
    tags = {tag for tag in tags if tag not in one or tag not in other or one[tag] != other[tag]}
    return {(one if tag in one else other)[tag].keyword for tag in tags}


def remade(image, pixels=None):
    """The file of an image, parsed by pydicom alone."""
    return pydicom.dcmread(io.BytesIO(image.shell.fill(image.pixels if pixels is None else pixels)))


@pytest.mark.parametrize("name", [*PLAIN, *PACKED])
def test_pixels_are_those_that_pydicom_decodes(shipped, name):
    path = shipped(name)
    image = read_stored(path)
    expected = pixel_array(pydicom.dcmread(path), raw=True)
    assert np.array_equal(image.pixels, expected)
    assert image.pixels.dtype == expected.dtype.newbyteorder("<")
    assert image_size(path) == expected.shape[:2]
    assert (file_kind(path), image.kind) == ("dicom", "dicom")
    assert np.array_equal(read_image(path), image.view)


@pytest.mark.parametrize("name", PLAIN)
def test_an_uncompressed_file_is_its_pixels_and_its_shell_byte_for_byte(shipped, name):
    path = shipped(name)
    image = read_stored(path)
    assert Shell.unpack(image.shell.pack()) == image.shell
    assert image.shell.fill(image.pixels) == path.read_bytes()
    write_stored(path.with_name("b.dcm"), image)
    assert path.with_name("b.dcm").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", PACKED)
def test_of_a_compressed_file_every_tag_stays_but_those_of_packing(shipped, name):
    path = shipped(name)
    image = read_stored(path)
    again = remade(image)
    assert differences(pydicom.dcmread(path), again) <= PACKING
    assert np.array_equal(pixel_array(again, raw=True), image.pixels)
    assert not again.file_meta.TransferSyntaxUID.is_compressed


def jpeg_ls(ds):
    """Packed by CharLS, which pydicom does not know."""
    samples = ds.pixel_array.view(np.uint16 if ds.BitsAllocated == 16 else np.uint8)
    ds.PixelData = encapsulate([imagecodecs.jpegls_encode(np.ascontiguousarray(samples))])
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds["PixelData"].is_undefined_length = True


PACK = {
    "RLE": lambda ds: ds.compress(RLELossless, generate_instance_uid=False),
    "JPEG 2000": lambda ds: ds.compress(JPEG2000Lossless, generate_instance_uid=False),
    "JPEG-LS": jpeg_ls,
}


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
@pytest.mark.parametrize("name", ["CT_small.dcm", "examples_rgb_color.dcm"])
def test_lossless_compression_changes_no_pixel(shipped, pack, name):
    plain, path = read_stored(shipped(name)), shipped(name, pack, "packed.dcm")
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_encapsulated
    packed = read_stored(path)
    assert np.array_equal(packed.pixels, plain.pixels)
    assert packed.window == plain.window
    assert differences(remade(plain), remade(packed)) <= PACKING


def test_the_first_window_is_seen(shipped):
    """As the linear function of the standard has it: 0 at c - 0.5 - (w - 1) / 2, 255 at c - 0.5 + (w - 1) / 2."""

    def two_windows(ds):
        ds.WindowCenter, ds.WindowWidth = [40, 300], [400, 1500]

    image = read_stored(shipped("CT_small.dcm", two_windows))
    assert image.window == Window(
        40 - 0.5 - 399 / 2 + 1024, 40 - 0.5 + 399 / 2 + 1024
    )  # the rescale intercept is -1024
    ds = remade(image)
    hounsfield = ds.pixel_array.astype(float) + ds.RescaleIntercept
    expected = pydicom.pixels.apply_voi_lut(hounsfield, ds, index=0)
    seen = np.rint((expected - expected.min()) * 255 / np.ptp(expected))
    assert np.abs(image.view - seen).max() <= 1


def test_without_a_window_padding_is_not_seen(shipped):
    def pad(ds):
        pixels = ds.pixel_array.copy()
        pixels[:5] = -2000
        ds.PixelData = pixels.tobytes()

    plain, padded = read_stored(shipped("CT_small.dcm")), read_stored(shipped("CT_small.dcm", pad, "padded.dcm"))
    assert plain.window == Window(int(plain.pixels.min()), int(plain.pixels.max()))
    assert padded.window == Window(int(plain.pixels[5:].min()), int(plain.pixels[5:].max()))
    assert (padded.view[:5] == 0).all()


def test_monochrome1_is_seen_inverted(shipped):
    plain = read_stored(shipped("MR_small.dcm"))
    inverted = read_stored(shipped("MR_small.dcm", lambda ds: setattr(ds, "PhotometricInterpretation", "MONOCHROME1")))
    assert np.array_equal(inverted.pixels, plain.pixels)
    assert np.array_equal(inverted.view, 255 - plain.view)
    assert inverted.ends == plain.ends[::-1]


@pytest.mark.parametrize("name", [*PLAIN, *PACKED])
def test_a_marked_file_says_that_it_is_derived_and_from_what(shipped, name):
    path = shipped(name)
    image = read_stored(path)
    pixels = image.pixels.copy()
    pixels[:2] = image.ends[1]
    marked = with_mark(image, pixels, "run")
    before, after = pydicom.dcmread(path), remade(marked)
    assert differences(before, after) - PACKING <= DERIVED
    assert list(after.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert list(after.ImageType[2:]) == (list(before.ImageType[2:]) if "ImageType" in before else [])
    assert after.SOPInstanceUID == after.file_meta.MediaStorageSOPInstanceUID != before.SOPInstanceUID
    assert after.SeriesInstanceUID != before.SeriesInstanceUID
    assert after.StudyInstanceUID == before.StudyInstanceUID
    assert after.SOPInstanceUID.is_valid
    assert after.SeriesInstanceUID.is_valid
    assert after.SourceImageSequence[0].ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert "watermark" in after.DerivationDescription
    assert after.BurnedInAnnotation == "YES"
    assert not after.file_meta.TransferSyntaxUID.is_compressed
    write_stored(path.with_name("m.dcm"), marked)
    again = read_stored(path.with_name("m.dcm"))
    assert np.array_equal(again.pixels, pixels)
    assert again.window == image.window  # whoever opens it sees it as the original
    assert with_mark(image, pixels, "run").shell == marked.shell


def test_uids_follow_the_pixels_and_series_the_run(shipped):
    image = read_stored(shipped("MR_small.dcm"))
    uids = {
        (run, change): (ds.SOPInstanceUID, ds.SeriesInstanceUID)
        for run in "ab"
        for change in (1, 2)
        for ds in [remade(with_mark(image, image.pixels ^ change, run))]
    }
    assert len({sop for sop, _ in uids.values()}) == 4
    assert uids["a", 1][1] == uids["a", 2][1] != uids["b", 1][1]


def test_lossy_history_stays_and_the_small_picture_goes(shipped):
    def history(ds):
        ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "12.5"
        icon = pydicom.Dataset()
        icon.Rows = icon.Columns = 1
        ds.IconImageSequence = [icon]

    image = read_stored(shipped("MR_small.dcm", history))
    marked = remade(with_mark(image, image.pixels ^ 1, "run"))
    assert (marked.LossyImageCompression, marked.LossyImageCompressionRatio) == ("01", 12.5)
    assert "IconImageSequence" not in marked
    assert "IconImageSequence" in remade(image)


def test_a_resized_file_is_derived_with_pixels_that_are_further_apart(shipped):
    image = read_stored(shipped("CT_small.dcm"))
    small = resize_stored(image, (64, 32))
    ds, before = remade(small), remade(image)
    assert (ds.Rows, ds.Columns) == small.pixels.shape == (64, 32)
    assert ds.PixelSpacing == [2 * before.PixelSpacing[0], 4 * before.PixelSpacing[1]]
    assert ds.SOPInstanceUID != before.SOPInstanceUID
    assert "BurnedInAnnotation" not in ds
    assert small.pixels.dtype == np.int16
    assert np.array_equal(ds.pixel_array, small.pixels)
    assert small.window == image.window


def drop(*names):
    return lambda ds: [delattr(ds, name) for name in names]


def put(**values):
    return lambda ds: [setattr(ds, name, value) for name, value in values.items()]


REFUSED = {
    "frames": ("CT_small.dcm", put(NumberOfFrames=4), "found 4 frames; split the file first"),
    "palette": ("examples_palette.dcm", None, "found PALETTE COLOR"),
    "subsampled": ("SC_ybr_full_422_uncompressed.dcm", None, "found YBR_FULL_422"),
    "overlay": ("examples_overlay.dcm", None, "found an overlay"),
    "floats": ("CT_small.dcm", put(FloatPixelData=b"\0" * 4), "floating-point"),
    "32 bits": ("rtdose_1frame.dcm", None, "found 32"),
    "1 bit": ("liver_1frame.dcm", None, "found 1"),
    "no pixels": ("test-SR.dcm", None, "without pixels"),
    "pixels gone": ("CT_small.dcm", drop("PixelData"), "without pixels"),
    "absurd": ("CT_small.dcm", put(Rows=60000, Columns=60000), "found 60000x60000"),
    "too large": ("CT_small.dcm", put(Rows=5000, Columns=5000), "expected 50000000 bytes of pixels.*found 32768"),
    "none": ("CT_small.dcm", put(Rows=0), "found 128x0"),
    "cut off": ("MR_truncated.dcm", None, "expected 8192 bytes of pixels.*found 8130"),
    "upper bits": ("CT_small.dcm", put(BitsStored=8, HighBit=7), "more bits than it says"),
    "high bit": ("CT_small.dcm", put(BitsStored=12, HighBit=15), "lowest bits"),
    "12-bit JPEG": ("JPEG-lossy.dcm", None, "can not be decoded.*gdcmconv"),
    "a broken stream": ("JPEG2000-embedded-sequence-delimiter.dcm", None, "can not be decoded"),
    "no number": ("badVR.dcm", None, "can not be decoded"),
    "no magic": ("no_meta.dcm", None, "not an image file"),
    "no syntax": ("meta_missing_tsyntax.dcm", None, "transfer syntax"),
    "no identity": ("CT_small.dcm", drop("SOPInstanceUID"), "instance UID"),
    "a table": ("CT_small.dcm", put(ModalityLUTSequence=[pydicom.Dataset()]), "modality table"),
    "swapped bytes": ("SC_rgb_small_odd_big_endian.dcm", None, "unusual way"),
}


@pytest.mark.parametrize(("name", "change", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_marked_exactly_is_refused_in_one_line(shipped, name, change, reason):
    path = shipped(name, change)
    with pytest.raises(InputError, match=rf"\A.*a\.dcm: .*{reason}.*\Z"):
        read_stored(path)


def test_wrong_dimensions_of_compressed_pixels_are_refused(shipped):
    for rows in (65, 6400):
        path = shipped("MR_small_RLE.dcm", put(Rows=rows))
        with pytest.raises(InputError, match=r"\A.*a\.dcm: .*\Z"):
            read_stored(path)


def test_a_file_cut_anywhere_is_whole_or_refused(shipped):
    path = shipped("MR_small.dcm")
    data, pixels = path.read_bytes(), read_stored(path).pixels
    for length in range(0, len(data), 83):
        path.write_bytes(data[:length])
        with suppress(InputError):
            assert np.array_equal(read_stored(path).pixels, pixels)


def test_flipped_bytes_are_told_or_make_another_image_or_the_same(shipped):
    path = shipped("MR_small_RLE.dcm")
    data, generator = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(data)
        damaged[int(generator.integers(132, len(data)))] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        with suppress(InputError):
            image = read_stored(path)
            assert len(image.shell.fill(image.pixels)) > image.pixels.nbytes


def test_without_pydicom_one_line_names_the_way_out(shipped, monkeypatch):
    path, own = shipped("CT_small.dcm"), builtins.__import__

    def missing(name, *rest):
        if name.partition(".")[0] == "pydicom":
            raise ModuleNotFoundError("No module named 'pydicom'", name="pydicom")
        return own(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    for read in (read_stored, image_size):
        with pytest.raises(InputError, match=r"\A.*a\.dcm: .*pydicom is not there.*pip install 'miad\[dicom\]'\Z"):
            read(path)


def test_dicom_is_known_by_its_bytes_whatever_its_name(shipped):
    path = shipped("CT_small.dcm", as_="1.2.840.113619.2")
    assert is_dicom_file(path)
    assert read_stored(path).kind == "dicom"
    other = path.with_name("other.dcm")
    other.write_bytes(b"no image")
    assert not is_dicom_file(other)
    assert not is_dicom_file(path.with_name("absent"))


@pytest.mark.parametrize("damage", [lambda d: d[:-9], lambda d: b"", lambda d: d[:9] + b"\0\0\0" + d[12:]])
def test_a_damaged_shell_is_told(shipped, damage):
    packed = read_stored(shipped("CT_small.dcm")).shell.pack()
    with pytest.raises(InputError, match="damaged"):
        Shell.unpack(damage(packed))


def test_a_shell_tells_its_file(shipped):
    image = read_stored(shipped("CT_small.dcm"))
    digest = image.shell.digest(image.pixels)
    assert image.shell.digest(image.pixels ^ 1) != digest
    assert replace(image.shell, after=image.shell.after + b"\0").digest(image.pixels) != digest
    assert pixel_digest(image.pixels) != digest
