"""A small Hugging Face Hub on 127.0.0.1 for the tests: download with ranges, upload by commits, faults.

Repositories are folders ``root/{models,spaces}/OWNER/NAME``. Any revision is the present state, except
``missing``. It serves what huggingface_hub asks for when downloading single files, creating repositories
and committing, large files by the LFS protocol included.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

RESOLVE = re.compile(r"/(?:(spaces)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
CDN = "/cdn"
LARGE = 100_000  # bytes from which a file is of the LFS kind


@dataclass
class Fault:
    """What goes wrong: a status, "gated", "nofile", "hang", or a body cut, short, slow, norange, corrupt."""

    kind: str | int
    pattern: str
    times: int


@dataclass
class Hub:
    """State of the server."""

    root: Path
    url: str = ""
    redirects: bool = False
    requests: list[dict[str, object]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    commits: list[tuple[str, list[str]]] = field(default_factory=list)

    def fault(self, kind: str | int, pattern: str = ".*", times: int = 10**9) -> None:
        """Let the next ``times`` requests whose path the pattern finds go wrong."""
        self.faults.append(Fault(kind, pattern, times))

    def take(self, method: str, path: str) -> str | int | None:
        """The fault that meets a request, if one does."""
        for fault in self.faults:
            is_of_body = isinstance(fault.kind, str) and fault.kind not in {"hang", "gated", "nofile"}
            if fault.times > 0 and re.search(fault.pattern, path) and not (is_of_body and method != "GET"):
                fault.times -= 1
                return fault.kind
        return None

    def sent(self, pattern: str) -> int:
        """Bytes of bodies sent for paths the pattern finds."""
        return sum(int(str(r["bytes"])) for r in self.requests if re.search(pattern, str(r["path"])))

    def folder(self, kind: str, repo: str) -> Path:
        """Where a repository is."""
        return self.root / kind / repo

    def commit_of(self, folder: Path) -> str:
        """An id of the present state."""
        names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        state = [(name, digest(folder / name)) for name in names]
        return hashlib.sha1(repr(state).encode()).hexdigest()


_digests: dict[tuple[int, int, int, int], tuple[str, str]] = {}  # of files, whatever their names


def digest(path: Path) -> str:
    """The ETag of a file: sha256 of a large one, git's blob sha1 of a small one."""
    stat = path.stat()
    key = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    if key not in _digests:
        blob, sha = hashlib.sha1(b"blob %d\0" % stat.st_size), hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                blob.update(block)
                sha.update(block)
        _digests[key] = (blob.hexdigest(), sha.hexdigest())
    return _digests[key][stat.st_size >= LARGE]


@contextmanager
def serve(root: Path, *, redirects: bool = False) -> Iterator[Hub]:
    """Run a Hub over ``root`` while the block lasts."""
    hub = Hub(root, redirects=redirects)
    handler = type("Bound", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Answer(Exception):
    def __init__(self, status: int, body: object = None, **headers: str) -> None:
        self.status, self.body = status, {} if body is None else body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.record = {
            "method": self.command, "path": path, "range": self.headers.get("Range"), "bytes": 0,
            "token": self.headers.get("Authorization"), "status": 0,
        }  # fmt: skip
        self.hub.requests.append(self.record)
        try:
            fault = self.hub.take(self.command, path)
            if fault == "hang":
                time.sleep(1.5)
                self.close_connection = True
                return
            if fault == "gated":
                raise _Answer(403, {"error": "gated"}, X_Error_Code="GatedRepo")
            if fault == "nofile":
                raise _Answer(404, {"error": "no file"}, X_Error_Code="EntryNotFound")
            if isinstance(fault, int):
                more = {"Retry_After": "0"} if fault == 429 else {}
                raise _Answer(fault, {"error": f"fault {fault}"}, **more)
            found = RESOLVE.fullmatch(path.removeprefix(CDN))
            if found:
                self.resolve(*found.groups(), is_cdn=path.startswith(CDN), fault=fault)
            else:
                self.api(path, data)
        except _Answer as reply:
            body = json.dumps(reply.body).encode()
            self.head(reply.status, {"Content-Type": "application/json", **reply.headers}, len(body))
            self.put(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815  # names http.server calls

    def head(self, status: int, headers: dict[str, str], length: int) -> None:
        self.record["status"] = status
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def put(self, data: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(data)
            self.record["bytes"] = int(str(self.record["bytes"])) + len(data)

    def resolve(
        self, kind: str | None, repo: str, revision: str, name: str, *, is_cdn: bool, fault: str | int | None
    ) -> None:
        folder = self.hub.folder(kind or "models", repo)
        if not folder.is_dir():
            raise _Answer(404, {"error": "no repository"}, X_Error_Code="RepoNotFound")
        if revision == "missing":
            raise _Answer(404, {"error": "no revision"}, X_Error_Code="RevisionNotFound")
        commit, path = self.hub.commit_of(folder), folder / name
        if not path.is_file():
            raise _Answer(404, {"error": "no file"}, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        size, tag = path.stat().st_size, f'"{digest(path)}"'
        headers = {"X-Repo-Commit": commit, "ETag": tag, "Accept-Ranges": "bytes"}
        if size >= LARGE:
            headers |= {"X-Linked-Size": str(size), "X-Linked-Etag": tag}
            if self.hub.redirects and not is_cdn:
                there = f"http://localhost:{self.server.server_port}{CDN}/{repo}/resolve/{commit}/{name}"
                return self.head(302, {**headers, "Location": there}, 0)
        first, stop, status = 0, size, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if asked and fault != "norange":
            first, stop, status = int(asked[1]), min(size, int(asked[2] or size - 1) + 1), 206
            headers["Content-Range"] = f"bytes {first}-{stop - 1}/{size}"
        self.body(path, status, headers, first, stop, fault)

    def body(
        self, path: Path, status: int, headers: dict[str, str], first: int, stop: int, fault: str | int | None
    ) -> None:
        end = first + (stop - first) // 2 if fault in {"cut", "short"} else stop
        self.head(status, headers, (end if fault == "short" else stop) - first)
        if self.command == "HEAD":
            return
        with path.open("rb") as file:
            file.seek(first)
            while (here := file.tell()) < end:
                block = bytearray(file.read(min(1 << 16, end - here)))
                spot = (first + end) // 2 - here
                if fault == "corrupt" and 0 <= spot < len(block):
                    block[spot] ^= 255
                self.put(bytes(block))
                time.sleep(0.05 if fault == "slow" else 0)
        self.close_connection = fault == "cut"

    def api(self, path: str, data: bytes) -> None:
        if path.startswith("/upload/"):
            self.hub.uploads[path.removeprefix("/upload/")] = data
            raise _Answer(200)
        if path == "/api/validate-yaml":
            raise _Answer(200, {"errors": [], "warnings": []})
        if not self.headers.get("Authorization"):
            raise _Answer(401, {"error": "Invalid username or password."})
        if path == "/api/whoami-v2":
            raise _Answer(200, {"type": "user", "name": "tester", "orgs": [], "auth": {}})
        if path == "/api/repos/create":
            wish = json.loads(data)
            kind, repo = (
                f"{wish.get('type') or 'model'}s",
                f"{wish.get('organization') or 'tester'}/{wish['name']}",
            )
            reply = {"url": f"{self.hub.url}/{repo}", "name": repo, "id": repo}
            if self.hub.folder(kind, repo).exists():
                raise _Answer(409, {"error": "exists", **reply})
            self.hub.folder(kind, repo).mkdir(parents=True)
            raise _Answer(200, reply)
        if path.endswith("/info/lfs/objects/batch"):
            raise _Answer(200, {"transfer": "basic", "objects": [
                {**o, "actions": {"upload": {"href": f"{self.hub.url}/upload/{o['oid']}"}}}
                for o in json.loads(data)["objects"]
            ]})  # fmt: skip
        found = re.fullmatch(
            r"/api/(models|spaces)/([^/]+/[^/]+?)(?:/(revision|preupload|commit|tree)/([^/]+).*)?", path
        )
        if not found or not self.hub.folder(found[1], found[2]).is_dir():
            raise _Answer(404, {"error": f"nothing at {path}"}, X_Error_Code="RepoNotFound")
        self.repository(found[1], found[2], found[3] or "revision", data)

    def repository(self, kind: str, repo: str, verb: str, data: bytes) -> None:
        folder = self.hub.folder(kind, repo)
        present = {
            p.relative_to(folder).as_posix(): digest(p) for p in sorted(folder.rglob("*")) if p.is_file()
        }
        if verb == "preupload":
            raise _Answer(200, {"files": [
                {"path": f["path"], "uploadMode": "lfs" if f["size"] >= LARGE else "regular",
                 "shouldIgnore": False, "oid": present.get(f["path"])}
                for f in json.loads(data)["files"]
            ]})  # fmt: skip
        if verb == "commit":
            header, *changes = [json.loads(line) for line in data.splitlines() if line.strip()]
            names = []
            for change in changes:
                value = change["value"]
                target = folder / value["path"]
                names.append(value["path"])
                if change["key"] == "deletedFile":
                    target.unlink()
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                is_large = change["key"] == "lfsFile"
                target.write_bytes(
                    self.hub.uploads[value["oid"]] if is_large else base64.b64decode(value["content"])
                )
            self.hub.commits.append((header["value"]["summary"], names))
            oid = self.hub.commit_of(folder)
            raise _Answer(
                200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{repo}/commit/{oid}"}
            )
        if verb == "tree":
            raise _Answer(200, [
                {"type": "file", "path": name, "oid": tag, "size": (folder / name).stat().st_size}
                for name, tag in present.items()
            ])  # fmt: skip
        commit = self.hub.commit_of(folder)
        raise _Answer(200, {"_id": commit[:24], "id": repo, "modelId": repo, "sha": commit, "private": False,
                            "tags": [], "downloads": 0, "likes": 0,
                            "siblings": [{"rfilename": name} for name in present]})  # fmt: skip
