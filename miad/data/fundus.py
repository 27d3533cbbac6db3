"""What the fundus data sets share: photographs of megapixels with a black border."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from miad.data.base import ImageDataModule, ImageDataset, Split
from miad.data.disc import DiscDataset
from miad.data.files import FileDataset, ImageFile
from miad.errors import check_at_least


class Fundus(ImageDataModule):
    """Fundus photographs; subclasses set ``classes`` and ``files``.

    Args:
        root: the data set's folder.
        disc: side in pixels of the square that the disc is cut out to, once; null takes the photographs as they are.
        cache: folder of the squares; by default ``.miad`` in the root.
        loading: see `ImageDataModule`.
    """

    files: Mapping[Split, Sequence[ImageFile]]

    @abstractmethod  # no photographs of its own
    def __init__(
        self,
        root: Path,
        disc: int | None = 512,
        cache: Path | None = None,
        **loading: Any,  # noqa: ANN401  (the options of ImageDataModule)
    ) -> None:
        super().__init__(**loading)
        check_at_least(1, **({} if disc is None else {"disc": disc}))
        self.root = Path(root)
        self.disc = disc
        self.cache = self.root / ".miad" if cache is None else Path(cache)

    def splits(self) -> Mapping[Split, ImageDataset]:
        """The photographs of each split that has any, or their discs."""
        return {name: self._dataset(files) for name, files in self.files.items() if files}

    def _dataset(self, files: Sequence[ImageFile]) -> ImageDataset:
        if self.disc is None:
            return FileDataset(files, self.size, self.kinds)
        return DiscDataset(files, self.size, self.root, self.disc, self.cache, self.kinds)
