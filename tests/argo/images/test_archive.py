"""Archives of images, which nodes import under two names."""

import json
import tarfile
from pathlib import Path

import pytest

from eas_argo.images.archive import by_digest, full_name, sealed

DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("eas/eas_base:0.1", "docker.io/eas/eas_base:0.1"),
        ("stubs", "docker.io/library/stubs"),
        ("registry.example.org/eas:1", "registry.example.org/eas:1"),
        ("here:5000/eas:1", "here:5000/eas:1"),
        ("localhost/eas:1", "localhost/eas:1"),
    ],
)
def test_full_name(image: str, name: str) -> None:
    """An image without a registry is one of docker.io."""
    assert full_name(image) == name


def test_name_by_digest() -> None:
    """The digest stands in the place of the tag, not of the registry's port."""
    assert by_digest("here:5000/eas/x:0.1", DIGEST) == f"here:5000/eas/x@{DIGEST}"


def test_archive_has_both_names(tmp_path: Path) -> None:
    """A node that imports the archive knows the image by tag and by digest."""
    layout = tmp_path / "layout"
    (layout / "blobs").mkdir(parents=True)
    (layout / "oci-layout").write_text("{}", "utf-8")
    (layout / "index.json").write_text(json.dumps({"manifests": [{"digest": DIGEST, "size": 3}]}), "utf-8")
    assert sealed(layout, "eas/x:1", tmp_path / "x.tar") == DIGEST
    with tarfile.open(tmp_path / "x.tar") as archive:
        found = archive.extractfile("index.json")
        assert found is not None
        manifests = json.load(found)["manifests"]
    names = [one["annotations"]["io.containerd.image.name"] for one in manifests]
    assert names == ["docker.io/eas/x:1", f"docker.io/eas/x@{DIGEST}"]
    assert {(one["digest"], one["size"]) for one in manifests} == {(DIGEST, 3)}


def test_layout_of_several_images(tmp_path: Path) -> None:
    """A layout that does not hold one image is refused."""
    (tmp_path / "index.json").write_text('{"manifests": []}', "utf-8")
    with pytest.raises(ValueError, match="does not hold one image"):
        sealed(tmp_path, "eas/x:1", tmp_path / "x.tar")
