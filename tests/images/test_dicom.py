"""DICOM files made byte by byte with known values: rescaling, windows, colours, frames; what is refused."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afield.base.errors import InputError
from afield.base.reading import Range, Reading
from afield.images.decode import UnreadableImage, decode, decode_channels, stored_size

if importlib.util.find_spec("pydicom") is None:
    pytest.skip("the extra dicom is not installed: pip install 'afield[dicom]'", allow_module_level=True)

RAMP = np.array([[0, 100, 1000], [2000, 4000, 4095]], np.uint16)


def dicom(
    path: Path, pixels: np.ndarray, bits: int | None = None, syntax: str = "1.2.840.10008.1.2.1", **tags: Any
) -> Path:
    """A file of [height, width], [height, width, 3] or, where `NumberOfFrames` says so, [frames, height, width]."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    frames = "NumberOfFrames" in tags
    shape = pixels.shape[1:] if frames else pixels.shape
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = UID(syntax)
    found.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    found.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    found.SOPClassUID, found.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    found.Rows, found.Columns = shape[:2]
    found.SamplesPerPixel = 3 if len(shape) == 3 else 1
    found.PhotometricInterpretation = "RGB" if len(shape) == 3 else "MONOCHROME2"
    if len(shape) == 3:
        found.PlanarConfiguration = 0
    found.BitsAllocated = 8 * pixels.dtype.itemsize
    found.BitsStored = bits or found.BitsAllocated
    found.HighBit = found.BitsStored - 1
    found.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in tags.items():
        setattr(found, name, value)
    found.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    found["PixelData"].VR = "OB" if found.BitsAllocated == 8 else "OW"
    found.save_as(path, enforce_file_format=True)
    return path


def grey(path: Path, reading: Reading | None = None) -> list:
    pixels = decode(path, reading) if reading else decode(path)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0].tolist()


@pytest.mark.slow
def test_bits_stored_are_the_range_where_there_is_no_window(tmp_path: Path) -> None:
    path = dicom(tmp_path / "a.dcm", RAMP, bits=12)
    assert grey(path) == [[0, 6, 62], [125, 249, 255]]
    assert stored_size(path) == (2, 3)
    assert decode_channels(path)[..., 0].tolist() == RAMP.tolist()
    assert grey(dicom(tmp_path / "b.dcm", np.array([[0, 7], [200, 255]], np.uint8))) == [[0, 7], [200, 255]]


def test_values_are_rescaled_and_the_window_cuts_them(tmp_path: Path) -> None:
    """Soft tissue: centre 40, width 400. Linear: black up to -160, white from 239 on (PS3.3 C.11.2.1.2.1)."""
    hounsfield = np.array([[-2000, -160, -159, 39], [40, 238, 239, 3000]])
    tags: dict[str, Any] = {
        "RescaleSlope": "1",
        "RescaleIntercept": "-1024",
        "WindowCenter": "40",
        "WindowWidth": "400",
    }
    expected = np.floor(((hounsfield + 160) / 399 * 255).clip(0, 255) + 0.5).astype(int).tolist()
    signed = dicom(tmp_path / "a.dcm", (hounsfield + 1024).astype(np.int16), **tags)
    assert grey(signed) == expected
    halves = dicom(
        tmp_path / "b.dcm",
        (2 * (hounsfield + 2000)).astype(np.uint16),
        **tags | {"RescaleSlope": "0.5", "RescaleIntercept": "-2000"},
    )
    assert grey(halves) == expected
    assert expected[0][:3] == [0, 0, 1]
    assert expected[1][2:] == [255, 255]
    exact = dicom(tmp_path / "c.dcm", RAMP, WindowCenter="1000", WindowWidth="2000", VOILUTFunction="LINEAR_EXACT")
    assert grey(exact) == [[0, 13, 128], [255, 255, 255]]


def test_the_first_of_several_windows_counts_and_so_does_a_stated_range(tmp_path: Path) -> None:
    several = dicom(tmp_path / "a.dcm", RAMP, WindowCenter=["1000", "50"], WindowWidth=["2001", "10"])
    assert grey(several) == [[0, 13, 128], [255, 255, 255]]
    assert grey(several, Reading(range=Range(0, 4095))) == [[0, 6, 62], [125, 249, 255]]
    bytes_ = dicom(tmp_path / "b.dcm", np.array([[0, 50, 100, 200]], np.uint8), WindowCenter="50.5", WindowWidth="101")
    assert grey(bytes_) == [[0, 128, 255, 255]]


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    path = dicom(tmp_path / "a.dcm", RAMP, bits=12, PhotometricInterpretation="MONOCHROME1")
    assert grey(path) == [[255, 249, 193], [130, 6, 0]]
    plain = dicom(tmp_path / "b.dcm", np.array([[0, 255]], np.uint8), PhotometricInterpretation="MONOCHROME1")
    assert grey(plain) == [[255, 0]]


def test_colours_are_colours(tmp_path: Path) -> None:
    colours = np.random.default_rng(2).integers(0, 256, (4, 6, 3), np.uint8)
    assert np.array_equal(decode(dicom(tmp_path / "a.dcm", colours)), colours)
    planes = dicom(tmp_path / "b.dcm", colours.transpose(2, 0, 1).copy().reshape(4, 6, 3), PlanarConfiguration=1)
    assert np.array_equal(decode(planes), colours)


def test_the_first_frame_is_read_with_its_own_window(tmp_path: Path) -> None:
    from pydicom import Dataset

    window, frame = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = "1000", "2001"
    frame.FrameVOILUTSequence = [window]
    frames = np.stack([RAMP, RAMP[::-1], 0 * RAMP])
    path = dicom(tmp_path / "a.dcm", frames, NumberOfFrames=3, PerFrameFunctionalGroupsSequence=[frame] * 3)
    assert grey(path) == [[0, 13, 128], [255, 255, 255]]


def test_compressed_files_are_read_where_a_decoder_is_there(tmp_path: Path) -> None:
    from pydicom import dcmread
    from pydicom.uid import RLELossless

    found = dcmread(dicom(tmp_path / "a.dcm", RAMP, bits=12))
    found.compress(RLELossless)
    found.save_as(tmp_path / "b.dcm")
    assert grey(tmp_path / "b.dcm") == grey(tmp_path / "a.dcm")


@pytest.mark.parametrize(
    ("pixels", "words", "complaint"),
    [
        (RAMP, {}, "does not say which are black and white; state their range"),  # 12 bits in 16
        (RAMP.astype(np.int16), {}, "does not say which are black and white"),
        (RAMP, {"PhotometricInterpretation": "PALETTE COLOR"}, "is stored as PALETTE COLOR; convert it"),
        (RAMP, {"WindowCenter": "5", "WindowWidth": "9", "VOILUTFunction": "SIGMOID"}, "a window of the kind SIGMOID"),
        (RAMP, {"WindowCenter": "5", "WindowWidth": "0"}, "a window that is too narrow to be one"),
        (RAMP, {"Rows": 9}, r"is damaged \("),
        (RAMP, {"Rows": 60000, "Columns": 60000}, "has 3,600,000,000 pixels, more than 178,956,970"),
        (np.zeros((2, 3, 3), np.uint16), {}, "holds colours of 16 bits"),
    ],
)  # fmt: skip
def test_what_cannot_be_trusted_is_refused_in_words(
    tmp_path: Path, pixels: np.ndarray, words: dict, complaint: str
) -> None:
    with pytest.raises(UnreadableImage, match=complaint) as caught:
        decode(dicom(tmp_path / "a.dcm", pixels, **words))
    assert "a.dcm" in str(caught.value)


@pytest.mark.parametrize(
    ("syntax", "complaint"),
    [
        ("1.2.840.10008.1.2.4.100", "is compressed as MPEG2 .*, for which pydicom finds no decoder"),
        ("1.2.840.10008.1.2.1.99", "is deflated as a whole"),
    ],
)
def test_compressions_without_a_decoder_and_deflated_files_are_refused(
    tmp_path: Path, syntax: str, complaint: str
) -> None:
    from pydicom import dcmread
    from pydicom.uid import UID

    found = dcmread(dicom(tmp_path / "a.dcm", RAMP))
    found.file_meta.TransferSyntaxUID = UID(syntax)
    found["PixelData"].is_undefined_length = True
    found.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\x00\xe0\x04\x00\x00\x00abcd"
    found.save_as(tmp_path / "b.dcm")
    with pytest.raises(UnreadableImage, match=complaint):
        decode(tmp_path / "b.dcm")


def test_cut_files_are_refused(tmp_path: Path) -> None:
    content = dicom(tmp_path / "a.dcm", np.tile(RAMP, (20, 20)), bits=12).read_bytes()
    for length in (132, 200, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.dcm").write_bytes(content[:length])
        with pytest.raises(UnreadableImage):
            decode(tmp_path / "cut.dcm")


def test_without_pydicom_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dicom(tmp_path / "a.dcm", RAMP)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r"pip install 'afield\[dicom\]'") as caught:
        decode(path)
    assert not isinstance(caught.value, UnreadableImage)
