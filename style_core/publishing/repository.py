"""Publishing a folder of weights as a model repository of the Hub, and the demo as a Space.

Both first make a plan, which a dry run prints: every file, and the card. Publishing the same twice
commits nothing, for the Hub is asked what it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ..digest import file_sha256
from ..weights.hub import http_errors, imagenet_repository, our_repository
from ..weights.manifest import FILE as MANIFEST
from ..weights.manifest import Entry, Manifest
from .checkpoints import CheckpointError

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
CARD = "README.md"
# What a Space needs to run the demo; tests, benchmarks, training and publishing stay at home.
SPACE_PARTS = (
    "app.py",
    "requirements.txt",
    "demo",
    "style_core",
    "assets",
    "docs",
    "LICENSE",
    "NOTICE.md",
    "README.md",
    "README.zh-CN.md",
)
SPACE_LEFT_OUT = re.compile(
    r"__pycache__|\.pyc$|\.pyi$|^style_core/(training/|publishing/repository\.py)|/curves/"
)
SPDX = {
    "MIT": "mit",
    "BSD-3-Clause": "bsd-3-clause",
    "CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0",
    "CC BY 4.0": "cc-by-4.0",
}


@dataclass(frozen=True)
class Publication:
    """What would be in a repository: files by their path there, texts made for it, and what to say of it."""

    repo: str
    kind: str  # "model" or "space"
    files: Mapping[str, Path]
    texts: Mapping[str, str]
    message: str
    private: bool = False

    def __str__(self) -> str:
        sizes = {name: path.stat().st_size for name, path in self.files.items()}
        sizes |= {name: len(text.encode()) for name, text in self.texts.items()}
        listed = [f"  {name}  {size / 1e6:.2f} MB" for name, size in sorted(sizes.items())]
        access = "private" if self.private else "public"
        return "\n".join([f"{access} {self.kind} {self.repo}: {self.message}", *listed])


def plan_weights(folder: Path, repo: str, *, private: bool = False) -> Publication:
    """The plan of publishing ``folder``: a family's folder, or one with families in it.

    Raises:
        CheckpointError: a name is none, nothing is there, or a file is not what its manifest says.
    """
    _check_name(repo)
    families = _families(folder)
    files: dict[str, Path] = {}
    for family, (place, entries) in families.items():
        files[f"{family}/{MANIFEST}"] = place / MANIFEST
        for name, entry in entries.items():
            path = place / name
            _check_file(path, entry)
            files[f"{family}/{name}"] = path
    card = model_card(repo, {family: entries for family, (_, entries) in families.items()})
    return Publication(repo, "model", files, {CARD: card}, f"Weights of {', '.join(families)}", private)


def plan_space(repo: str, *, private: bool = False, root: Path = ROOT) -> Publication:
    """The plan of pushing the demo as a Gradio Space.

    Raises:
        CheckpointError: a name is none.
    """
    _check_name(repo)
    files: dict[str, Path] = {}
    for part in SPACE_PARTS:
        path = root / part
        inside = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        files |= {p.relative_to(root).as_posix(): p for p in inside}
    files = {name: path for name, path in files.items() if not SPACE_LEFT_OUT.search(name)}
    readme = with_front_matter((root / CARD).read_text("utf-8"), _gradio_version(), _weights_repository())
    del files[CARD]
    return Publication(repo, "space", files, {CARD: readme}, "The style transfer demo", private)


def carry_out(plan: Publication) -> str | None:
    """Create the repository if it is not there and commit what differs; the commit's address, or ``None``.

    Raises:
        CheckpointError: with what the Hub answered.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_session
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi()
    failures: tuple[type[Exception], ...] = (OSError, *http_errors(get_session()))
    try:
        sdk = "gradio" if plan.kind == "space" else None
        api.create_repo(plan.repo, repo_type=plan.kind, private=plan.private, exist_ok=True, space_sdk=sdk)
        info = api.repo_info(plan.repo, repo_type=plan.kind)
        before = info.sha
        if plan.private and info.private is False:
            raise CheckpointError(f"{plan.repo} exists and is public; make it private on its page first.")
        changes = [CommitOperationAdd(name, str(path)) for name, path in plan.files.items()]
        changes += [CommitOperationAdd(name, text.encode()) for name, text in plan.texts.items()]
        commit = api.create_commit(plan.repo, changes, commit_message=plan.message, repo_type=plan.kind)
        return None if commit.oid == before else str(commit.commit_url)
    except HfHubHTTPError as error:
        code = int(getattr(error.response, "status_code", 0))
        reasons = {401: "set HF_TOKEN to a token that may write", 403: "your token may not write there"}
        reason = reasons.get(code, "try again later")
        raise CheckpointError(f"The Hub answered {code} for {plan.repo}: {reason}.") from error
    except failures as error:
        raise CheckpointError(f"{plan.repo} cannot be published: {error}.") from error


def _check_name(repo: str) -> None:
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
        is_name = NAME.fullmatch(repo) is not None
    except ValueError:
        is_name = False
    if not is_name:
        raise CheckpointError(f"A repository is named USER/NAME, not {repo!r}.")


def _families(folder: Path) -> dict[str, tuple[Path, Mapping[str, Entry]]]:
    """Family -> its folder and the entries of its manifest."""
    found: dict[str, tuple[Path, Mapping[str, Entry]]] = {}
    for place in (folder, *sorted(p for p in folder.glob("*") if p.is_dir())):
        path = place / MANIFEST
        if not path.is_file():
            continue
        try:
            manifest = Manifest.read(path)
        except ValueError as error:
            raise CheckpointError(f"{path} is damaged.") from error
        family, entries = manifest.family or place.name, manifest.files
        if not re.fullmatch(r"[a-z0-9_]+", family) or any(not re.fullmatch(r"[\w.-]+", n) for n in entries):
            raise CheckpointError(f"{path} names a family or a file that cannot be one.")
        if family in found:
            raise CheckpointError(
                f"{found[family][0]} and {place} are both of the {family} family; publish one."
            )
        found[family] = (place, entries)
    if not found:
        raise CheckpointError(f"{folder} holds no {MANIFEST}; convert or train weights into it first.")
    return found


def _check_file(path: Path, entry: Entry) -> None:
    try:
        if file_sha256(path) != entry.sha256:
            raise CheckpointError(f"{path} is not the file its manifest describes.")
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118
                if not bool(torch.isfinite(file.get_tensor(key)).all()):
                    raise CheckpointError(f"{path} holds values that are not finite in {key}.")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors.") from error


def model_card(repo: str, families: Mapping[str, Mapping[str, Entry]]) -> str:
    """The card: licence, origin and metrics of every file, and how to use them."""
    licences = {e.licence for entries in families.values() for e in entries.values()}
    known = SPDX.get(next(iter(licences))) if len(licences) == 1 else None
    lines = ["---", f"license: {known or 'other'}", "library_name: style_core"]
    lines += ["tags:", "- style-transfer", "---", "", f"# {repo.partition('/')[2]}", ""]
    lines += ["Weights of style_core, safetensors in canonical names."]
    if any("-NC" in licence for licence in licences):
        lines += ["", "**Some files are for non-commercial use only; see the table.**"]
    for family, entries in families.items():
        lines += ["", f"## {family}", "", "| file | licence | origin | metrics |", "|---|---|---|---|"]
        for name, entry in sorted(entries.items()):
            origin = entry.values.get("origin", "unknown")
            lines.append(f"| `{name}` | {entry.licence} | {origin} | {_metrics(entry)} |")
    command = f"python -m style_core wct2 photo.jpg style.jpg -o out.png --family {next(iter(families))}"
    lines += ["", "## Use", "", "```", f"export STYLE_CORE_REPO={repo}", command, "```", ""]
    return "\n".join(lines)


def _metrics(entry: Entry) -> str:
    decibels = (entry.values.get("metrics") or {}).get("reconstruction_db") or {}
    return f"reconstruction {decibels['median']} dB" if "median" in decibels else ""


def with_front_matter(readme: str, gradio: str, models: Iterable[str]) -> str:
    """The README as a Space's card: its own front matter with this Gradio version and these models."""
    found = re.match(r"\A---\n(.*?)\n---\n+", readme, re.S)
    own = found[1].split("\n") if found else ["title: Style transfer", "sdk: gradio", "app_file: app.py"]
    kept, is_models = [], False
    for line in own:
        is_models = line.startswith("models:") or (is_models and line.startswith("- "))
        if not is_models and not line.startswith("sdk_version:"):
            kept.append(line)
    listed = [f"- {name}" for name in models]
    lines = ["---", *kept, f"sdk_version: {gradio}", *(["models:", *listed] if listed else []), "---", ""]
    return "\n".join(lines) + "\n" + (readme[found.end() :] if found else readme)


def _gradio_version() -> str:
    from importlib.metadata import version

    return version("gradio")


def _weights_repository() -> list[str]:
    remote = our_repository()
    return [imagenet_repository().repo, *([remote.repo] if remote else [])]
