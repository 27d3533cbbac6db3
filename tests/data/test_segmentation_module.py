"""What a segmenter learns from: image and masks cut alike, lesions that survive, images without masks left out."""

import warnings

import numpy as np
import pytest
import torch

from miad.data import ImageDataModule, ImageDataset, SegmentationDataModule
from miad.data.segmentation import LesionCrops
from miad.data.transforms import LesionCrop
from miad.errors import InputError


class Marks(ImageDataset):
    """Dark images, red where the first kind of lesion is and blue where the second is; the last ones have no masks."""

    def __init__(self, count, shape=(40, 60), first=(10, 20), unmasked=0):
        super().__init__(
            [f"{index}" for index in range(count)], [index % 2 for index in range(count)], kinds=("a", "b")
        )
        self.image_shape, self.first, self.unmasked = shape, first, unmasked

    def kind_masks(self, index):
        if index >= len(self) - self.unmasked:
            return None
        masks = np.zeros((2, *self.image_shape), bool)
        y, x = self.first
        masks[0, y : y + 6, x : x + 6] = True
        masks[1, 30:35, 5 + index : 12 + index] = True
        return masks

    def lesion_mask(self, index):
        masks = self.kind_masks(index)
        return None if masks is None else masks.any(0)

    def pixels(self, index):
        masks = self.kind_masks(index)
        pixels = np.full((*self.image_shape, 3), 20, np.uint8)
        for channel, mask in zip((0, 2), () if masks is None else masks, strict=False):
            pixels[..., channel][mask] = 220
        return pixels


class Data(ImageDataModule):
    classes = ("x", "y")
    kinds = ("a", "b")

    def __init__(self, train=8, val=3, unmasked=0, shape=(40, 60), **loading):
        super().__init__(**{"batch_size": 4, **loading})
        self.sets = {"train": Marks(train, shape, unmasked=unmasked), "val": Marks(val, shape)}

    def splits(self):
        return self.sets


def agreement(images, masks):
    """Share of pixels where brightness and mask say the same."""
    seen = torch.stack([images[:, 0], images[:, 2]], 1) > 110
    return float((seen == masks).float().mean())


@pytest.mark.parametrize(("size", "tile"), [(60, 32), (120, 64), (30, 32), (60, 96)])
@pytest.mark.parametrize("augment", [False, True])
def test_images_and_masks_are_cut_alike(size, tile, augment):
    torch.manual_seed(0)
    data = SegmentationDataModule(Data(augment=augment), size, tile, crops=2)
    batches = list(data.train_dataloader())
    assert len(batches) == 4
    for images, masks in batches:
        assert (images.shape, images.dtype) == ((4, 3, tile, tile), torch.uint8)
        assert (masks.shape, masks.dtype) == ((4, 2, tile, tile), torch.bool)
        assert agreement(images, masks) > 0.97
    assert torch.cat([masks for _, masks in batches]).any((0, 2, 3)).all()


def test_without_augmentation_a_crop_is_a_piece_of_the_image():
    torch.manual_seed(0)
    dataset = Marks(1)
    crops = LesionCrops(dataset, 60, LesionCrop(32, augment=False), repeats=5)
    whole = torch.from_numpy(dataset.pixels(0)).permute(2, 0, 1)
    pieces = whole.unfold(1, 32, 1).unfold(2, 32, 1).permute(1, 2, 0, 3, 4).reshape(-1, 3, 32, 32)
    assert all((pieces == crops[index][0]).flatten(1).all(1).any() for index in range(len(crops)))


def test_half_of_the_crops_are_where_a_lesion_is():
    torch.manual_seed(0)
    dataset = Marks(1, shape=(400, 600))  # a random crop of 32 pixels meets a lesion about once in a hundred
    crops = LesionCrops(dataset, 600, LesionCrop(32, augment=False), repeats=200)
    lesions = sum(bool(crops[index][1].any()) for index in range(len(crops)))
    assert 70 < lesions < 130


def test_a_lesion_of_one_pixel_survives_the_resizing():
    class Dot(Marks):
        def kind_masks(self, index):
            masks = np.zeros((2, *self.image_shape), bool)
            masks[0, 17, 31] = True
            return masks

    _, masks = LesionCrops(Dot(1, (320, 320)), 32, LesionCrop(32, augment=False))[0]
    assert masks.nonzero().tolist() == [[0, 1, 3]]


def test_every_crop_is_another_and_every_image_is_cut_as_often():
    torch.manual_seed(0)
    dataset = Marks(6)
    crops = LesionCrops(dataset, 60, LesionCrop(32, augment=True), repeats=3)
    assert len(crops) == 18
    assert len({crops[index][0].numpy().tobytes() for index in range(0, 18, 6)}) == 3


def test_the_same_seed_cuts_the_same_crops():
    def batch(seed):
        torch.manual_seed(seed)
        return next(iter(SegmentationDataModule(Data(), 60, 32).train_dataloader()))

    assert all(torch.equal(*pair) for pair in zip(batch(1), batch(1), strict=True))
    assert not torch.equal(batch(1)[0], batch(2)[0])


def test_loader_processes_cut_differently():
    torch.manual_seed(0)
    data = SegmentationDataModule(Data(train=2, batch_size=1, workers=2), 600, 32)
    data.data.sets["train"].kind_masks(0)
    first, second = (images for images, _ in data.train_dataloader())
    assert not torch.equal(first, second)


def test_validation_reads_whole_images_of_their_own_size_one_by_one():
    data = SegmentationDataModule(Data(val=3), 64, 32)
    batches = list(data.val_dataloader())
    dataset = data.split("val")
    assert len(batches) == 3
    for index, (images, masks) in enumerate(batches):
        assert torch.equal(images[0], torch.from_numpy(dataset.pixels(index)).permute(2, 0, 1))
        assert torch.equal(masks[0], torch.from_numpy(dataset.kind_masks(index)))
    assert len(list(data.test_dataloader())) == 3  # there are no test images


def test_images_without_masks_are_left_out_and_counted_once():
    data = SegmentationDataModule(Data(train=8, unmasked=3), 60, 32)
    words = r"\A3 of 8 images in the split 'train' have no lesion mask and are left out\Z"
    with pytest.warns(UserWarning, match=words):
        assert data.split("train").ids == ["0", "1", "2", "3", "4"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.split("train")
        data.split("val")
        assert sum(len(images) for images, _ in data.train_dataloader()) == 4  # a last batch of one is dropped


def test_a_split_without_any_mask_is_refused_in_one_line():
    with pytest.raises(
        InputError, match=r"\Aexpected images with lesion masks in the split 'train', found none in 8 .*\Z"
    ):
        SegmentationDataModule(Data(train=8, unmasked=8), 60, 32).split("train")


def test_a_working_size_is_refused_because_images_would_be_resized_twice():
    with pytest.raises(InputError, match=r"\Aexpected images at their own size, found data\.size 32; leave it out.*\Z"):
        SegmentationDataModule(Data(size=32), 60, 32)


@pytest.mark.parametrize("options", [{"size": 0}, {"tile": 0}, {"crops": 0}])
def test_options_out_of_range_are_refused(options):
    ((name, value),) = options.items()
    with pytest.raises(InputError, match=rf"\Aexpected {name} of at least 1, found {value}\Z"):
        SegmentationDataModule(Data(), **({"size": 60, "tile": 32, "crops": 1} | options))


def test_balanced_crops_show_every_class_equally_often():
    torch.manual_seed(0)
    data = Data(train=40, balanced=True, augment=False)
    data.sets["train"].labels = [0] * 36 + [1] * 4
    loader = SegmentationDataModule(data, 60, 64, crops=5).train_dataloader()
    drawn = torch.tensor([data.sets["train"].labels[index % 40] for index in loader.sampler])
    assert len(drawn) == 200
    assert 0.35 < float(drawn.float().mean()) < 0.65
