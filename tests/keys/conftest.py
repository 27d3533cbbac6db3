import pytest

from .samples import a_key, marked_images


@pytest.fixture(scope="session")
def images():
    """Originals, marked images and records."""
    return marked_images()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.miadkey"


@pytest.fixture
def issuer(path, images):
    """Of the key at `path`."""
    return a_key(path, images)
