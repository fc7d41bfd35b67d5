"""Shared comparisons in a dataset repository, against the stand-in for the Hub beside this checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT.parent / "shared" / "tools"
SCRIPT = """
import subprocess, sys
sys.path[:0] = [{root!r}]
from PIL import Image
from demo.shared_pictures import SharedFile
from demo.shares import ShareError, ShareNotFound, ShareStore

place = "hf://datasets/me/shares/demo"
photo = {{"content": SharedFile(Image.new("RGB", (20, 20), "red"))}}
first = ShareStore(place).save({{"n": 1}}, photo)
store = ShareStore(place)
second = store.save({{"n": 2}}, photo)
fresh = ShareStore(place)
assert fresh.load(first.id).record == {{"n": 1}}
assert fresh.picture(first.id, "content")[1] == "image/jpeg"
store.delete(first.id, first.key)
for unknown in (first.id, "a" * 22):
    try:
        ShareStore(place).load(unknown)
        raise SystemExit("found what is not there")
    except ShareNotFound:
        pass
assert ShareStore(place).picture(second.id, "content")
try:
    ShareStore("hf://datasets/me/missing/demo").save({{}}, photo)
    raise SystemExit("saved in a repository that is not there")
except ShareError as error:
    assert "cannot be reached just now" in str(error), error

# another process saves after this one has listed: neither missed nor swept
stale = ShareStore(place)
stale.sweep()
save = "import sys; from PIL import Image; from demo.shared_pictures import SharedFile; " \\
    "from demo.shares import ShareStore; " \\
    "photo = {{'style': SharedFile(Image.new('RGB', (20, 20), 'blue'))}}; " \\
    "print(ShareStore(sys.argv[1]).save({{'n': 3}}, photo).id)"
third = subprocess.check_output([sys.executable, "-c", save, place], cwd={root!r}, text=True).strip()
assert stale.load(third).record == {{"n": 3}}
stale.sweep()
assert ShareStore(place).picture(third, "style")
print("done")
"""


def test_a_dataset_repository_keeps_shares(tmp_path):
    if not (TOOLS / "fake_hub.py").exists():
        pytest.skip("the stand-in for the Hub is not beside this checkout")
    sys.path.insert(0, str(TOOLS))
    try:
        from fake_hub import FakeHub
    finally:
        sys.path.remove(str(TOOLS))
    folder = tmp_path / "hub"
    (folder / "datasets" / "me" / "shares").mkdir(parents=True)
    with FakeHub(folder) as hub:
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_test",
                       "HF_HOME": str(tmp_path / "home")}  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(root=str(ROOT))], env=environment, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip
    assert done.stdout.strip() == "done", done.stderr[-2000:]
    kept = [
        p.relative_to(folder).as_posix()
        for p in folder.rglob("demo/**/*")
        if p.is_file() and ".commits" not in p.parts
    ]
    assert sum("/blobs/" in path for path in kept) == 2
    assert sum("/shares/" in path.removeprefix("datasets/me/shares") for path in kept) == 2
